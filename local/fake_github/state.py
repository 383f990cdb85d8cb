"""What the fake GitHub's views share: its state, and how they find a repository and answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import cast

from flask import Response, abort, current_app, g, request

from local.fake_github import errors
from local.fake_github.faults import FaultInjector
from local.fake_github.limits import Meter
from local.fake_github.worlds import FakeRepository, World


@dataclass(frozen=True, slots=True)
class Record:
    """A request that came, and the status of its answer."""

    at: datetime
    method: str
    path: str
    query: str  # as it was encoded
    resource: str
    status: int


@dataclass(frozen=True)
class FakeGitHub:
    """The state that the views share, kept at `app.extensions["fake_github"]`."""

    world: World
    clock: Callable[[], datetime]
    meter: Meter
    token: str | None
    faults: FaultInjector
    log: list[Record] = field(default_factory=list)
    request_ids: Iterator[int] = field(default_factory=count)


def fake() -> FakeGitHub:
    return cast(FakeGitHub, current_app.extensions["fake_github"])


def named(owner: str, name: str, below: str = "") -> FakeRepository:
    """Return a repository by its name. Answers 404, or to an old name 301 with the way to what is
    asked for `below` its id."""
    full_name = f"{owner}/{name}"
    repo = fake().world.by_name(full_name, g.at)
    if repo:
        return repo
    github_id = fake().world.renamed(full_name, g.at)
    if github_id is None:
        abort(404)
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    url = f"{request.root_url}repositories/{github_id}{below}{query}"
    doc = "rest/guides/best-practices-for-using-the-rest-api#follow-redirects"
    response = errors.error(301, "Moved Permanently", doc, url=url)
    response.location = url
    abort(response)


def numbered(github_id: int) -> FakeRepository:
    """Return a repository by its id. Answers 404 where there is none."""
    return fake().world.by_id(github_id, g.at) or abort(404)


def conditional(response: Response) -> Response:
    """Return an answer with its ETag, or 304 for a caller that has it."""
    response.add_etag(weak=True)
    response.make_conditional(request)
    del response.headers["Date"]  # the server writes it too
    if response.status_code == 304:
        response.headers.pop("Link", None)
    return response
