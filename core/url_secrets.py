"""Passwords in URLs: finding them, and leaving them out."""

import re
from urllib.parse import unquote

IN_QUERY = re.compile(r"(?<=[?&]password=)[^&]*")


def passwords(url: str) -> set[str]:
    """The passwords in a URL, as they are and decoded: that of its user, and one in its query."""
    user_info = url.rpartition("@")[0].partition("://")[2]
    found = (user_info.partition(":")[2], *IN_QUERY.findall(url))
    return {form for password in found for form in (password, unquote(password))}


def without_password(url: str) -> str:
    """Return a URL, complete or not, without user, password and query."""
    return re.sub(r"^([\w+]*:/*)?.*@", r"\1…@", url, flags=re.DOTALL).partition("?")[0]
