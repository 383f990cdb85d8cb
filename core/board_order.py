"""The order of a leaderboard's rows: by rank, or by the largest gains, in percent or not."""

from collections.abc import Container, Iterable, Mapping, Sequence
from fractions import Fraction

from core.changes import ListThen
from core.leaderboards import ENOUGH
from core.lists import SIZE, RankedList
from core.schemas import Item


def least_gains(
    ranked: RankedList,
    items: Iterable[Item],
    window: str,
    entered: Container[str],
    then: ListThen | None,
) -> dict[str, int]:
    """Return of those who entered, and whose count then nobody knows, more than how much they
    gained: they had no more than the last of the full list that they were not on."""
    if then is None or len(then.places) < SIZE or not ranked.is_searched:
        return {}
    last = min(place.count for place in then.places)
    return {
        item["full_name"]: item[ranked.count] - last
        for item in items
        if item["full_name"] in entered
        and _gain(item, ranked, window) is None
        and item[ranked.count] > last
    }


def ordered(
    ranked: RankedList,
    items: Sequence[Item],
    window: str,
    order: str,
    least: Mapping[str, int],
) -> list[Item]:
    """Return a list's items in an order. Who has no gain takes part by the least that it gained;
    those of whom nothing is known, and in percent those that had too little, come last."""
    if order == "rank":
        return list(items)

    def key(item: Item) -> tuple[bool, Fraction, int]:
        gained = _gain(item, ranked, window)
        if gained is None:
            gained = least.get(item["full_name"])
        before = 1 if order == "gain" else item[ranked.count] - (gained or 0)
        if gained is None or (order == "percent" and before < ENOUGH):
            return True, Fraction(0), item["rank"]
        return False, -Fraction(gained, before), item["rank"]

    return sorted(items, key=key)


def _gain(item: Item, ranked: RankedList, window: str) -> int | None:
    gain = item["gains"][window]
    return None if gain is None else gain[ranked.count]
