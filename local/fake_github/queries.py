"""The query string of a request to the fake GitHub: search qualifiers and pages."""

import re
import shlex
from dataclasses import replace
from urllib.parse import urlencode

from flask import request

from core import list_names, lists
from core.lists import Count, RankedList

REACHABLE = 1_000  # results that GitHub gives of a search, however many it counts


def parse_query(q: str, sort: Count) -> tuple[RankedList, dict[str, int]]:
    """The list that `q` and `sort` name, and the floors by count.

    Raises ValueError or LookupError for all but `language:NAME`, `stars:>N` and `forks:>N`.
    """
    ranked, floors = lists.KNOWN[sort], dict[str, int]()
    for term in shlex.split(q):
        name, _, value = term.partition(":")
        name = name.lower()
        if name == "language" and not ranked.language:
            ranked = replace(list_names.named(f"language:{value}"), count=sort)
        elif name in {"stars", "forks"} - floors.keys() and re.fullmatch(r">\d+", value):
            floors[name] = int(value[1:])
        else:
            raise ValueError(f"{term!r} is not one language:NAME, stars:>N or forks:>N")
    return ranked, floors


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
