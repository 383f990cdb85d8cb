"""The API over real HTTP: the Procfile's web line, two processes, a filled database, no Redis."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from core import clock
from local import demo, embedded
from local.run import procfile
from settings import from_environment
from store import builds
from store.database import connect
from store.imports import note_change
from tests.support.common import ROOT, UNSET, wait_until

pytestmark = pytest.mark.both

LIST = "/api/v1/lists/stars"
REPOSITORY = "anchor-team/ivory-anchor"


@dataclass
class Web:
    """The web processes, and the environment that they share with jobs."""

    url: str
    environment: dict[str, str]
    log: Path

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, **options)

    def build(self) -> str:
        """Build everything anew; gives when that was."""
        settings = from_environment(self.environment)
        now = clock.now()
        with connect(settings) as database:
            with database.write() as session:
                note_change(session)
            builds.aggregate_lists(database, settings, now)
        return clock.rfc3339(now)

    def lines(self) -> list[dict[str, Any]]:
        found = map(json.loads, self.log.read_text().splitlines())
        return [line for line in found if line["event"] == "request"]


KEY = "a-key-of-sixteen-characters"


@pytest.fixture(scope="module")
def web(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("web")
    database_url = f"sqlite:///{folder}/starboard.db"
    if request.config.getoption("--postgres"):
        database_url = request.getfixturevalue("postgres_url")
    port = embedded.free_port()
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment = kept | {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there
        "LISTS": "stars,forks,python",
        "PORT": str(port),
        "BIND": "127.0.0.1",
        "LOG_FORMAT": "json",
        "FOLLOW": KEY,
    }
    settings = from_environment(environment)
    with connect(settings) as database:
        with database.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
        database.upgrade()
    past = demo.past_slots(clock.now(), settings.poll_every)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "LISTS"):
            patch.setenv(name, environment[name])
        demo.fill(past[-30:])
    log = folder / "log"
    with open(log, "w") as out:
        process = subprocess.Popen(
            procfile()["web"],
            shell=True,
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    site = Web(f"http://127.0.0.1:{port}", environment, log)
    try:
        site.build()
        wait_until(lambda: _answers(site))
        yield site
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _answers(site: Web) -> bool:
    try:
        return site.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_schemathesis_finds_no_error_and_no_reply_outside_the_description(
    web: Web, tmp_path: Path
) -> None:
    owner, _, name = REPOSITORY.partition("/")
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[parameters]\n"path.owner" = "{owner}"\n"path.name" = "{name}"\n')
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{web.url}/openapi.json", "--max-examples", "20", "--seed", "1"),
        # Times in the future and spans that end before they begin are wrong though well formed.
        *("--exclude-checks", "positive_data_acceptance", "--no-color"),
    ]

    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)

    assert said.returncode == 0, said.stdout[-5_000:] + said.stderr
    assert "Tested: 25" in said.stdout, said.stdout[-3_000:]


def documented() -> list[str]:
    """The commands of the API's documentation."""
    text = (ROOT / "docs" / "api.md").read_text()
    return re.findall(r"^ {4}(?:\$ )?(curl .*)$", text, flags=re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("command", documented())
def test_every_curl_of_the_documentation_works(web: Web, command: str, tmp_path: Path) -> None:
    asked = command.replace("http://127.0.0.1:8000", web.url)

    if "-X" in asked:  # the local runner would let anybody on its machine do that
        asked += f" --header 'Authorization: Bearer {KEY}'"

    said = subprocess.run(
        f"{asked} --silent --include",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert said.returncode == 0
    special = {"pyhton": "404", "-X PUT": "202", "-X DELETE": "204"}
    expected = next((status for part, status in special.items() if part in command), "200")
    [written] = [it.read_text() for it in tmp_path.iterdir()] or [said.stdout]
    assert written.startswith(f"HTTP/1.1 {expected}")


def test_the_readme_leads_to_the_documentation_of_every_endpoint() -> None:
    readme = (ROOT / "README.md").read_text()
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    links = set(re.findall(r"\(docs/api\.md#([\w-]+)\)", readme))
    assert links <= anchors
    assert len(links) >= 12


def test_a_build_shows_within_a_second_or_two_in_every_process(web: Web) -> None:
    built_at = web.build()

    def all_show() -> bool:
        seen = {web.get(LIST).json()["built_at"] for _ in range(12)}
        return seen == {built_at}

    wait_until(all_show, seconds=30)


def requests_told(web: Web) -> Counter[tuple[str, str, str]]:
    """Requests by route, method and status, as Prometheus is told."""
    families = text_string_to_metric_families(web.get("/metrics").text)
    return Counter(
        {
            (it.labels["route"], it.labels["method"], it.labels["status"]): int(it.value)
            for family in families
            for it in family.samples
            if it.name == "starboard_http_request_duration_seconds_count"
        }
    )


KEPT = [("/api/v1/lists/<slug>", "GET", status) for status in ("200", "304")]


def settled(web: Web) -> Counter[tuple[str, str, str]]:
    """What is told once nothing is under way: what is kept is counted within half a second."""
    seen = requests_told(web)

    def is_the_same() -> bool:
        nonlocal seen
        time.sleep(2)  # four times as long as what is kept waits to be counted
        before, seen = seen, requests_told(web)
        return {route for route, *_ in (seen - before)} <= {"/metrics"}

    wait_until(is_the_same)
    return seen


def test_all_processes_tell_the_requests_of_all(web: Web) -> None:
    before = settled(web)
    for number in range(40):  # each on a connection of its own, which any process may take
        web.get(
            LIST, headers={"If-None-Match": web.get(LIST).headers["ETag"]} if number % 2 else {}
        )
    wait_until(lambda: sum((requests_told(web) - before)[it] for it in KEPT) >= 60)
    told = [requests_told(web) for _ in range(8)]

    for each in told:
        assert [(each - before)[it] for it in KEPT] == [40, 20]


def test_every_request_is_one_line_in_the_log(web: Web) -> None:
    web.get(f"{LIST}?a=b%0Ac", headers={"X-Request-ID": "asked-for-by-a-test"})

    def told() -> list[dict[str, Any]]:
        return [it for it in web.lines() if it.get("request_id") == "asked-for-by-a-test"]

    [line] = wait_until(told)
    assert (line["method"], line["path"], line["status"]) == ("GET", f"{LIST}?a=b%0Ac", 400)


@pytest.mark.parametrize("given", ["two words", "x" * 5_000, '{"a": 1}'])
def test_a_refused_id_is_the_same_in_the_reply_and_in_the_log(web: Web, given: str) -> None:
    for path in (LIST, f"{LIST}?no=parameter"):  # from the cache, and by Flask
        reply = web.get(path, headers={"X-Request-ID": given})
        told = reply.headers["X-Request-ID"]

        [line] = wait_until(lambda t=told, p=path: lines_of(web, t, p))
        assert len(json.dumps(line)) < 500


def lines_of(web: Web, request_id: str, path: str) -> list[dict[str, Any]]:
    return [it for it in web.lines() if (it.get("request_id"), it["path"]) == (request_id, path)]


@pytest.mark.parametrize("path", ["/a" * 30_000, "/%C3%A9" * 8_000, f"{LIST}?" + "b" * 30_000])
def test_a_long_address_makes_no_long_line(web: Web, path: str) -> None:
    before = web.log.stat().st_size
    assert web.get(path).status_code in (400, 404)

    wait_until(lambda: web.log.stat().st_size > before)
    time.sleep(0.2)
    assert web.log.stat().st_size - before < 5_000


def raw(web: Web, target: bytes) -> tuple[int, bytes]:
    """Ask for a path as it is, which clients would tidy up; gives status and body."""
    host, port = httpx.URL(web.url).host, httpx.URL(web.url).port
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: stars.test\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/lists/a%2Fb",
        b"/api/v1/repos/%2F/%2F",
        b"/api/v1/lists/%00",
        b"/api/v1/lists/stars?%00=%00",
        b"/api/v1/lists/stars?at=%00",
        b"/api/v1/lists/stars?at=" + b"x" * 10_000,
        b"/api/v1/lists/" + b"y" * 10_000,
        b"/api/v1/repos/%FF%FE/%C3%28",
        b"/api/v1/repos/a/b%00c/history",
        b"/api/v1/events?after=9" + b"9" * 5_000,
        b"/api/v1/lists/stars?at=2026-02-30",
        b"/api/v1/repos/a/b/history?from=9999-12-31&to=0001-01-01",
        b"/charts.svg?repos=" + b"a/b," * 2_000,
        b"/charts.svg?repos=a/%00",
        b"/badges/a/b.json?show=%F0%9F%9A%80",
        b"/feeds/../../etc/passwd.atom",
        b"/api/v1/lists/stars/../../../etc/passwd",
    ],
    ids=lambda target: target[:40].decode(),
)
def test_junk_is_a_problem_that_says_so(web: Web, target: bytes) -> None:
    status, answer = raw(web, target)

    assert status in (400, 404)
    assert b"content-type: application/problem+json" in answer
    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert problem["status"] == status
    assert len(problem["detail"]) < 300


