"""…"""

import uuid
from datetime import datetime

from feedgenerator import Atom1Feed
from flask import Blueprint, Response, request

from core import clock
from core.events import headline
from store import polls
from store.events import events_of
from web import current, http_headers, responses
from web.parameters import ATOM, endpoint, ranked
from web.text import printable

ENTRIES = 50  # in a feed


class _Feed(Atom1Feed):  # type: ignore[misc]  # feedgenerator publishes no types
    """A feed whose age is that of its newest entry, also where there is none yet."""

    def latest_post_date(self) -> datetime:
        newest: datetime = self.items[0]["updateddate"] if self.items else self.feed["since"]
        return newest


feeds = Blueprint("feeds", __name__)


@feeds.get("/feeds/<slug>.atom")
@endpoint(bytes, content_type=ATOM)
def feed(slug: str) -> Response:
    """What changed on a list lately, newest first, for a feed reader."""
    of, site = ranked(slug), http_headers.site(request.environ)
    with current.database().read() as session:
        newest = events_of(session, ENTRIES, ranked=of, newest_first=True)
        since, _ = polls.first_and_last_good(session, of)
    made = _Feed(
        title=f"Starboard: {of.title}",
        link=f"{site}/?list={of.slug}",
        feed_url=f"{site}/feeds/{of.slug}.atom",
        feed_guid=_id("feed", of.slug, since),
        description=f"What changes among GitHub's top repositories: {of.title}",
        author_name="Starboard",
        since=since or clock.EPOCH,
    )
    for it in newest:
        made.add_item(
            title=printable(headline(it.kind, it.full_name, it.detail)),
            link=f"{site}/repos/{it.full_name}",
            description=None,
            unique_id=_id("event", of.slug, it.slot, it.cursor, it.kind),
            updateddate=it.slot,
            categories=[it.kind],
        )
    response = Response(made.writeString("utf-8"), content_type=ATOM)
    response.last_modified = made.latest_post_date()
    response.vary.add("X-Forwarded-Proto")
    return responses.kept_briefly(response)


def _id(*what: object) -> str:
    """The id of something for ever, wherever this server is found."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"starboard:{':'.join(map(str, what))}").urn
