"""The setting LISTS: what each of its entries stands for.

Pure: files that entries name are read by the caller's `read`, which raises OSError.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from core.lists import KNOWN, RankedList, language, slug_of
from core.names import is_full_name, pasted_name, pasted_owner

Read = Callable[[str], str]

MOST_DAYS = 3_650
MOST_NAMES = 1_000  # of a collection

LANGUAGE = re.compile(r"[A-Za-z0-9][^\"\\]{0,59}", re.ASCII)
TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,49}", re.ASCII)
OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)  # see core.names
DAYS = re.compile(r"0*([1-9]\d{0,3})d", re.ASCII)
COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}", re.ASCII)

FOLLOWED = RankedList("followed", "Followed", followed=True)


class WrongEntryError(ValueError):
    """An entry that makes no sense: `entry`, and `expected`, what would be right."""

    def __init__(self, entry: str, expected: str) -> None:
        super().__init__(entry, expected)
        self.entry, self.expected = entry, expected


def parse(value: str, read: Read) -> tuple[RankedList, ...]:
    """The lists that comma-separated entries ask for, each once, in order.

    Raises WrongEntryError.
    """
    chosen: dict[str, RankedList] = {}
    for entry in filter(None, map(str.strip, value.split(","))):
        try:
            ranked = named(entry, read)
        except LookupError as error:
            raise WrongEntryError(entry, error.args[0]) from None
        if chosen.setdefault(ranked.slug, ranked) != ranked:
            raise WrongEntryError(entry, f"{ranked.slug!r} stands for another list here")
    if not chosen:
        raise WrongEntryError(value, "expected at least one list, such as stars")
    return tuple(sorted(chosen.values(), key=lambda ranked: ranked.order))


def with_followed(
    chosen: Iterable[RankedList], watch: Iterable[str], *, also: bool = False
) -> tuple[tuple[RankedList, ...], tuple[str, ...]]:
    """The lists, `followed` with all names that are followed by the settings, and these names:
    those of `watch`, and those of collections. `also`: with `followed` though nobody named it."""
    chosen = tuple(chosen)
    if also and FOLLOWED not in chosen:
        chosen = (*chosen, FOLLOWED)
    names = _each_once([*watch, *(name for ranked in chosen for name in ranked.names or ())])
    complete = (replace(each, names=names) if each.followed else each for each in chosen)
    return tuple(complete), names


def watched(value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names among comma-separated entries, and the owners of `owner/*`, each once. Raises
    WrongEntryError."""
    entries = [entry for entry in map(str.strip, value.split(",")) if entry]
    owners = [owner for entry in entries if (owner := pasted_owner(entry))]
    names = [entry for entry in entries if not pasted_owner(entry)]
    wrong = next((name for name in names if not is_full_name(name)), None)
    if wrong is not None:
        raise WrongEntryError(wrong, "expected owner/name or owner/*, as on GitHub")
    return _each_once(names), _each_once(owners)


def _no_file(path: str) -> str:
    raise FileNotFoundError(path)


def named(entry: str, read: Read = _no_file) -> RankedList:
    """The list of an entry: a slug, or such as `language:NAME`, see KINDS.

    Raises LookupError, with what would be right, for one that stands for no list.
    """
    kind, colon, value = entry.partition(":")
    if colon and kind.lower() in KINDS:
        return KINDS[kind.lower()](value, read)
    if entry.lower() == FOLLOWED.slug:
        return FOLLOWED
    if entry.lower() in KNOWN:
        return KNOWN[entry.lower()]
    close = difflib.get_close_matches(slug_of(entry), [*KNOWN, FOLLOWED.slug], 1)
    raise LookupError(f"did you mean {close[0]!r}?" if close else FORMS)


def _language(value: str, read: Read) -> RankedList:
    if not LANGUAGE.fullmatch(value):
        raise LookupError("expected a language as GitHub spells it, such as language:Zig")
    wanted = language(value)
    known = KNOWN.get(wanted.slug, wanted)
    if known.language is None:
        raise LookupError(f"{known.slug!r} is a list of all languages")
    return known


def _topic(value: str, read: Read) -> RankedList:
    topic = value.lower()
    if not TOPIC.fullmatch(topic):
        raise LookupError("expected a topic of letters, digits and hyphens, such as topic:llm")
    return RankedList(f"topic-{topic}", f"Topic {topic}", topic=topic, floor=10)


def _owner(value: str, read: Read) -> RankedList:
    if not OWNER.fullmatch(value):
        raise LookupError("expected a name that GitHub allows its users, such as owner:apache")
    return RankedList(f"owner-{slug_of(value)}", value, owner=value)


def _new(value: str, read: Read) -> RankedList:
    form = DAYS.fullmatch(value.lower())
    if form is None or int(form[1]) > MOST_DAYS:
        raise LookupError(f"expected 1 to {MOST_DAYS} days, such as new:30d")
    days = int(form[1])
    title = f"New within {days} days" if days > 1 else "New within a day"
    # The hundredth that is so new has more than a star a day.
    return RankedList(f"new-{days}d", title, floor=days, newer_than=timedelta(days=days))


def _collection(value: str, read: Read) -> RankedList:
    name, _, members = value.partition("=")
    if not COLLECTION.fullmatch(name) or not members:
        expected = "expected collection:NAME=owner/a+owner/b, or a file in place of the names"
        raise LookupError(expected)
    try:
        names = _names_in(read(members))  # what is both a name and a file is the file
    except OSError as error:
        names = _each_once(members.split("+"))
        wrong = next((each for each in names if not is_full_name(each)), None)
        if wrong is not None:
            why = f"there is no file of that name ({error.strerror or 'not found'})"
            raise LookupError(f"{wrong!r:.80} is no owner/name, and {why}") from None
    except UnicodeDecodeError:
        raise LookupError(f"the file {members} is no text in UTF-8") from None
    if not names:
        raise LookupError(f"the file {members} has no owner/name in it")
    if len(names) > MOST_NAMES:
        raise LookupError(f"{len(names):,} repositories; expected at most {MOST_NAMES:,}")
    return RankedList(f"collection-{slug_of(name)}", name, names=names)


def _names_in(text: str) -> tuple[str, ...]:
    """The names in a file: one a line, as owner/name or as an address; `#` begins a comment."""
    names = []
    for number, line in enumerate(text.splitlines(), 1):
        if told := line.partition("#")[0].strip():
            name = pasted_name(told)
            if name is None:
                raise LookupError(f"line {number} of the file, {told!r:.80}, is no owner/name")
            names.append(name)
    return _each_once(names)


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    """Names without those that are there already in another case."""
    chosen: dict[str, str] = {}
    for name in names:
        chosen.setdefault(name.lower(), name)
    return tuple(chosen.values())


KINDS: dict[str, Callable[[str, Read], RankedList]] = {
    "language": _language,
    "topic": _topic,
    "owner": _owner,
    "new": _new,
    "collection": _collection,
}

FORMS = (
    f"expected slugs ({', '.join(list(KNOWN)[:3])}, …), language:NAME, topic:NAME, owner:NAME, "
    "new:30d, followed or collection:NAME=owner/a+owner/b"
)