@pytest.mark.parametrize("path", [LIST, f"/charts/{REPOSITORY}.svg", f"/badges/{REPOSITORY}.json"])
def test_what_holds_until_the_next_build_may_be_kept_until_then(web: Web, path: str) -> None:
    response = web.get(path, headers={"Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["ETag"].endswith('-gzip"')
    assert {"Last-Modified", "Vary", "Starboard-As-Of"} <= set(
        it.title() for it in response.headers
    )
    age = re.match(
        r"public, max-age=(\d+), stale-while-revalidate=900, stale-if-error=86400$",
        response.headers["Cache-Control"],
    )
    assert age is not None
    assert 0 < int(age[1]) <= 900
    for headers in (
        {"If-None-Match": response.headers["ETag"]},
        {"If-None-Match": response.headers["ETag"].replace("-gzip", "")},
        {"If-Modified-Since": response.headers["Last-Modified"]},
    ):
        again = web.get(path, headers=headers)
        assert (again.status_code, again.content) == (304, b"")


def test_head_is_get_without_a_body(web: Web) -> None:
    for _ in range(2):  # by Flask, then by the front
        got, head = web.get(LIST), httpx.head(web.url + LIST)

        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Vary"):
            assert head.headers[name] == got.headers[name]


def test_a_page_of_another_site_may_ask_with_conditions(web: Web) -> None:
    asked = httpx.options(
        web.url + LIST,
        headers={
            "Origin": "https://elsewhere.test",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "if-none-match",
        },
    )

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in asked.headers["Access-Control-Allow-Methods"]
    assert "If-None-Match" in asked.headers["Access-Control-Allow-Headers"]
    assert "ETag" in web.get(LIST).headers["Access-Control-Expose-Headers"]
