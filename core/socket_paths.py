"""Where the Unix socket of an installation's embedded Valkey is, by the installation's folder."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from urllib.parse import quote

LONGEST_SOCKET = 100  # bytes of a path; systems allow 104 to 108


def short_name(var: Path) -> str:
    """A name for an installation's folder among the system's temporary files."""
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return f"starboard-{os.getuid()}-{digest}"


def socket_path(var: Path) -> Path:
    """The Unix socket of the Valkey of the installation in `var`."""
    path = var / "valkey.sock"
    # A blank would do for a socket, but not for redis-py's reading of CLIENT INFO, which RQ's
    # workers ask for when they start.
    if len(os.fsencode(path)) <= LONGEST_SOCKET and re.fullmatch(r"[\w./+@-]+", str(path), re.A):
        return path
    return Path(tempfile.gettempdir()) / short_name(var) / "valkey.sock"


def socket_url(var: Path, password: str | None = None) -> str:
    """The URL of that socket, for Redis' clients and `rq … -u`."""
    return f"unix://{f':{password}@' if password else ''}{quote(str(socket_path(var)))}"
