"""The fake GitHub's star history: weeks of Los Angeles' days, newest first, in pages."""

from datetime import UTC, date, datetime, time
from math import ceil

from flask import Blueprint, Response, g, jsonify, request

from core.clock import DAY
from core.star_history import StarDays, day_of, end_of
from local.fake_github import queries
from local.fake_github.star_days import ramp, standing
from local.fake_github.state import conditional, fake, named, numbered
from local.fake_github.worlds import BORN, FakeRepository, World, WorldWithStarDays

MOST_A_PAGE = 30  # weeks
MOST_PAGES = 100

stargazers = Blueprint("stargazers", __name__)


@stargazers.get("/repos/<owner>/<name>/stargazers/history")
def history(owner: str, name: str) -> Response:
    """A page of the star history of a repository by its name."""
    return _page(named(owner, name, "/stargazers/history"))


@stargazers.get("/repositories/<int:github_id>/stargazers/history")
def history_by_id(github_id: int) -> Response:
    """A page of the star history of a repository by its id."""
    return _page(numbered(github_id))


@stargazers.get("/repos/<owner>/<name>/stargazers/count")
def star_count(owner: str, name: str) -> Response:
    """The stars of a repository, and nothing else."""
    return conditional(jsonify(count=named(owner, name, "/stargazers/count").stars))


@stargazers.get("/repositories/<int:github_id>/stargazers/count")
def star_count_by_id(github_id: int) -> Response:
    """The same by its id."""
    return conditional(jsonify(count=numbered(github_id).stars))


def _page(repo: FakeRepository) -> Response:
    size = min(queries.number("per_page", default=MOST_A_PAGE), MOST_A_PAGE)
    page = queries.number("page", default=1)
    weeks = _weeks(_star_days(fake().world, repo, g.at))
    pages = min(MOST_PAGES, ceil(len(weeks) / size))
    shown = weeks[(page - 1) * size : page * size] if page <= pages else []
    response = jsonify(shown)
    response.headers["Cache-Control"] = "max-age=60"
    url = f"{request.root_url}repositories/{repo.github_id}/stargazers/history"
    response.headers.extend(queries.links(page, pages, url))
    return conditional(response)


def _weeks(days: StarDays) -> list[dict[str, object]]:
    """Whole weeks, newest first, with zeros before the first day and after the last."""
    before, after = days.first.isoweekday() % 7, 6 - days.last.isoweekday() % 7
    counts = [0] * before + [*days.counts] + [0] * after
    weeks = [counts[start : start + 7] for start in range(0, len(counts), 7)]
    sundays = (days.first + (7 * number - before) * DAY for number in range(len(weeks)))
    told = [
        {"week": _label(sunday), "total": sum(week), "days": week}
        for sunday, week in zip(sundays, weeks, strict=True)
    ]
    return told[::-1]


def _label(sunday: date) -> int:
    """A week's name: its Sunday at midnight UTC, though its days are those of Los Angeles."""
    return int(datetime.combine(sunday, time.min, UTC).timestamp())


def _star_days(world: World, repo: FakeRepository, at: datetime) -> StarDays:
    """The world's own days; or else a ramp up to `BORN`, and an even growth since."""
    if isinstance(world, WorldWithStarDays):
        return world.star_days(repo, at)
    today = day_of(at)
    first = min(day_of(repo.created_at), today)
    steep = max(first, day_of(min(BORN, at)))  # the ramp ends where this day begins
    then = world.by_id(repo.github_id, end_of(steep - DAY))
    since = (today - steep).days + 1
    share = repo.stars * (steep - first).days // ((today - first).days + 1)
    begun = min(repo.stars, then.stars) if then else share
    even = (begun + (repo.stars - begun) * day // since for day in range(1, since + 1))
    gross = [*ramp(repo.github_id, first, (steep - first).days, begun, power=1.5), *even]
    return standing(first, gross, repo.stars)
