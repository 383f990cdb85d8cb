"""What Prometheus is told: names and units it understands, and values of the status."""

import re
import shutil
import subprocess
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

import metrics
from openapi import EXAMPLES
from status import UNREACHABLE, Status
from support import ROOT

COUNT = "starboard_http_request_duration_seconds_count"

pytestmark = pytest.mark.usefixtures("now")

EXAMPLE: Status = EXAMPLES[str(Status)]


def samples(text: bytes) -> dict[str, float]:
    """Each sample by its name and labels."""
    return {
        f"{it.name}{sorted(it.labels.items())}": it.value
        for family in text_string_to_metric_families(text.decode())
        for it in family.samples
    }


def of_status(**changes: Any) -> dict[str, float]:
    live: Any = {**EXAMPLE, **changes}
    return {
        name: value
        for name, value in samples(metrics.exposition(live)).items()
        if not name.startswith("starboard_http_")
    }


def test_the_status_is_told_in_base_units() -> None:
    budget = {"resource": "search", "limit": 30, "remaining": 12, "reset_at": None}
    watched = {"full_name": "o/r", "age_seconds": 99, "last_error": None}

    assert of_status(workers=[{}, {}], github=[budget], watched=[watched]) == {
        "starboard_poll_age_seconds[('list', 'stars')]": 312,
        "starboard_polls_expected[('list', 'stars')]": 144,
        "starboard_polls_received[('list', 'stars')]": 143,
        "starboard_watch_age_seconds[('repository', 'o/r')]": 99,
        "starboard_document_age_seconds[]": 12,
        "starboard_github_requests_limit[('resource', 'search')]": 30,
        "starboard_github_requests_remaining[('resource', 'search')]": 12,
        "starboard_redis_up[]": 1,
        **{
            f"starboard_queue_jobs[('queue', 'default'), ('state', '{state}')]": count
            for state, count in (("queued", 0), ("started", 1), ("scheduled", 0), ("failed", 0))
        },
        "starboard_workers[]": 2,
        "starboard_jobs_total[('job', 'poll'), ('outcome', 'good')]": 5_143,
    }


def test_what_nobody_knows_is_left_out_not_zero() -> None:
    never = {"slug": "go", "age_seconds": None, "expected": 0, "received": 0}

    assert of_status(**UNREACHABLE, lists=[never], build=None) == {
        "starboard_polls_expected[('list', 'go')]": 0,
        "starboard_polls_received[('list', 'go')]": 0,
        "starboard_redis_up[]": 0,
    }


def counted(site: FlaskClient) -> dict[str, float]:
    found = samples(site.get("/metrics").data)
    return {name: it for name, it in found.items() if name.startswith(COUNT)}


def test_requests_are_counted_by_route_method_and_status_whoever_answers(
    full: FlaskClient,
) -> None:
    before = counted(full)
    for _ in range(3):
        tag = full.get("/api/v1/lists/stars").headers["ETag"]
    full.head("/api/v1/lists/STARS")
    full.get("/api/v1/lists/stars", headers={"If-None-Match": tag})
    full.get("/api/v1/lists/rust")
    full.get("/nowhere/at/all")
    full.open("/api/v1/lists", method="BREW")
    after = counted(full)

    new = {name: it - before.get(name, 0) for name, it in after.items()}
    assert {name.partition("[")[2]: it for name, it in new.items() if it} == {
        "('method', 'GET'), ('route', '/api/v1/lists/<slug>'), ('status', '200')]": 3,
        "('method', 'HEAD'), ('route', '/api/v1/lists/<slug>'), ('status', '200')]": 1,
        "('method', 'GET'), ('route', '/api/v1/lists/<slug>'), ('status', '304')]": 1,
        "('method', 'GET'), ('route', '/api/v1/lists/<slug>'), ('status', '404')]": 1,
        "('method', 'GET'), ('route', 'other'), ('status', '404')]": 1,
        "('method', 'other'), ('route', 'other'), ('status', '405')]": 1,
        "('method', 'GET'), ('route', '/metrics'), ('status', '200')]": 1,
    }


def test_the_time_of_every_request_is_in_the_histogram(full: FlaskClient) -> None:
    labels = "('method', 'GET'), ('route', '/api/v1/lists/<slug>'), ('status', '200')]"
    bucket = f"{COUNT.replace('count', 'bucket')}[('le', '+Inf'), {labels}"
    before = samples(full.get("/metrics").data).get(bucket, 0)
    for _ in range(4):
        full.get("/api/v1/lists/stars")

    assert samples(full.get("/metrics").data)[bucket] == before + 4


def test_promtool_finds_nothing_to_say(full: FlaskClient) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here; Debian's package prometheus has it")
    full.get("/api/v1/lists/stars")

    said = subprocess.run(
        [promtool, "check", "metrics"],
        input=full.get("/metrics").data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )

    assert (said.returncode, said.stdout) == (0, b"")


ALERTS = (ROOT / "docs" / "alerts.yml").read_text()


def test_alerts_are_about_metrics_that_there_are(full: FlaskClient) -> None:
    full.get("/api/v1/lists/stars")
    live: Any = {
        **EXAMPLE,
        "workers": [{}],
        "github": [{"resource": "core", "limit": 1, "remaining": 0}],
    }
    there = {name.partition("[")[0] for name in samples(metrics.exposition(live))}

    named = set(re.findall(r"\bstarboard_\w+", ALERTS))
    assert named - there == set()
    assert len(named) >= 9


def test_every_alert_is_in_the_table_of_what_goes_wrong() -> None:
    table = (ROOT / "docs" / "monitoring.md").read_text()

    assert set(re.findall(r"alert: (\w+)", ALERTS)) == set(re.findall(r"`(Starboard\w+)`", table))


def test_metrics_are_of_this_moment(full: FlaskClient) -> None:
    response = full.get("/metrics")

    assert response.headers["Cache-Control"] == "no-store"
    assert re.match(r"text/plain; version=[\d.]+", response.headers["Content-Type"])
