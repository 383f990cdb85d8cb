"""The proxy that the environment names for a host, or none."""

import json
import socket
import threading
from typing import Any

import httpx
import pytest

import models
from github import polling
from github.client import GitHub
from github.errors import Unreachable
from github.proxies import proxy_of
from settings import Settings
from store.database import Database
from tests.support.github import HARBOR, MINUTE, NOON, STARS, STEP, item, polls

PROXY = "http://proxy.test:3128"
VARIABLES = [f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")]


class OpenGate:
    def acquire(self, resource: Any, *, going_on: bool = False) -> None: ...

    def record(self, resource: Any, answer: Any) -> None: ...


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def used(url: str, **variables: str) -> str | None:
    proxy = proxy_of(httpx.URL(url), variables)
    return str(proxy.url) if proxy else None


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"http": PROXY}, None),
        ({"https": PROXY}, PROXY),
        ({"https": ""}, None),
        ({"all": PROXY}, PROXY),
        ({"https": PROXY, "all": "socks5://other.test:1080"}, PROXY),
        ({"https": "proxy.test:3128"}, PROXY),
        ({"all": "socks5://proxy.test:1080"}, "socks5://proxy.test:1080"),
        ({"all": "socks5h://proxy.test:1080"}, "socks5h://proxy.test:1080"),
        ({"all": "socks://proxy.test:1080/"}, "socks5://proxy.test:1080/"),
    ],
)
def test_the_proxy_of_the_scheme_goes_before_the_one_for_all(
    variables: dict[str, str], proxy: str | None
) -> None:
    assert used("https://api.github.com", **variables) == proxy


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("https://api.github.com", "*"),
        ("https://api.github.com", "api.github.com"),
        ("https://api.github.com", "GitHub.com"),
        ("https://api.github.com", "a.test, .github.com"),
        ("https://api.github.com", "a.test *.github.com"),
        ("https://api.github.com", "github.com:443"),
        ("https://api.github.com", "https://github.com"),
        ("https://10.1.2.3/api/v3", "10.0.0.0/8"),
        ("https://10.1.2.3/api/v3", "10.1.2.3"),
        ("https://[fe80::1]/api/v3", "fe80::/10"),
        ("https://[fd07:b51a:cc66:f0::2]", "[::1],fd07:b51a:cc66:f0::/64"),
        ("https://[fd07::2]:8443", "[fd07::2]:8443"),
        ("http://127.0.0.1:9000", ""),
        ("http://127.8.8.8:9000", ""),
        ("http://[::1]:9000", ""),
        ("http://localhost:9000", ""),
    ],
)
def test_direct_goes_what_no_proxy_names_and_what_is_this_machine(url: str, no_proxy: str) -> None:
    assert used(url, http=PROXY, https=PROXY, no=no_proxy) is None


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("https://api.github.com", "fe80::/10,[::1],fd07:b51a:cc66:f0::/64"),
        ("https://api.github.com", "hub.com,notgithub.com,,api.github.com.test"),
        ("https://api.github.com", "github.com:80"),
        ("https://api.github.com", ":,/,.,[,://,10.0.0.0/99,\u0669"),
        ("https://10.1.2.3", "192.168.0.0/16,fe80::/10,10.1.2.3.4,nonsense"),
    ],
)
def test_all_else_goes_by_the_proxy_whatever_no_proxy_holds(url: str, no_proxy: str) -> None:
    assert used(url, https=PROXY, no=no_proxy) == PROXY


@pytest.mark.parametrize("proxy", ["htp://me:s3cret@proxy.test", "http://me:s3/cret@proxy.test:1"])
def test_what_is_no_proxy_is_told_without_its_password(proxy: str) -> None:
    with pytest.raises(Unreachable) as refused:
        used("https://api.github.com", https=proxy)

    assert str(refused.value) == (
        f"api.github.com cannot be reached by the proxy {proxy.partition(':')[0]}://…@"
        f"{proxy.partition('@')[2]}: expected http://HOST:PORT, https://… or socks5://…"
    )


def be_a_proxy(server: socket.socket, asked: list[bytes]) -> None:
    """Answer one request as a proxy of either kind does, in GitHub's place."""
    connection, _ = server.accept()
    with connection:
        said = connection.recv(1000)
        if said.startswith(b"\x05"):
            connection.sendall(b"\x05\x00")  # no password, please
            asked.append(connection.recv(1000))
            connection.sendall(b"\x05\x00\x00\x01" + bytes(6))  # connected
            said = connection.recv(1000)
        asked.append(said.splitlines()[0])
        body = json.dumps(item()).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize(
    ("scheme", "requests"),
    [
        ("http", [b"GET http://github.test/repos/quiet/harbor HTTP/1.1"]),
        ("socks5", [b"\x05\x01\x00\x03\x0bgithub.test\x00P", b"GET /repos/quiet/harbor HTTP/1.1"]),
    ],
)
def test_the_client_asks_by_the_proxy(
    monkeypatch: pytest.MonkeyPatch, scheme: str, requests: list[bytes]
) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "fe80::/10,[::1],fd07:b51a:cc66:f0::/64")
        thread = threading.Thread(target=be_a_proxy, args=(server, asked))
        thread.start()
        with GitHub(Settings(github_api_url="http://github.test"), OpenGate()) as github:
            repository = github.repository("quiet/harbor")
        thread.join()

    assert repository == HARBOR
    assert asked == requests


def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cret@127.0.0.1:1")

    with GitHub(Settings(), OpenGate()) as github, pytest.raises(Unreachable) as refused:
        github.repository("quiet/harbor")

    assert str(refused.value) == (
        "api.github.com cannot be reached by the proxy http://127.0.0.1:1: "
        "[Errno 111] Connection refused"
    )


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("HTTPS_PROXY", "htp://proxy.test", "expected http://HOST:PORT, https://… or socks5://…"),
        ("SSL_CERT_FILE", "/nowhere.pem", "[Errno 2] No such file or directory"),
    ],
)
def test_a_client_that_cannot_be_made_is_a_gap_with_its_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(variable, value)

    with GitHub(Settings(), OpenGate()) as github, pytest.raises(Unreachable):
        polling.poll_list(database, github, STARS, NOON, STEP, lambda: NOON + MINUTE)

    [(slot, outcome, error)] = polls(database)
    assert (slot, outcome) == (NOON, models.FAILED)
    assert error.endswith(why)
