"""The query string of a request to the fake GitHub: pages, and the links to others."""

import re
from urllib.parse import urlencode

from flask import request

REACHABLE = 1_000  # results that GitHub gives of a search, however many it counts


def number(name: str, default: int) -> int:
    """A number in the query string; like GitHub, take no notice of one that makes no sense."""
    text = request.args.get(name, "")
    return int(text) if re.fullmatch(r"0*[1-9]\d{0,8}", text, re.ASCII) else default


def links(page: int, pages: int, url: str | None = None) -> dict[str, str]:
    """Return the Link header of a page where there are others besides it, at `url` or where this
    one is."""
    back = {"prev": min(page - 1, pages), "first": 1} if page > 1 and pages else {}
    forth = {"next": page + 1, "last": pages} if page < pages else {}
    query = request.args.to_dict()
    written = (
        f'<{url or request.base_url}?{urlencode({**query, "page": other})}>; rel="{relation}"'
        for relation, other in (back | forth).items()
    )
    return {"Link": ", ".join(written)} if back or forth else {}
