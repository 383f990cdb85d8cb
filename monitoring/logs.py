"""Logs: one structured line an event; readable in a terminal, JSON elsewhere; never a secret."""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from settings import Settings, or_exit

QUIET = ("httpx", "httpcore", "alembic", "werkzeug", "rq_scheduler", "rq.worker", "rq.job")

REDACTED = "[redacted]"

LONGEST_PATH, LONGEST_QUERY = 500, 200  # characters that a line repeats

ACCESS = "starboard.access"  # the logger of requests: see monitoring.access_log


def configure(settings: Settings) -> None:
    """Send all of this process's logs through one formatter, to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter(settings))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.getLogger("rq.worker").addFilter(_is_news)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    for name in QUIET:
        quiet = max(level, logging.WARNING) if level > logging.DEBUG else logging.NOTSET
        logging.getLogger(name).setLevel(quiet)
    logging.getLogger(ACCESS).setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether RQ says what the jobs do not: each logs its own failure, in one line if it
    is expected."""
    return "exception raised while executing" not in str(record.msg)


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats the lines of structlog and of plain loggers alike, and takes secrets out right
    before they are written, so that neither a message nor a traceback carries one."""

    def __init__(self, settings: Settings) -> None:
        self._secrets = sorted(settings.secrets, key=len, reverse=True)
        terminal = settings.log_format == "console" or (
            settings.log_format == "auto" and sys.stdout.isatty()
        )
        self.json = not terminal
        shared: list[Processor] = [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(["queue", "job_id"]),
        ]
        render: list[Processor] = (
            [
                structlog.processors.TimeStamper(fmt="%H:%M:%SZ", utc=True),
                structlog.processors.format_exc_info,
                structlog.dev.ConsoleRenderer(
                    pad_event_to=10,
                    sort_keys=False,
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ]
            if terminal
            else [
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(_dumps),
            ]
        )
        super().__init__(
            foreign_pre_chain=shared,
            processors=[
                *shared,
                *render[:-1],
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                self._without_secrets,
                render[-1],
            ],
        )

    def _without_secrets(self, logger: Any, method: str, event: EventDict) -> EventDict:
        return {name: self.redacted(value) for name, value in event.items()}

    def redacted(self, value: Any) -> Any:
        """Return a value without the secrets of the settings."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(name): self.redacted(each) for name, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.redacted(each) for each in value]
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


def _dumps(event: dict[str, Any], **options: Any) -> str:
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return json.dumps(first | event, ensure_ascii=False)


def from_environment() -> Formatter:
    """The formatter for the web server's own lines: logging.json names it."""
    return Formatter(or_exit())
