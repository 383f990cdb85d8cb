"""How GitHub names a repository: owner/name, one rule for every place where such a name enters."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

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


GITHUB = "github.com"
HOST = (
    r"(?:(?:https?://|ssh://git@|git@)(?:www\.)?(?P<host>[^/:\s]+)(?::\d+)?[/:]"
    r"|(?:www\.)?(?P<bare>github\.com)/)"
)

PASTED = re.compile(
    rf"(?P<name>{FULL_NAME})|{HOST}(?P<linked>{FULL_NAME})(?:[/?#]\S*)?",
    re.ASCII,
)
# What GitHub's own pages begin with, where others have an owner.
NO_OWNERS = frozenset(
    "about account apps collections customer-stories enterprise events explore features login "
    "marketplace notifications organizations orgs pricing search security settings site sponsors "
    "stars topics trending users".split()
)


def pasted_name(text: str, host: str | None = None) -> str | None:
    """Return the owner/name that somebody means: with blanks around it, or as any address on GitHub
    at or below that of the repository, of git's own, too; None where a text names no repository.
    `host`: of this GitHub's pages, None where any will do."""
    found = PASTED.fullmatch(text.strip()[:500])
    if found is None or not _is_at(found, host):
        return None
    if found["linked"] and found["linked"].partition("/")[0].lower() in NO_OWNERS:
        return None
    return (found["linked"] or found["name"]).removesuffix(".git")


def _is_at(found: re.Match[str], host: str | None) -> bool:
    """Whether an address is of a host; a name without one is of any."""
    named = found["host"] or found["bare"]
    return host is None or named is None or named.lower() == host


def host_of(api_url: str) -> str:
    """Return the host of the pages of the GitHub whose API is at a URL: an Enterprise server has
    both on one, and a fake one shows links to GitHub's own."""
    parts = urlsplit(api_url)
    host = parts.hostname or GITHUB
    if host.startswith("api."):
        return host.removeprefix("api.")
    return host if parts.path.rstrip("/").endswith("/api/v3") else GITHUB


ALL_OF_OWNER = re.compile(rf"(?:{HOST})?(?P<owner>{OWNER})/\*", re.ASCII)


def pasted_owner(text: str, host: str | None = None) -> str | None:
    """Return the owner of whom somebody means all repositories, by `owner/*`; None where a text
    means none. `host`: as for `pasted_name`."""
    found = ALL_OF_OWNER.fullmatch(text.strip()[:500])
    return found["owner"] if found and _is_at(found, host) else None


OWNERS_PAGE = re.compile(rf"{HOST}(?P<owner>{OWNER})/?", re.ASCII)


def linked_owner(text: str, host: str | None = None) -> str | None:
    """Return the owner whose page on GitHub an address is; None where it is none."""
    found = OWNERS_PAGE.fullmatch(text.strip()[:500])
    return found["owner"] if found and _is_at(found, host) else None


def all_of(owner: str) -> str:
    """Return how people name all repositories of an owner."""
    return f"{owner}/*"


def parted(texts: Iterable[str], host: str | None = None) -> tuple[list[str], list[str]]:
    """Return the owners of whom texts mean all repositories, and the other texts. `host`: as for
    `pasted_name`."""
    owners: list[str] = []
    others: list[str] = []
    for text in texts:
        owner = pasted_owner(text, host)
        (others if owner is None else owners).append(owner or text)
    return owners, others


COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)  # an address may have a `#` inside


def read_names(
    lines: Iterable[str], host: str | None = None
) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Return the names in lines of a file, one each, by the name in lower case; and those lines
    that name no repository, with their numbers from 1 on. `#` begins a comment. `host`: as for
    `pasted_name`."""
    names: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(lines, 1):
        text = COMMENT.sub("", line.removeprefix("\ufeff")).strip()
        full_name = pasted_name(text, host)
        if full_name is not None:
            names.setdefault(full_name.lower(), full_name)
        elif text:
            wrong.append((number, text))
    return names, wrong
