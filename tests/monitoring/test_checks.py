"""What is wrong, in the words of the status page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock, lists
from monitoring import checks
from monitoring.status import ListStatus, Status
from settings import Settings
from tests.support.common import ROOT, MakeSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def polled(slug: str = "stars", **changes: Any) -> ListStatus:
    status: Any = {
        "slug": slug,
        "as_of": None,
        "age_seconds": 60,
        "expected": 144,
        "received": 144,
        "gaps": [],
        "suspects": [],
        "last_error": None,
    }
    return status | changes  # type: ignore[no-any-return]


def live(**changes: Any) -> Status:
    """A status of which nothing is wrong, but for the changes."""
    status: Any = {
        "lists": [polled()],
        "watched": [{"full_name": "a/b", "age_seconds": 60, "last_error": None}],
        "build": {"built_at": "", "age_seconds": 1800, "next_build_at": ""},
        "queues": [{"name": "default", "failed": 0}],
        "workers": [{"name": "one"}],
        "next_runs": [],
        "jobs": [],
        "github": [{"resource": "search", "next_request_at": at(10)}],
        "troubles": [],
    }
    return status | changes  # type: ignore[no-any-return]


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(lists=tuple(lists.KNOWN.values()))


def at(minutes: float) -> str:
    return clock.rfc3339(NOW + timedelta(minutes=minutes))


def gap(end: int) -> dict[str, Any]:
    return {"from": at(end - 10), "to": at(end), "slots": 1}


def failed(*counts: int) -> list[dict[str, Any]]:
    return [{"name": "default", "failed": count} for count in counts]


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        (
            {"build": None},
            ["Nothing is published yet: the first poll and the first build are still to come."],
        ),
        (
            {"workers": None, "queues": None},
            ["Redis cannot be reached, so no job can run. What is stored is served all the same."],
        ),
        (
            {"workers": []},
            [
                "No worker has given a sign of life for more than a minute, so nothing is polled "
                "and nothing is built."
            ],
        ),
        ({"next_runs": [{"name": "aggregate", "at": at(-1)}]}, []),
        (
            {"next_runs": [{"name": "poll-c", "at": at(-2)}, {"name": "aggregate", "at": at(-9)}]},
            ["The scheduler queues nothing: aggregate was due at 11:51 UTC."],
        ),
        (
            {"build": {"built_at": "", "age_seconds": 1801, "next_build_at": ""}},
            ["The last build is 30 min old; one is due every 15 min."],
        ),
        ({"lists": [polled(age_seconds=1201)]}, ["Stars had no good poll lately."]),
        ({"lists": [polled(age_seconds=None)]}, ["Stars had no good poll lately."]),
        ({"lists": [polled(age_seconds=None, expected=1)]}, []),
        ({"lists": [polled(gaps=[gap(-119)])]}, ["Stars missed polls in the last 2 h."]),
        ({"lists": [polled(gaps=[gap(-120)])]}, []),
        (
            {"lists": [polled(gaps=[gap(-10)], suspects=[gap(-10)])]},
            ["GitHub's answers about Stars in the last 2 h were suspect, and are not shown."],
        ),
        (
            {"lists": [polled(gaps=[{**gap(0), "from": at(-20), "slots": 2}], suspects=[gap(0)])]},
            [
                "Stars missed polls in the last 2 h.",
                "GitHub's answers about Stars in the last 2 h were suspect, and are not shown.",
            ],
        ),
        (
            {"lists": [polled(age_seconds=1201, gaps=[gap(-10)]), polled("forks", gaps=[gap(-9)])]},
            ["Stars had no good poll lately.", "Forks missed polls in the last 2 h."],
        ),
        ({"queues": failed(1)}, ["1 job was given up in the queue default."]),
        ({"queues": failed(2)}, ["2 jobs were given up in the queue default."]),
        (
            {"github": [{"resource": "search", "next_request_at": at(11)}]},
            ["GitHub is not asked (search) before 12:11 UTC."],
        ),
        (
            {"watched": [{"full_name": "a/b", "age_seconds": 9, "last_error": "gone (404)"}]},
            ["a/b, which is watched: gone (404)."],
        ),
        (
            {"watched": [{"full_name": f"a/{i}", "last_error": "gone"} for i in range(7)]},
            [
                "7 watched repositories fail: "
                "a/0: gone; a/1: gone; a/2: gone; a/3: gone; a/4: gone; and 2 more."
            ],
        ),
    ],
)
def test_each_trouble_has_a_sentence(
    settings: Settings, changes: dict[str, Any], sentences: list[str]
) -> None:
    found = checks.troubles(live(**changes), settings, NOW)

    assert [it.sentence for it in found] == sentences
    assert all(it.action.endswith(".") for it in found)


def test_the_worst_comes_first(settings: Settings) -> None:
    status = live(build=None, workers=None, queues=failed(3), lists=[polled(age_seconds=None)])

    found = checks.troubles(status, settings, NOW)

    assert [it.sentence.split()[0] for it in found] == ["Nothing", "Redis", "Stars", "3"]


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"lists": [polled(age_seconds=1201)]}, at(10)),  # the next slot
        ({"build": {"built_at": "", "age_seconds": 1801, "next_build_at": ""}}, at(0.5)),
        ({"github": [{"resource": "search", "next_request_at": at(11)}]}, at(11)),
        ({"workers": []}, None),  # somebody has to start one
    ],
)
def test_each_says_when_it_is_tried_again_by_itself(
    settings: Settings, changes: dict[str, Any], again: str | None
) -> None:
    [found] = checks.troubles(live(**changes), settings, NOW)

    assert (found.again and clock.rfc3339(found.again)) == again


HUNG = {"workers": []}
OVERDUE = {"next_runs": [{"name": "aggregate", "at": at(-9)}]}
OLD = {"age_seconds": 1201, "gaps": [gap(-10)]}


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"lists": [polled(**OLD, last_error="500")]}, "last_error of the list in the status"),
        ({"lists": [polled(**OLD), polled(last_error="500")]}, "Its polls do not end: look at"),
        ({"lists": [polled(**OLD)], **HUNG}, "No job runs without a worker: see"),
        ({"lists": [polled(**OLD, last_error="500")], **OVERDUE}, "No job runs without the sched"),
        ({"lists": [polled(**OLD)], **HUNG, **OVERDUE}, "No job runs without a worker and the sc"),
        ({"lists": [polled(**OLD)], "workers": None}, "No job runs without Redis: see"),
        ({"lists": [polled(gaps=[gap(-10)])], **HUNG}, "No job runs without a worker: see"),
        ({"build": None, **OVERDUE}, "No job runs without the scheduler: see"),
        ({"build": {"built_at": "", "age_seconds": 9999}, **HUNG}, "No job runs without a worker"),
    ],
)
def test_actions_are_of_the_cause_and_nothing_is_tried_that_cannot_be(
    settings: Settings, changes: dict[str, Any], action: str
) -> None:
    found = checks.troubles(live(**changes), settings, NOW)

    actions = [it.action for it in found if not it.action.startswith(("It may", "Start Redis"))]
    assert [it[: len(action)] for it in actions] == [action]
    assert not any(it.again for it in found) or len(found) == 1


def test_the_json_tells_the_same(settings: Settings) -> None:
    status = live(lists=[polled(**OLD, last_error="500")])

    assert checks.told_status(status, settings, NOW) == {
        **status,
        "wrong": [
            {
                "sentence": "Stars had no good poll lately.",
                "action": checks.LAST_ERROR,
                "next_try_at": at(10),
            }
        ],
    }


def test_actions_are_those_of_the_alerts() -> None:
    """But for what no alert is about: a repository that GitHub withholds, and the scheduler, of
    which there is no metric."""
    alerts = (ROOT / "docs" / "alerts.yml").read_text()
    unlike = ("_withheld", "_scheduler_late")
    told = [it.action for check, it in checks.CHECKS.items() if check.__name__ not in unlike]
    texts = {checks.LAST_ERROR, checks.NO_ERROR, *(it for it in told if isinstance(it, str))}

    assert [text for text in texts if text not in alerts] == []


@pytest.mark.parametrize(
    ("slugs", "names"),
    [
        ("", ""),
        ("stars", "Stars"),
        ("stars forks", "Stars and Forks"),
        ("stars forks c go", "Stars, Forks, C and Go"),
        ("stars forks c go ruby", "Stars, Forks, C and 2 other lists"),
    ],
)
def test_lists_are_named_as_in_a_sentence(settings: Settings, slugs: str, names: str) -> None:
    statuses = [polled(slug) for slug in slugs.split()]

    assert checks.names_of_lists(statuses, settings) == names
