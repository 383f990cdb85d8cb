"""The targets of NOTIFY, and sending to one: Apprise's part. It is loaded on use, which takes a
second or two; workers do so once, before they fork.

Nothing that Apprise or its libraries say is repeated: it may have a target's secrets in it.
"""

import hashlib
import importlib
import json
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from core import notices
from core.notify_setting import Notify, shown
from core.schemas import Notice
from settings import Settings, SettingsError, exit_with

SEND_WITHIN = 8  # seconds, whatever a service does

SILENT = ("urllib3", "requests", "requests_oauthlib", "oauthlib", "slixmpp", "paho")
MACHINES = ("json", "jsons")  # services that take the news as data

STATUS = re.compile(r"error=(\d{3})\b")


@dataclass(frozen=True, slots=True)
class Target:
    """A service to send to. `key`: what it goes by in SQL; `name`: for people."""

    key: str
    name: str
    tags: tuple[str, ...]
    service: Any
    is_machine: bool


@lru_cache(maxsize=4)
def targets_of(notify: Notify | None) -> tuple[Target, ...]:
    """Return the targets of the setting. Raises SettingsError where Apprise knows one not."""
    if notify is None:
        return ()
    services = _from_urls(notify.urls) if notify.urls is not None else _from(notify.config or "")
    found: dict[str, Target] = {}
    for number, service in enumerate(services, 1):
        scheme = service.url().partition("://")[0]
        key = _key(service.url())
        tags = tuple(sorted(str(tag) for tag in service.tags))
        machine = scheme in MACHINES
        found.setdefault(key, Target(key, f"{number} ({scheme})", tags, service, machine))
    return tuple(found.values())


def check_or_exit(settings: Settings) -> None:
    """End the process with one line where NOTIFY names what Apprise does not know."""
    try:
        targets_of(settings.notify)
    except SettingsError as error:
        exit_with(str(error))


def send(target: Target, notice: Notice, text: str, timeout: float = SEND_WITHIN) -> str | None:
    """Send news to a target now. Returns why it was not taken; None where it was."""
    apprise = _apprise()
    if target.is_machine:
        text = json.dumps(notice, ensure_ascii=False)
    sender = apprise.Apprise()
    sender.add(target.service)
    try:
        result = sender.notify(
            body=text,
            title=notices.title(notice),
            body_format=apprise.NotifyFormat.TEXT,
            timeout=timeout,
        )
        said = " ".join(entry.message for entry in result.logs())
    except Exception as error:  # a service's own mistake: its text may have a secret in it
        return f"its service failed ({type(error).__name__})"
    return None if result else _why(result, said, timeout)


def _why(result: Any, said: str, timeout: float) -> str:
    if result.status == 5:  # AppriseResultStatus.TIMEOUT
        return f"no answer within {timeout:.0f} s"
    if (status := STATUS.search(said)) and status[1] in {str(each.value) for each in HTTPStatus}:
        return f"it answered {status[1]} ({HTTPStatus(int(status[1])).phrase})"
    return "it cannot be reached, or refuses"


def _key(url: str) -> str:
    # Slow on purpose: nobody shall find a password by trying all of them against our database.
    return hashlib.scrypt(url.encode(), salt=b"starboard", n=2**12, r=8, p=1, dklen=12).hex()


def _apprise() -> Any:
    import apprise

    for name in SILENT:  # at the level `debug` they write whole URLs
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Its warnings are read here, for the status of an answer, and go no further.
    ours = logging.getLogger("apprise")
    ours.setLevel(logging.WARNING)
    ours.propagate = False
    if not ours.handlers:
        ours.addHandler(logging.NullHandler())
    return apprise


def _from_urls(urls: str) -> list[Any]:
    apprise = _apprise()
    parse_urls: Any = importlib.import_module("apprise.utils.parse").parse_urls  # it has no types
    services = []
    for number, url in enumerate(parse_urls(urls), 1):
        service = apprise.Apprise.instantiate(url)
        if service is None:
            raise SettingsError("NOTIFY", shown(url), f"URL {number} is none that Apprise knows")
        services.append(service)
    return services


def _from(config: str) -> list[Any]:
    _apprise()
    reader: Any = importlib.import_module("apprise.config.base").ConfigBase
    wrong = _Wrong()
    logger = logging.getLogger("apprise")
    level = logger.level
    logger.addHandler(wrong)
    logger.setLevel(logging.DEBUG)  # where it tells the number of an entry that is wrong
    try:
        services, includes = reader.config_parse_yaml(config)
    finally:
        logger.setLevel(level)
        logger.removeHandler(wrong)
    if includes:
        raise SettingsError("NOTIFY", "include:", "other files are not read; have all URLs in one")
    if wrong.entries or not services:
        which = ", ".join(sorted(wrong.entries)) or "none of them"
        known = f"Apprise knows not all of its urls: see entry {which}"
        raise SettingsError("NOTIFY", "(the file)", known)
    return list(services)


class _Wrong(logging.Handler):
    """Notes which entries of a file Apprise complains of: by their numbers, not in its words."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if found := re.search(r"^(?:Unparseable|Invalid|Unsupported|Could not).*#(\d+)", message):
            self.entries.add(found[1])
