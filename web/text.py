"""Text of others, such as names of repositories, made safe and short enough to show."""

from collections.abc import Sequence
from os.path import commonprefix

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Replace what XML forbids (control characters, lone surrogates) and what would change how the
    text around it reads (marks of direction, line breaks)."""
    return "".join(letter if letter.isprintable() else REPLACEMENT for letter in text)


def shorten(name: str, length: int) -> str:
    """Shorten owner/name to `length` characters: an ellipsis stands for the end of the owner, or
    for the middle of the whole where the owner alone does not suffice."""
    if len(name) <= length:
        return name
    owner, _, rest = name.partition("/")
    room = length - len(rest) - 2
    if rest and room >= 3:
        return f"{owner[:room]}…/{rest}"
    half = (length - 1) // 2
    return f"{name[: length - 1 - half]}…{name[-half:]}"


def shorten_apart(names: Sequence[str], lengths: Sequence[int]) -> list[str]:
    """Shorten owner/name, each to its length; those that would look the same to where they differ,
    if they do within that length."""
    each = list(zip(names, lengths, strict=True))
    short = [shorten(*it) for it in each]
    alike = [
        {name for name, other in zip(names, short, strict=True) if other == it} for it in short
    ]
    return [
        _around(name, len(commonprefix([*same])), length) if len(same) > 1 else it
        for (name, length), it, same in zip(each, short, alike, strict=True)
    ]


def _around(name: str, place: int, length: int) -> str:
    """Return up to `length` characters of a text, with some before and after a place in it."""
    start = max(0, place - length // 2)
    shown = f"…{name[start:]}" if start else name
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
