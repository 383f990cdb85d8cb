"""What Prometheus is told: names and units it understands, and values of the status."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from monitoring import metrics
from monitoring.checks import ToldStatus
from monitoring.redis_status import UNREACHABLE
from monitoring.status import Status
from queues import JOB_NAMES
from tests.support.common import ROOT, MakeApp
from web.openapi_examples import EXAMPLES

COUNT = "starboard_http_request_duration_seconds_count"

pytestmark = pytest.mark.usefixtures("now")

EXAMPLE: Status = EXAMPLES[ToldStatus]


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
        "starboard_database_up[]": 1,
        "starboard_watch_failing[('repository', 'o/r')]": 0,
        "starboard_poll_age_seconds[('list', 'stars')]": 312,
        "starboard_polls_expected[('list', 'stars')]": 144,
        "starboard_polls_received[('list', 'stars')]": 143,
        "starboard_polls_suspect[('list', 'stars')]": 0,
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
        **{
            f"starboard_jobs_total[('job', '{job}'), ('outcome', 'failed')]": 0 for job in JOB_NAMES
        },
    }


def test_what_nobody_knows_is_left_out_not_zero() -> None:
    never = {"slug": "go", "age_seconds": None, "expected": 0, "received": 0, "suspects": []}

    assert of_status(**UNREACHABLE, lists=[never], build=None) == {
        "starboard_database_up[]": 1,
        "starboard_polls_expected[('list', 'go')]": 0,
        "starboard_polls_received[('list', 'go')]": 0,
        "starboard_polls_suspect[('list', 'go')]": 0,
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
        "watched": [{"full_name": "o/r", "age_seconds": 1, "last_error": None}],
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


# What is scraped while all is well; a case changes some of it.
WELL = {
    'up{job="starboard"}': "1x180",
    "starboard_database_up": "1x180",
    "starboard_redis_up": "1x180",
    "starboard_workers": "2x180",
    "starboard_document_age_seconds": "400x180",
    'starboard_poll_age_seconds{list="go"}': "500x180",
    'starboard_polls_expected{list="go"}': "144x180",
    'starboard_polls_received{list="go"}': "143x180",
    'starboard_watch_failing{repository="o/r"}': "0x180",
    'starboard_queue_jobs{queue="default",state="queued"}': "3x180",
    'starboard_jobs_total{job="poll",outcome="failed"}': "0x180",
    'starboard_github_requests_remaining{resource="search"}': "9x180",
    f'{COUNT}{{route="/",method="GET",status="200"}}': "0+600x180",
    f'{COUNT}{{route="/",method="GET",status="503"}}': "0x180",
    f'{COUNT.replace("count", "bucket")}{{route="/",le="0.5"}}': "0+600x180",
    f'{COUNT.replace("count", "bucket")}{{route="/",le="5"}}': "0+600x180",
    f'{COUNT.replace("count", "bucket")}{{route="/",le="+Inf"}}': "0+600x180",
}
NEVER: dict[str, str | None] = dict.fromkeys(
    it for it in WELL if "poll" in it or "document" in it or "jobs_total" in it
)


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here: Debian's prometheus"
)
@pytest.mark.parametrize(
    ("changes", "fire"),
    [
        ({}, set()),
        ({'up{job="starboard"}': "0x180"}, {"StarboardDown"}),
        ({'starboard_poll_age_seconds{list="go"}': "0+60x180"}, {"StarboardListStale"}),
        ({'starboard_polls_received{list="go"}': "100x180"}, {"StarboardPollsMissing"}),
        ({'starboard_watch_failing{repository="o/r"}': "1x180"}, {"StarboardWatchFails"}),
        ({"starboard_document_age_seconds": "0+60x180"}, {"StarboardDocumentsOld"}),
        (NEVER, {"StarboardDocumentsOld"}),
        (
            {it: None for it in WELL if "http" not in it and "up" not in it}
            | {"starboard_database_up": "0x180"},
            {"StarboardDatabaseAway"},
        ),
        ({"starboard_redis_up": "0x180", "starboard_workers": None}, {"StarboardRedisAway"}),
        ({"starboard_workers": "0x180"}, {"StarboardNoWorker"}),
        (
            {'starboard_queue_jobs{queue="default",state="queued"}': "40x180"},
            {"StarboardQueueGrows"},
        ),
        (
            {'starboard_jobs_total{job="poll",outcome="failed"}': "0x150 1+1x30"},
            {"StarboardJobsFail"},
        ),
        (
            {'starboard_github_requests_remaining{resource="search"}': "0x180"},
            {"StarboardBudgetSpent"},
        ),
        (
            {f'{COUNT}{{route="/",method="GET",status="503"}}': "0+60x180"},
            {"StarboardErrors"},
        ),
        (
            {f'{COUNT.replace("count", "bucket")}{{route="/",le="0.5"}}': "0+300x180"},
            {"StarboardSlow"},
        ),
    ],
    ids=lambda it: " ".join(sorted(it)) if isinstance(it, set) else "",
)
def test_each_alert_fires_for_what_it_is_there_for(
    changes: dict[str, str | None], fire: set[str], tmp_path: Path
) -> None:
    scraped = {name: it for name, it in (WELL | changes).items() if it is not None}
    case = {
        "rule_files": [str(ROOT / "docs" / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": it} for name, it in scraped.items()],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": "3h",
                        "exp_samples": [
                            {"labels": f'{{alertname="{name}"}}', "value": 1} for name in fire
                        ],
                    }
                ],
            }
        ],
    }
    (tmp_path / "case.yml").write_text(json.dumps(case))

    said = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "case.yml")], capture_output=True, text=True
    )

    assert said.returncode == 0, said.stdout + said.stderr


def test_without_a_database_the_requests_are_told_and_that_it_is_away(make_app: MakeApp) -> None:
    client = make_app(database_url="sqlite:////nowhere/at/all.db").test_client()

    response = client.get("/metrics")

    assert response.status_code == 200
    found = samples(response.data)
    assert found["starboard_database_up[]"] == 0
    assert {name.partition("_")[2].partition("_")[0] for name in found} <= {"database", "http"}
