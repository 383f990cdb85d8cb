"""Fault injection: the fake GitHub's answers damaged, by name and at random.

Each kind takes a good answer and gives what GitHub (or what lies between) was seen to make of it.
"""

import json
import socket
import time
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from flask import Response, g, request

from local.fake_github.damage import Fault, instead
from local.fake_github.graphql_faults import GRAPHQL_FAULTS

HTML = "<!DOCTYPE html><html><body><h1>Unicorn!</h1><p>No server is available.</p></body></html>"

LIMIT_HEADERS = ("Limit", "Remaining", "Used", "Reset", "Resource")

NULLABLE = ("full_name", "stargazers_count", "id", "html_url")

SLOW = 20  # seconds; longer than the client waits


def _limited(status: int, message: str | None, **headers: str) -> Fault:
    """An answer that means "slow down", with no other header on the limit than these. Without a
    message it comes from something that stands before GitHub."""

    def answer(response: Response, random: Random) -> Response:
        for name in LIMIT_HEADERS:
            response.headers.pop(f"X-RateLimit-{name}", None)
        response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return instead(response, status, json.dumps({"message": message}) if message else HTML)

    return answer


def _refused(status: int, message: str, **more: object) -> Fault:
    """An answer about one repository alone: its headers tell of plenty that remains."""

    def answer(response: Response, random: Random) -> Response:
        return instead(response, status, json.dumps({"message": message} | more))

    return answer


def _forbidden_to_tokens(response: Response, random: Random) -> Response:
    """An organization's rule on tokens; without one, anybody may read its public repositories."""
    if "Authorization" not in request.headers:
        return response
    message = (
        "The 'acme' organization forbids access via a fine-grained personal access tokens "
        "if the token's lifetime is greater than 90 days."
    )
    return instead(response, 403, json.dumps({"message": message}))


def _used_up(response: Response, random: Random) -> Response:
    """The limit, as another client at the same address used it up."""
    response.headers["X-RateLimit-Remaining"] = "0"
    response.headers["X-RateLimit-Reset"] = str(int(g.at.timestamp()) + random.randint(1, 60))
    return instead(response, 403, json.dumps({"message": "API rate limit exceeded"}))


def _server_error(response: Response, random: Random) -> Response:
    response.content_type = "text/html"
    return instead(response, random.choice((500, 502, 503, 504)), HTML)


def _html(response: Response, random: Random) -> Response:
    response.content_type = "text/html"
    return instead(response, 200, HTML)


def _truncated(response: Response, random: Random) -> Response:
    body = response.get_data()
    return instead(response, 200, body[: random.randrange(len(body))])


def _wrong_json(response: Response, random: Random) -> Response:
    wrong = ("[]", '"ok"', "null", "{}", '{"items": {}}', '{"items": [1]}', "NaN", "[" * 3000)
    return instead(response, 200, random.choice(wrong))


def _on_items(change: Callable[[dict[str, Any], Random], None]) -> Fault:
    """Damage to a search's answer; to any other, none."""

    def answer(response: Response, random: Random) -> Response:
        body = response.get_json(silent=True)
        if response.status_code == 200 and isinstance(body, dict) and body.get("items"):
            change(body, random)
            response.set_data(json.dumps(body))
        return response

    return answer


def _null(body: dict[str, Any], random: Random) -> None:
    random.choice(body["items"])[random.choice(NULLABLE)] = None


