"""Who may ask this server to follow a repository or to read its history: the setting FOLLOW."""

import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import Forbidden

from web import current

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")

SAME_SITE = ("same-origin", "none")  # values of Sec-Fetch-Site: this server's pages, the reader


def may_ask() -> bool:
    """Whether who sends the current request may have something read that was not read yet."""
    allowed = current.settings().follow
    if allowed in ("anyone", "nobody"):
        return allowed == "anyone"
    if allowed == "local":
        return _is_local() and not is_cross_site()
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(key.encode(), allowed.encode())


def asks_by_form() -> bool:
    """Whether pages have forms that ask: a browser cannot send a key."""
    return current.settings().follow in ("anyone", "local")


def require_leave() -> None:
    """Raise Forbidden unless the current request, which changes something, may do so."""
    if is_cross_site():
        raise Forbidden("a page of another site may not ask for that")
    if not may_ask():
        raise Forbidden(
            "this server lets only those follow whom its setting FOLLOW names: with a key, "
            "send it as Authorization: Bearer; the command `flask --app app follow` needs no leave"
        )


def is_cross_site() -> bool:
    """Whether a page of another site makes a reader's browser send the current request."""
    if request.headers.get("Sec-Fetch-Site", "none") not in SAME_SITE:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != urlsplit(current.site()).netloc


def _is_local() -> bool:
    """Whether the current request comes from this machine, by a name of it: a page of another site
    may have a name of its own lead here."""
    if any(name in request.headers for name in FORWARDED):
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return _is_loopback(request.remote_addr or "") and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
