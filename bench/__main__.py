"""`make bench`: the table of what Starboard costs, each figure with what it was to reach."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import click

from bench import building, reading, serving
from bench.laboratory import Laboratory, laboratory


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: what it was in October 2026, what it is to reach, and how it is measured; None
    where it cannot be here. `at_least`: more is better."""

    name: str
    was: str
    goal: float
    unit: str
    measure: Callable[[Laboratory], float | None]
    at_least: bool = False

    def verdict(self, measured: float) -> str:
        reached = measured >= self.goal if self.at_least else measured <= self.goal
        return "reached" if reached else "short"

    def line(self, measured: float | None) -> str:
        goal = f"{'≥' if self.at_least else '≤'} {self.goal:g} {self.unit}"
        now = "needs wrk" if measured is None else f"{measured:.3g} {self.unit}"
        verdict = "" if measured is None else self.verdict(measured)
        return f"{self.name:58}{self.was:>22}{goal:>14}{now:>13}  {verdict}"


ROWS = (
    Row(
        "a list under wrk -c16, its log in a file / a bare function",
        "0.21",
        0.80,
        "times",
        lambda lab: serving.share_of_bare(lab.settings.database_url, lab.folder),
        at_least=True,
    ),
    Row("memory of all that make run starts", "330 MB", 200, "MB", lambda lab: lab.run.memory),
    Row("first data, GitHub at 100 ms", "3 s", 2, "s", lambda lab: lab.run.first_data),
    Row("CPU of a poll job that finds its slot done", "77 ms", 25, "ms", building.done_poll),
    Row("a build of 36 lists, none changed", "65 to 300 ms", 10, "ms", building.unchanged),
    Row("a build of 36 lists, one changed", "65 to 300 ms", 100, "ms", building.one_changed),
    Row("the write lock during a build of all", "47 ms", 10, "ms", building.write_lock),
    Row("/api/v1/status, /metrics", "50 to 80 ms", 10, "ms", reading.status),
    Row("… statements", "111", 8, "", reading.status_statements),
    Row(
        "import by RQ, 2 workers / the best single process",
        "0.99 to 1.04",
        1.3,
        "times",
        lambda lab: lab.imported.times,
        at_least=True,
    ),
    Row("… memory of a job", "267 MB", 200, "MB", lambda lab: lab.imported.memory),
    Row("a chart of ten repositories, seven years", "26 ms", 15, "ms", reading.chart),
    Row("/history of seven years", "5.1 ms", 3, "ms", reading.history),
    Row("… on the wire", "189 kB", 26, "kB", reading.history_bytes),
)


def main() -> None:
    """Measure all rows, saying what takes a while, and print the table."""
    began = time.monotonic()

    def say(what: str) -> None:
        click.echo(f"{time.monotonic() - began:4.0f} s  {what}", err=True)

    lines = []
    with laboratory(say) as lab:
        for row in ROWS:
            say(row.name)
            lines.append(row.line(row.measure(lab)))
    click.echo(f"{'':58}{'was':>22}{'to reach':>14}{'now':>13}")
    for line in lines:
        click.echo(line)


if __name__ == "__main__":
    main()
