"""Logs: one structured line an event; readable in a terminal, JSON elsewhere; never a secret."""

import json
import logging
import sys
from typing import Any

import structlog

from settings import Settings, or_exit

QUIET = ("httpx", "httpcore", "alembic", "werkzeug", "rq_scheduler", "rq.worker", "rq.job")
REDACTED = "[redacted]"


def configure(settings: Settings) -> None:
    """Send all of this process's logs through one formatter, to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter(settings))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in QUIET if settings.log_level != "debug" else ():
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats the lines of structlog and of plain loggers alike, and takes secrets out last, so
    that neither a message nor a traceback carries one."""

    def __init__(self, settings: Settings) -> None:
        self._secrets = settings.secrets
        terminal = settings.log_format == "console" or (
            settings.log_format == "auto" and sys.stdout.isatty()
        )
        shared: list[structlog.typing.Processor] = [
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(["queue", "job_id"]),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ]
        render: list[structlog.typing.Processor] = (
            [
                structlog.dev.ConsoleRenderer(
                    colors=True,
                    pad_event_to=24,
                    exception_formatter=structlog.dev.plain_traceback,
                )
            ]
            if terminal
            else [
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(_dumps),
            ]
        )
        super().__init__(
            foreign_pre_chain=shared,
            processors=[
                *shared,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *render,
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, REDACTED)
        return line


def _dumps(event: dict[str, Any], **options: Any) -> str:
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return json.dumps(first | event, ensure_ascii=False, default=str)


def from_environment() -> Formatter:
    """The formatter for the web server's own lines: logging.json names it."""
    return Formatter(or_exit())
