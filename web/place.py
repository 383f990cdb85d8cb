"""Where readers find this server: where PUBLIC_URL says, or else where the request says."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from web.http_headers import Environ

PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]+)+", re.ASCII)
LONGEST_PREFIX = 100  # characters


class Place:
    """WSGI in front of Flask: has all links begin with the path under which readers find this
    server, whether the proxy in front takes it off the request's own or not."""

    def __init__(self, app: Callable[..., Iterable[bytes]], public_url: str | None) -> None:
        self.app = app
        self._prefix = None if public_url is None else urlsplit(public_url).path

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        prefix = self._prefix
        if prefix is None:
            prefix = _forwarded_prefix(environ.get("HTTP_X_FORWARDED_PREFIX", ""))
        if prefix:
            path = environ["PATH_INFO"]
            if path == prefix or path.startswith(f"{prefix}/"):
                path = path.removeprefix(prefix) or "/"
            environ = {**environ, "SCRIPT_NAME": prefix, "PATH_INFO": path}
        return self.app(environ, start_response)


def _forwarded_prefix(header: str) -> str:
    """Return the path that a proxy took off; empty where the header is no path."""
    prefix = header.rstrip("/")
    good = len(prefix) <= LONGEST_PREFIX and PREFIX.fullmatch(prefix)
    return prefix if good else ""
