"""What a target of NOTIFY is told: which news it wants by its tags, and the words for people."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from core import clock, digest
from core.events import headline
from core.schemas import EventItem, Notice

ALWAYS = "always"  # Apprise's tag for a target that gets everything
KINDS = ("entered", "left", "overtook", "milestone", "spike", "trouble", "digest")
FOLLOWED = "followed"


def labels(event: EventItem, lists: Iterable[str] = ()) -> frozenset[str]:
    """The tags by which an event is wanted. `lists`: others that it concerns."""
    name = event["full_name"].lower()
    return frozenset({event["kind"], event["list"], *lists, name, name.partition("/")[0]})


def wants(tags: Collection[str], labels: Collection[str], concerns_followed: bool) -> bool:
    """Whether a target gets what bears these labels: by any of its tags, in any case; without
    tags what concerns followed repositories, and trouble."""
    if not tags:
        return concerns_followed or "trouble" in labels
    chosen = {tag.lower() for tag in tags}
    return ALWAYS in chosen or not chosen.isdisjoint(labels)


def notice(kind: str, cursor: str, at: datetime, **detail: Any) -> Notice:
    """News that is no event of a list."""
    return {
        "cursor": cursor,
        "at": clock.rfc3339(at),
        "list": None,
        "kind": kind,
        "full_name": None,
        "detail": detail,
    }


def title(notice: Notice) -> str:
    """The news in a line."""
    kind, detail = notice["kind"], notice["detail"]
    match kind:
        case "test":
            return "Starboard reaches you here"
        case "trouble":
            return "Trouble is over" if detail["state"] == "ended" else "Trouble"
        case "digest":
            return f"The week {detail['week']} on GitHub"
        case _:
            return headline(kind, notice["full_name"] or "", detail)


def text(notice: Notice, titles: dict[str, str], site: str | None) -> str:
    """The news for people, in a few lines. `titles`: of lists by slug; `site`: where a page is."""
    detail, slug = notice["detail"], notice["list"]
    match notice["kind"]:
        case "test":
            lines = ["This is a test, asked for by `flask --app app notify --test`."]
        case "trouble":
            lines = [detail["why"]]
        case "digest":
            lines = digest.lines(detail)
        case _:
            lines = [f"{title(notice)} ({titles.get(slug or '', slug)})"]
    if site:
        name = notice["full_name"]
        pages = {"trouble": f"{site}/status"}
        lines.append(f"{site}/repos/{name}" if name else pages.get(notice["kind"], site))
    return "\n".join(lines)
