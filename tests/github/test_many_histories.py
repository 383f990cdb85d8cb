"""Three hundred repositories of a file are there within the hour, with their past.

All is scaled down, since it would take long otherwise: two requests a repository in place of 13
(itself, and the twelve pages of seven years), of as many fewer that a token has an hour, each of
which takes as much longer than 0.3 s.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Response

from core import clock, lists
from core.clock import DAY, HOUR
from github import history_walk
from github.errors import NotYet
from local.fake_github.faults import FaultInjector
from local.fake_github.limits import LIMITS, Quota
from local.fake_github.worlds import MadeUpWorld, Trajectory
from store.database import Database
from tests.support.common import MakeApp
from tests.support.served import run
from tests.support.simulation import Simulation

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCALE = 13 / 2
MANY = 300
LATENCY = timedelta(seconds=0.3)
TOKEN = "ghp_0123456789abcdef"


class Slow(FaultInjector):
    """Each answer takes its time."""

    here: Simulation

    def __call__(self, response: Response) -> Response:
        self.here.now += SCALE * LATENCY
        return response


@pytest.mark.sqlite
@pytest.mark.parametrize("make_app", ["by Flask"], indirect=True)
def test_three_hundred_of_a_file_are_there_with_their_past_within_the_hour(
    database: Database, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trajectory, "age", timedelta(weeks=20))
    world = MadeUpWorld(languages=["Python", "Rust"], born=START - 10 * DAY)
    app = make_app(github_token=TOKEN)
    slow = Slow()
    here = slow.here = Simulation(database, app.extensions["settings"], world, START, faults=slow)
    core = Quota(60, int(LIMITS["core"].authorized / SCALE), HOUR)
    here.app.extensions["fake_github"].meter.limits = {**LIMITS, "core": core}
    monkeypatch.setattr(clock, "now", here.clock)
    file = tmp_path / "names"
    file.write_text(
        "\n".join(it.full_name for it in world.search(lists.KNOWN["stars"], 0, START)[:MANY])
    )

    said = run(app, "follow", "-f", str(file))
    while _read_on(here):
        pass

    assert said[1].splitlines()[0] == f"{MANY} followed, {MANY} of them anew."
    assert here.now - START < HOUR / 2
    assert len(here.requests) == 2 * MANY
    assert {record.status for record in here.requests} == {200}
    told = app.test_client().get("/api/v1/follows?limit=1000").json
    assert told is not None
    states = [(it["state"], it["history"]["state"]) for it in told["items"]]
    assert states == [("sampled", "complete")] * MANY


def _read_on(here: Simulation) -> bool:
    """A turn of the job that reads histories; False once none is wanted."""
    with here.github(turn="history", urgent=True) as github:
        try:
            slot_of = partial(clock.floor, step=here.settings.poll_every)
            done = history_walk.take_turn(here.database, github, slot_of, here.clock)
        except NotYet as error:
            here.now = error.until
            return True
    return done["outcome"] != "nobody waits"
