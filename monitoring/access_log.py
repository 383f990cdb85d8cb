"""The log of requests, a line each, written for many at once.

Through `logging` a line takes longer than all the rest of a cached reply. So what the requests that
a reply answers have in common is made with the reply, and in JSON only the rest is put in.
"""

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

import structlog

from monitoring.batches import Batch
from monitoring.logs import ACCESS, LONGEST_PATH, LONGEST_QUERY, Formatter

SOON = 0.2  # seconds

Log = Callable[[float, str], None]  # takes the seconds that a request took, and its id


def log_of(method: str, path: str, query: str, status: int) -> Log:
    """Return the function that logs a request. `path`: as WSGI has it."""
    if not logging.getLogger(ACCESS).isEnabledFor(logging.INFO):
        return _no_line
    path = quote(path, encoding="latin-1", errors="replace")[:LONGEST_PATH]
    path = f"{path}?{query[:LONGEST_QUERY]}" if query else path
    fields = {"method": method, "path": path, "status": status}
    formatter = next((handler.formatter for handler in _handlers()), None)
    if isinstance(formatter, Formatter) and formatter.json:
        same = json.dumps(formatter.redacted(fields), ensure_ascii=False)[1:-1]
        return partial(_add_json, f'"level": "info", "event": "request", {same}')
    return partial(_log_as_all_else, fields)


def write_now() -> None:
    """Write the lines that wait."""
    _lines.handle_now()


def _no_line(seconds: float, request_id: str) -> None:
    """Log nothing, as LOG_LEVEL asks."""


def _log_as_all_else(fields: dict[str, object], seconds: float, request_id: str) -> None:
    ms = round(1000 * seconds, 1)
    structlog.get_logger(ACCESS).info("request", **fields, ms=ms, request_id=request_id)


def _add_json(same: str, seconds: float, request_id: str) -> None:
    second, rest = divmod(time.time(), 1)
    _lines.add(
        f'{{"timestamp": "{_rfc3339(second)}.{int(rest * 1e6):06d}Z", {same}, '
        f'"ms": {1000 * seconds:.1f}, "request_id": "{request_id}", "logger": "{ACCESS}"}}\n'
    )


@lru_cache(maxsize=2)
def _rfc3339(second: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _handlers() -> "list[logging.StreamHandler[Any]]":
    """What writes this process's own lines."""
    handlers = (it for it in logging.root.handlers if isinstance(it, logging.StreamHandler))
    return [handler for handler in handlers if isinstance(handler.formatter, Formatter)]


def _write(lines: list[str]) -> None:
    for handler in _handlers():
        handler.acquire()
        try:
            with suppress(OSError, ValueError):  # a full disk or a closed pipe ends no request
                handler.stream.write("".join(lines))
                handler.stream.flush()
        finally:
            handler.release()


_lines = Batch(_write, SOON)
