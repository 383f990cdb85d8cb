"""The environment, read once into a frozen, typed object."""

import difflib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from core import clock, list_names, notify_setting, rate_limit
from core.lists import KNOWN, RankedList
from core.notify_setting import Notify
from core.socket_paths import socket_url
from core.url_secrets import passwords, without_password

HERE = Path(__file__).parent
DIVISORS_OF_60 = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
FOLLOW = ("anyone", "nobody", "local")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
LOG_FORMATS = ("auto", "console", "json")

WATCHED = 5  # repositories that GitHub's limit without a token leaves room for
MISSED_ON_HEROKU = {  # variable, what dynos do not share, what cannot serve them, what to add
    "database_url": ("DATABASE_URL", "disk", "SQLite", "a database", "postgresql"),
    "redis_url": ("REDIS_URL", "socket", "an embedded Valkey", "a Redis", "redis"),
}
SPREAD = 0.8  # the share of an interval over which polls are spread; the rest is for retries


class SettingsError(ValueError):
    """A variable whose value makes no sense: names the variable, the value, and what would do."""

    def __init__(self, variable: str, value: str, expected: str) -> None:
        super().__init__(f"{variable}={value!r}: {expected}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a process, each with its default. Those with secrets stay out of `repr`."""

    database_url: str = field(default="sqlite:///var/starboard.db", repr=False)
    redis_url: str = field(default=socket_url(HERE / "var"), repr=False)
    valkey_port: int | None = None
    valkey_password: str | None = field(default=None, repr=False)
    github_api_url: str = "https://api.github.com"
    github_token: str | None = field(default=None, repr=False)
    lists: tuple[RankedList, ...] = (*KNOWN.values(), replace(list_names.FOLLOWED, names=()))
    watch: tuple[str, ...] = ()
    watch_owners: tuple[str, ...] = ()  # all repositories of each
    follow: str = field(default="nobody", repr=False)  # one of FOLLOW, or a key
    follow_most: int = 1000
    notify: Notify | None = field(default=None, repr=False)
    poll_every: timedelta = timedelta(minutes=10)
    aggregate_every: timedelta = timedelta(minutes=15)
    public_url: str | None = None
    port: int = 8000
    web_concurrency: int = 1
    log_level: str = "info"
    log_format: str = "auto"

    def ranked(self, slug: str) -> RankedList:
        """Return the list of a slug, in any case. Raises LookupError with a hint at a near one."""
        known = {ranked.slug: ranked for ranked in self.lists}
        if slug.lower() in known:
            return known[slug.lower()]
        close = difflib.get_close_matches(slug.lower(), known, 1)
        hint = f"did you mean {close[0]!r}?" if close else "see /api/v1/lists"
        raise LookupError(f"no list named {slug!r:.60}; {hint}")

    @property
    def searched(self) -> tuple[RankedList, ...]:
        """The lists that GitHub's search gives; the others are ranked by what is sampled."""
        return tuple(ranked for ranked in self.lists if ranked.is_searched)

    @property
    def slugs(self) -> frozenset[str]:
        """The slugs of all lists: those known, and further languages in LISTS."""
        return frozenset((*KNOWN, *(ranked.slug for ranked in self.lists)))

    def next_build_at(self, now: datetime) -> datetime:
        """The moment of the first scheduled build after `now`."""
        return clock.next_tick(now, self.aggregate_every, clock.build_offset(self.poll_every))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be written anywhere: tokens, keys, and passwords in URLs."""
        found = {self.github_token or "", self.valkey_password or "", self.follow} - set(FOLLOW)
        found |= self.notify.secrets if self.notify else set()
        found |= passwords(self.database_url) | passwords(self.redis_url)
        return tuple(found - {""})


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; a variable that is missing or empty has its default.

    Raises SettingsError for the first value that makes no sense.
    """
    values = {
        name: parse(variable, environ[variable].strip())
        for name, (variable, parse) in PARSERS.items()
        if environ.get(variable, "").strip()
    }
    for name, (variable, shared, local, needed, addon) in MISSED_ON_HEROKU.items():
        if environ.get("DYNO") and name not in values:
            why = f"Heroku's dynos share no {shared}, so {local} cannot serve them; "
            raise SettingsError(
                variable, "", f"{why}add {needed}: heroku addons:create heroku-{addon}"
            )
    password = values.get("valkey_password")
    if bool(values.get("valkey_port")) != bool(password):
        missing = "VALKEY_PORT" if password else "VALKEY_PASSWORD"
        raise SettingsError(missing, "", "VALKEY_PORT and VALKEY_PASSWORD need each other")
    if password:
        values.setdefault("redis_url", socket_url(HERE / "var", str(password)))
    settings = Settings(**values)  # type: ignore[arg-type]  # the parsers below give each its type
    also = settings.notify is not None or settings.follow != "nobody"
    lists, watch = list_names.with_followed(settings.lists, settings.watch, also=also)
    settings = replace(settings, lists=lists, watch=watch)
    _check_that_lists_fit(settings)
    _check_that_watched_fit(settings)
    return settings


def or_exit(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of this process; a wrong one ends it with a line, not a traceback."""
    try:
        return from_environment(environ)
    except SettingsError as error:
        exit_with(str(error))


def exit_with(message: str) -> NoReturn:
    """End the process because of a user's mistake: one line, status 2."""
    print(f"starboard: {message}", file=sys.stderr)
    raise SystemExit(2)


def _check_that_lists_fit(settings: Settings) -> None:
    limit = rate_limit.limit_of("search", settings.github_token is not None)
    with_token = rate_limit.limit_of("search", authorized=True)
    room, number = int(settings.poll_every * SPREAD / limit.every), len(settings.searched)
    if number <= room:
        return
    ways = [f"at most {room} LISTS"]
    for minutes in DIVISORS_OF_60:
        if timedelta(minutes=minutes) * SPREAD >= limit.every * number:
            ways.insert(0, f"POLL_MINUTES={minutes}")
            break
    if with_token.every * number <= settings.poll_every * SPREAD:
        ways.append("a GITHUB_TOKEN (three times as many)")
    raise SettingsError(
        "POLL_MINUTES",
        str(settings.poll_every // timedelta(minutes=1)),
        f"too short for {number} lists within GitHub's search limit; set {', or '.join(ways)}",
    )


def _check_that_watched_fit(settings: Settings) -> None:
    if settings.github_token is not None:  # they are sampled with what is followed
        return
    limit = rate_limit.limit_of("core", authorized=False)
    room = int(settings.poll_every * SPREAD / limit.every)
    way = "set POLL_MINUTES higher, or a GITHUB_TOKEN"
    if room >= WATCHED:
        room, way = WATCHED, "set a GITHUB_TOKEN for more"
    if len(settings.watch) > room:
        raise SettingsError(
            "WATCH", ",".join(settings.watch), f"expected at most {room} repositories; {way}"
        )


def _url(*schemes: str, host_needed: bool = True) -> Callable[[str, str], str]:
    def parse(variable: str, value: str) -> str:
        try:
            parts = urlsplit(value)
            complete = value.startswith(tuple(f"{scheme}://" for scheme in schemes))
            place = parts.path if parts.scheme == "unix" else parts.hostname
            complete = complete and bool(place or not host_needed)
            parts.port  # noqa: B018  # raises where it is no number
        except ValueError:
            complete = False
        if not complete:
            expected = f"expected a URL that begins with {' or '.join(f'{s}://' for s in schemes)}"
            raise SettingsError(variable, without_password(value), expected)
        return value

    return parse


def _api_url(variable: str, value: str) -> str:
    if set(value) & set("@?#"):
        expected = "expected a URL without a user or a query; a token goes into GITHUB_TOKEN"
        raise SettingsError(variable, without_password(value), expected)
    return _url("https", "http")(variable, value)


def _public_url(variable: str, value: str) -> str:
    url = _url("https", "http")(variable, value).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/@?#<>\"'\\]+(/[\w.~-]+)*", url, re.ASCII):
        expected = "expected the URL of this server for readers, such as https://HOST/PATH"
        raise SettingsError(variable, without_password(value), expected)
    return url


def _choice(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def parse(variable: str, value: str) -> str:
        if value.lower() not in choices:
            raise SettingsError(variable, value, f"expected one of {', '.join(choices)}")
        return value.lower()

    return parse


def _whole(lowest: int, highest: int) -> Callable[[str, str], int]:
    def parse(variable: str, value: str) -> int:
        digits = re.fullmatch(r"\d{1,9}", value, re.ASCII)
        if not digits or not lowest <= int(value) <= highest:
            raise SettingsError(variable, value, f"expected a number from {lowest} to {highest}")
        return int(value)

    return parse


def _minutes(variable: str, value: str) -> timedelta:
    if value not in map(str, DIVISORS_OF_60):
        expected = f"expected a divisor of 60: {', '.join(map(str, DIVISORS_OF_60))}"
        raise SettingsError(variable, value, expected)
    return timedelta(minutes=int(value))


def _secret(pattern: str, expected: str) -> Callable[[str, str], str]:
    def parse(variable: str, value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise SettingsError(variable, "(not shown)", f"expected {expected}")
        return value

    return parse


# What a header may hold; GitHub changes the rest.
_token = _secret(r"[!-~]{8,}", "a GitHub token: 8 or more ASCII characters, without blanks")

# Fit for a URL as it is.
_password = _secret(r"[A-Za-z0-9_.~-]{16,200}", "16 to 200 letters, digits, and _ . ~ -")


def _follow(variable: str, value: str) -> str:
    key = _secret(r"[!-~]{16,}", f"{', '.join(FOLLOW)}, or a key of 16 visible characters or more")
    return value.lower() if value.lower() in FOLLOW else key(variable, value)


def _lists(variable: str, value: str) -> tuple[RankedList, ...]:
    try:
        return list_names.parse(value, lambda path: Path(path).read_text("utf-8"))
    except list_names.WrongEntryError as error:
        raise SettingsError(variable, error.entry, error.expected) from None


def _watch(part: int) -> Callable[[str, str], tuple[str, ...]]:
    def parse(variable: str, value: str) -> tuple[str, ...]:
        try:
            return list_names.watched(value)[part]
        except list_names.WrongEntryError as error:
            raise SettingsError(variable, error.entry, error.expected) from None

    return parse


def _notify(variable: str, value: str) -> Notify:
    try:
        return notify_setting.parse(value, lambda path: Path(path).read_text("utf-8"))
    except LookupError as error:
        raise SettingsError(variable, notify_setting.shown(value), str(error.args[0])) from None


PARSERS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "database_url": ("DATABASE_URL", _url("sqlite", "postgresql", "postgres", host_needed=False)),
    "redis_url": ("REDIS_URL", _url("redis", "rediss", "unix")),
    "valkey_port": ("VALKEY_PORT", _whole(1, 65_535)),
    "valkey_password": ("VALKEY_PASSWORD", _password),
    "github_api_url": ("GITHUB_API_URL", _api_url),
    "github_token": ("GITHUB_TOKEN", _token),
    "lists": ("LISTS", _lists),
    "watch": ("WATCH", _watch(0)),
    "watch_owners": ("WATCH", _watch(1)),
    "follow": ("FOLLOW", _follow),
    "notify": ("NOTIFY", _notify),
    "follow_most": ("FOLLOW_MOST", _whole(1, 10**6)),
    "poll_every": ("POLL_MINUTES", _minutes),
    "aggregate_every": ("AGGREGATE_MINUTES", _minutes),
    "public_url": ("PUBLIC_URL", _public_url),
    "port": ("PORT", _whole(1, 65_535)),
    "web_concurrency": ("WEB_CONCURRENCY", _whole(1, 64)),
    "log_level": ("LOG_LEVEL", _choice(LOG_LEVELS)),
    "log_format": ("LOG_FORMAT", _choice(LOG_FORMATS)),
}
