"""Atom feeds: what changed on a list, for feed readers."""

import uuid
from datetime import datetime

from feedgenerator import Atom1Feed
from flask import Blueprint, Response

from core import clock
from core.events import headline
from store import polls
from store.events import events_of
from web import current, http_headers, responses
from web.parameters import ATOM, endpoint, list_named
from web.text import printable

ENTRIES = 50  # in a feed


class _Feed(Atom1Feed):  # type: ignore[misc]  # feedgenerator publishes no types
    """A feed as old as its newest entry, or as its list, where nothing changed yet."""

    def latest_post_date(self) -> datetime:
        newest: datetime = self.items[0]["updateddate"] if self.items else self.feed["since"]
        return newest


feeds = Blueprint("feeds", __name__)


@feeds.get("/feeds/<slug>.atom")
@endpoint(bytes, content_type=ATOM)
def feed(slug: str) -> Response:
    """The latest changes on a list, newest first, for a feed reader."""
    ranked, site = list_named(slug), current.site()
    with current.database().read() as session:
        newest = events_of(session, ENTRIES, ranked=ranked, newest_first=True)
        since, _ = polls.first_and_last_good(session, ranked)
    made = _Feed(
        title=f"Starboard: {ranked.title}",
        link=f"{site}/?list={ranked.slug}",
        feed_url=f"{site}/feeds/{ranked.slug}.atom",
        feed_guid=_id("feed", ranked.slug),  # not of when it began: polls are thinned
        description=f"What changes among GitHub's top repositories: {ranked.title}",
        author_name="Starboard",
        since=since or clock.EPOCH,
    )
    for event in newest:
        made.add_item(
            title=printable(headline(event.kind, event.full_name, event.detail)),
            link=f"{site}/repos/{event.full_name}",
            description=None,
            unique_id=_id("event", ranked.slug, event.slot, event.cursor, event.kind),
            updateddate=event.slot,
            categories=[event.kind],
        )
    response = Response(made.writeString("utf-8"), content_type=ATOM)
    response.last_modified = made.latest_post_date()
    response.vary.update(current.vary(http_headers.FULL_LINKS))
    return responses.cacheable_briefly(response)


def _id(*what: object) -> str:
    """Return an id that never changes, not even with the server's address."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"starboard:{':'.join(map(str, what))}").urn
