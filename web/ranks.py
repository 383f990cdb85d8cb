"""A repository's rank on a list over time, as the API tells it."""

from datetime import datetime

from flask import Blueprint
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from core import clock, schemas
from core.lists import RankedList
from store import ranks as stored_ranks
from web import current, responses
from web.api import FROM, STEP, STEPS, TO
from web.parameters import a_list, endpoint, number
from web.responses import computed, moved, with_next

RANKED = a_list("The list.", "stars")
POINTS = number("limit", "How many at most.", 3_000, lowest=1, highest=3_000)

ranks = Blueprint("ranks", __name__, url_prefix="/api/v1")


@ranks.get("/repos/<owner>/<name>/ranks")
@endpoint(schemas.RankSeries, RANKED, FROM, TO, STEP, POINTS)
def rank_series(
    owner: str,
    name: str,
    ranked: RankedList,
    start: datetime | None,
    end: datetime | None,
    step: str | None,
    limit: int,
) -> AnyResponse:
    """A repository's rank on a list over [from, to), by the last good poll in each step; null where
    it was not on the list. Where nobody polled there is no point."""
    profile = responses.profile(owner, name)
    with current.database().read() as session:
        first, last = stored_ranks.polled(session, ranked, clock.now() + clock.TOLERANCE)
        start = start or min(first, end or first)
        end = end or max(last + current.settings().poll_every, start)
        if start > end:
            raise BadRequest(
                f"from={clock.rfc3339(start)}: expected a time before {clock.rfc3339(end)}"
            )
        span = end - start
        step = step or next(name for name, each in STEPS.items() if span <= each.longest)
        slots = stored_ranks.slots(session, ranked, start, end, STEPS[step].length)
        points = stored_ranks.ranks(session, ranked, profile.id, slots[:limit])
    response = computed(
        {
            "full_name": profile.full_name,
            "list": ranked.slug,
            "step": step,
            "points": points,
        }
    )
    if len(slots) > limit:
        with_next(response, **{"from": clock.rfc3339(slots[limit]), "step": step})
    return moved(owner, name, profile.full_name) or response
