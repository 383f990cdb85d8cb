"""The search: a name that is known leads to its page, one that is not can be followed from here."""

from flask import Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from core import clock
from core.names import linked_owner
from store import follows, repositories
from store.search import search
from web import current, http_headers
from web.parameters import HTML
from web.permission import asks_by_form, may_ask

SHOWN = 50  # repositories


def search_page(text: str) -> AnyResponse:
    """Return what a text finds, or lead to the page of the repository that it names."""
    gone_at, ask_again = None, True
    full_name = current.meant(text.removeprefix("@"))
    words = full_name or linked_owner(text, current.github_host()) or text.removeprefix("@")
    with current.database().read() as session:
        if full_name is not None:
            known = repositories.profile(session, full_name)
            wish = follows.follow_of(session, full_name)
            if known or (wish is not None and wish.gone_at is None):
                return _lead_to(known.full_name if known else full_name)
            if wish is not None:
                gone_at, ask_again = wish.gone_at, follows.is_worth_asking(wish, clock.now())
        found, count = search(session, words.replace("/", " "), SHOWN)
    html = render_template(
        "search.html",
        text=text,
        full_name=full_name,
        gone_at=gone_at,
        ask_again=ask_again,
        found=found,
        count=count,
        may_follow=full_name is not None and asks_by_form() and may_ask(),
    )
    response = Response(html, content_type=HTML)
    response.cache_control.no_store = True  # what may be followed depends on who asks
    return response


def _lead_to(full_name: str) -> AnyResponse:
    owner, _, name = full_name.partition("/")
    response = redirect(url_for("pages.repository", owner=owner, name=name), 303)
    response.cache_control.no_store = True
    response.vary.update(current.vary(http_headers.LINKS))
    return response
