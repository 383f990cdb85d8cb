"""The proxy that leads to a host, by the environment.

httpx reads the same variables, but raises for what people have in NO_PROXY: networks and IPv6.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.request import getproxies

import httpx

from core.url_secrets import without_password
from github.errors import Unreachable

PORTS = {"http": 80, "https": 443}
LISTED = re.compile(r"(?:\w+://)?(?:\*?\.)?(\[[^]]*\]|[^:]*|.*)(?::(\d+))?")  # an entry of NO_PROXY


def proxy_of(url: httpx.URL, variables: Mapping[str, str] | None = None) -> httpx.Proxy | None:
    """Return the proxy for requests to `url`; None where they go direct. Raises Unreachable where
    it is none.

    `variables`: as `urllib.request.getproxies` gives them, which looks at macOS' settings, too.
    """
    variables = getproxies() if variables is None else variables
    named = variables.get(url.scheme) or variables.get("all")
    if not named or _is_direct(url, variables.get("no", "")):
        return None
    scheme, _, rest = named.rpartition("://")
    # GNOME writes `socks`, which says no version; everybody means 5.
    scheme = "socks5" if scheme == "socks" else scheme or "http"
    try:
        return httpx.Proxy(f"{scheme}://{rest}")
    except (ValueError, httpx.InvalidURL):  # their messages may tell the password
        raise Unreachable(
            f"{url.host} cannot be reached by the proxy {without_password(named)}: "
            "expected http://HOST:PORT, https://… or socks5://…"
        ) from None


def _is_direct(url: httpx.URL, no_proxy: str) -> bool:
    host = url.host.lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or host.endswith(".localhost") or (address and address.is_loopback):
        return True  # no proxy means the same machine by these names as we do
    port = url.port or PORTS.get(url.scheme)
    entries = filter(None, re.split(r"[\s,]+", no_proxy.lower()))
    return any(_is_listed(host, address, port, entry) for entry in entries)


def _is_listed(
    host: str, address: IPv4Address | IPv6Address | None, port: int | None, entry: str
) -> bool:
    if entry == "*":
        return True
    found = LISTED.fullmatch(entry)
    assert found is not None
    name, only_port = re.sub(r"[][]", "", found[1]).rstrip("."), found[2]
    if only_port and int(only_port) != port:
        return False
    if address is None:
        return bool(name) and f".{host}".endswith(f".{name}")
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
