"""The setting NOTIFY: Apprise URLs, or an Apprise YAML file; and what is secret in it.

Pure: the file is read by the caller's `read`, which raises OSError. That Apprise knows each of the
services is checked where it is loaded, see monitoring.targets: that takes two seconds.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

URL = re.compile(r"[a-z][\w-]*://[^\s\"'<>]+", re.IGNORECASE)
TAGS = ("tag", "tags", "groups")

SHORTEST_SECRET = 6
HOST = re.compile(r"(?:[\w-]+\.)+[\w-]+(?::\d+)?|localhost(?::\d+)?|\[[0-9a-f:]+\](?::\d+)?", re.I)


@dataclass(frozen=True, slots=True)
class Notify:
    """One of the two: `urls` as in the setting, `config` as in the file."""

    urls: str | None = field(default=None, repr=False)
    config: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> set[str]:
        """The parts of its URLs that may be secret, and values beside them in the file: all that
        looks like a password or a token."""
        texts = [self.urls or ""] if self.config is None else list(_strings(_loaded(self.config)))
        found = {text for text in texts if "://" not in text and _is_token(text)}
        for url in (each for text in texts for each in URL.findall(text)):
            found |= set(_secrets_of(url.partition("://")[2]))
        return found | {unquote(each) for each in found}


def parse(value: str, read: Callable[[str], str]) -> Notify:
    """Read the setting. Raises LookupError with what would be right; it names no URL."""
    if "://" in value:
        if not URL.match(value):
            raise LookupError("expected Apprise URLs, such as slack://…")
        return Notify(urls=value)
    try:
        config = read(value)
    except (OSError, UnicodeDecodeError) as error:
        why = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        expected = "expected Apprise URLs, or the path of an Apprise YAML file"
        raise LookupError(f"{expected}; the file cannot be read: {why or 'not found'}") from None
    content = _loaded(config)
    if not isinstance(content, dict) or not content.get("urls"):
        raise LookupError("expected an Apprise YAML file; this one has no `urls:`")
    return Notify(config=config)


def shown(value: str) -> str:
    """Return the setting as an error may repeat it: of URLs the service alone."""
    return re.sub(r"(?<=://).+", "…", value, flags=re.DOTALL)


def _loaded(config: str) -> Any:
    import yaml  # 50 ms, in processes with such a file alone

    try:
        return yaml.safe_load(config)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1} is wrong" if mark else "it cannot be read"
        raise LookupError(f"expected an Apprise YAML file; {where}") from None


def _strings(content: Any) -> Iterator[str]:
    """Yield all texts of a YAML file but the tags."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key not in TAGS:
                yield from (key,) if isinstance(key, str) and "://" in key else ()
                yield from _strings(value)
    elif isinstance(content, list):
        for each in content:
            yield from _strings(each)
    elif isinstance(content, str):
        yield content


def _secrets_of(rest: str) -> Iterator[str]:
    """Yield what may be secret of what follows `://`: passwords, and parts that look like a token,
    wherever in it; services have theirs in the place of the host, in the path or in the query."""
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if at:
        yield from filter(None, (user.partition(":")[2],))
    for part in re.split(r"[/@?&,;]", rest.rpartition("@")[2] if at else rest):
        if HOST.fullmatch(part):
            continue
        yield from (part, *re.split(r"[=:]", part)) if _is_token(part) else ()


def _is_token(text: str) -> bool:
    return len(text) >= SHORTEST_SECRET and bool(re.search(r"[0-9A-Z]", text))