def _incomplete(body: dict[str, Any], random: Random) -> None:
    body["incomplete_results"] = True
    _leave_out(body, random, len(body["items"]) // 3)


def _few_missing(body: dict[str, Any], random: Random) -> None:
    _leave_out(body, random, random.randint(1, 5))


def _many_missing(body: dict[str, Any], random: Random) -> None:
    _leave_out(body, random, random.randint(12, 60))


def _leave_out(body: dict[str, Any], random: Random, number: int) -> None:
    for _ in range(min(number, len(body["items"]) - 1)):
        body["items"].pop(random.randrange(len(body["items"])))


def _duplicates(body: dict[str, Any], random: Random) -> None:
    for item in random.choices(body["items"], k=random.randint(1, 4)):
        body["items"].insert(random.randrange(len(body["items"])), item)


def _misordered(body: dict[str, Any], random: Random) -> None:
    random.shuffle(body["items"])


def _qualifiers_ignored(response: Response, random: Random) -> Response:
    """A full page, of another language, owner or topic than the one that was asked for."""
    unqualified = g.get("unqualified")
    if response.status_code == 200 and unqualified:
        response.set_data(json.dumps(unqualified()))
    return response


def _reset(response: Response, random: Random) -> Response:
    """The connection breaks before there is an answer, where there is a connection."""
    if "werkzeug.socket" in request.environ:
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return instead(response, 502, b"")


def _slow(response: Response, random: Random) -> Response:
    """The answer comes when nobody waits for it any more, where there is a connection."""
    if "werkzeug.socket" in request.environ:
        time.sleep(SLOW)
    return instead(response, 504, b"")


SEARCH_FAULTS: dict[str, Fault] = {
    "null": _on_items(_null),
    "incomplete": _on_items(_incomplete),
    "few missing": _on_items(_few_missing),
    "many missing": _on_items(_many_missing),
    "duplicates": _on_items(_duplicates),
    "misordered": _on_items(_misordered),
    "qualifiers ignored": _qualifiers_ignored,
}

ANYWHERE: dict[str, Fault] = {
    "403 without headers": _limited(403, None),
    "429 without headers": _limited(429, "Too many requests"),
    "429 with Retry-After": _limited(429, "Too many requests", Retry_After="7"),
    "secondary limit": _limited(403, "You have exceeded a secondary rate limit."),
    "limit used up": _used_up,
    "server error": _server_error,
    "HTML": _html,
    "truncated": _truncated,
    "wrong JSON": _wrong_json,
    "reset": _reset,
    "slow": _slow,
}

FAULTS = ANYWHERE | SEARCH_FAULTS  # of REST

ALL_FAULTS = FAULTS | GRAPHQL_FAULTS

# A token that is bad stays so: not at random.
AT_RANDOM = tuple(kind for kind in ALL_FAULTS if kind != "bad token")

WITHHELD: dict[str, Fault] = {  # of one repository, for as long as it lasts
    "blocked": _refused(403, "Repository access blocked", block={"reason": "tos"}),
    "forbidden to tokens": _forbidden_to_tokens,
    "not accessible": _refused(403, "Resource not accessible by integration"),
    "single sign-on": _refused(403, "Resource protected by organization SAML enforcement."),
    "not found": _refused(404, "Not Found"),
    "taken down": _refused(451, "Repository access blocked", block={"reason": "dmca"}),
    "invalid": _refused(422, "Validation Failed"),
    "always fails": _server_error,
    "no repository": _wrong_json,
}


class FaultInjector:
    """Damages a share `rate` of the answers, at random; and the next ones as `planned` says.

    `withheld`: kinds of WITHHELD by the names of the repositories, in lower case, that have it.
    `most_nodes`: GraphQL is too slow for a query of more.
    """

    def __init__(self, seed: int = 1, rate: float = 0.0, kinds: Iterable[str] = AT_RANDOM) -> None:
        self.rate = rate
        self.planned: list[str | None] = []
        self.withheld: dict[str, str] = {}
        self.most_nodes = 100
        self.done: list[str] = []
        chosen = list(kinds)
        self._of_rest = [kind for kind in chosen if kind in FAULTS]
        self._of_graphql = [kind for kind in chosen if kind not in SEARCH_FAULTS]
        self._random = Random(seed)

    def __call__(self, response: Response) -> Response:
        below = request.path.lower().partition("/repos/")[2]
        withheld = self.withheld.get("/".join(below.split("/")[:2]))
        if withheld:
            return WITHHELD[withheld](response, self._random)
        if self.planned:
            kind = self.planned.pop(0)
        else:
            kinds = self._of_graphql if g.resource == "graphql" else self._of_rest
            chosen = self._random.random() < self.rate
            kind = self._random.choice(kinds) if chosen and kinds else None
        if kind is None:
            return response
        self.done.append(kind)
        return ALL_FAULTS[kind](response, self._random)
