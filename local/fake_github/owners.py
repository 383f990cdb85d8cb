"""The fake GitHub's owners: an organization's or a person's repositories, in pages."""

import zlib
from collections.abc import Callable
from math import ceil
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, request

from core import lists
from local.fake_github import bodies, queries
from local.fake_github.state import conditional, fake
from local.fake_github.worlds import FakeRepository

ORDERS: dict[str, Callable[[FakeRepository], Any]] = {
    "full_name": lambda repo: repo.full_name.casefold(),
    "created": lambda repo: repo.created_at,
    "updated": lambda repo: repo.pushed_at,
    "pushed": lambda repo: repo.pushed_at,
}

owners = Blueprint("owners", __name__)


def owned(owner: str) -> list[FakeRepository]:
    """All repositories of an owner: none where there is no such owner."""
    everything = fake().world.search(lists.KNOWN["stars"], -1, g.at)
    return [repo for repo in everything if repo.owner.casefold() == owner.casefold()]


@owners.get("/users/<owner>/repos")
def of_anybody(owner: str) -> Response:
    """A page of the repositories of a person or an organization."""
    return _page(owned(owner))


@owners.get("/orgs/<owner>/repos")
def of_organization(owner: str) -> Response:
    """A page of the repositories of an organization; a person is none."""
    return _page(owned(owner) if bodies.is_organization(owner) else [])


@owners.get("/user/<int:number>/repos")
@owners.get("/organizations/<int:number>/repos")
def by_number(number: int) -> Response:
    """The same by the owner's id, which is how pages link to each other."""
    everything = fake().world.search(lists.KNOWN["stars"], -1, g.at)
    return _page([repo for repo in everything if zlib.crc32(repo.owner.encode()) == number])


def _page(repos: list[FakeRepository]) -> Response:
    if not repos:
        abort(404)
    owner, kind = repos[0].owner, request.args.get("type", "all")
    if kind in ("forks", "sources"):
        repos = [repo for repo in repos if repo.fork == (kind == "forks")]
    order = request.args.get("sort", "full_name")
    order = order if order in ORDERS else "full_name"
    direction = request.args.get("direction", "asc" if order == "full_name" else "desc")
    repos.sort(key=ORDERS[order], reverse=direction == "desc")
    page, size = queries.number("page", default=1), min(queries.number("per_page", default=30), 100)
    shown = repos[(page - 1) * size : page * size]
    response = jsonify([bodies.repository_body(repo) for repo in shown])
    place = "organizations" if bodies.is_organization(owner) else "user"
    url = f"{request.root_url}{place}/{zlib.crc32(owner.encode())}/repos"
    response.headers.extend(queries.links(page, ceil(len(repos) / size), url))
    return conditional(response)
