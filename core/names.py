"""How GitHub names a repository: owner/name, one rule for every place where such a name enters."""

import re
from collections.abc import Iterable

# Owners have letters, digits and hyphens, and those that a company manages an underscore before
# its short name (`octocat_acme`). A name of `.` or `..` would be a step through the paths that it
# becomes a part of. Together they fit the 200 characters that the database keeps.
# Without anchors, so that an OpenAPI schema and a form may hold it alone or between commas; with
# `\-` in sets, since browsers compile a form's pattern by a dialect that refuses a bare one.
OWNER = r"[A-Za-z0-9][A-Za-z0-9_\-]{0,98}"
FULL_NAME = (
    rf"{OWNER}/"
    r"(?!\.{1,2}(?![A-Za-z0-9_.\-]))[A-Za-z0-9_.\-]{1,100}"
)


def is_full_name(text: str) -> bool:
    """Whether a text is a repository's owner and name, with nothing before or after them."""
    return re.fullmatch(FULL_NAME, text) is not None


HOST = r"(?:https?://[^/\s]+/|(?:www\.)?github\.com/|git@[^/:\s]+:|ssh://git@[^/\s]+/)"

PASTED = re.compile(
    rf"(?P<name>{FULL_NAME})|{HOST}(?P<linked>{FULL_NAME})(?:[/?#]\S*)?",
    re.ASCII,
)


def pasted_name(text: str) -> str | None:
    """Return the owner/name that somebody means: with blanks around it, or as any address on GitHub
    at or below that of the repository, of git's own, too; None where a text names no repository."""
    found = PASTED.fullmatch(text.strip()[:500])
    return (found["linked"] or found["name"]).removesuffix(".git") if found else None


ALL_OF_OWNER = re.compile(rf"(?:{HOST})?({OWNER})/\*", re.ASCII)


def pasted_owner(text: str) -> str | None:
    """Return the owner of whom somebody means all repositories, by `owner/*`; None where a text
    means none."""
    found = ALL_OF_OWNER.fullmatch(text.strip()[:500])
    return found[1] if found else None


def all_of(owner: str) -> str:
    """Return how people name all repositories of an owner."""
    return f"{owner}/*"


def parted(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the owners of whom texts mean all repositories, and the other texts."""
    owners: list[str] = []
    others: list[str] = []
    for text in texts:
        owner = pasted_owner(text)
        (others if owner is None else owners).append(owner or text)
    return owners, others


COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)  # an address may have a `#` inside


def read_names(lines: Iterable[str]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Return the names in lines of a file, one each, by the name in lower case; and those lines
    that name no repository, with their numbers from 1 on. `#` begins a comment."""
    names: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(lines, 1):
        text = COMMENT.sub("", line.removeprefix("\ufeff")).strip()
        full_name = pasted_name(text)
        if full_name is not None:
            names.setdefault(full_name.lower(), full_name)
        elif text:
            wrong.append((number, text))
    return names, wrong
