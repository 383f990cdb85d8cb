"""Node ids in the form of GitHub's, opaque to everybody else: `R_kgDO…`."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

BEGINNING = b"\x92\x00\xce"  # MessagePack of a list: zero, and a number of four bytes


def encode(kind: str, number: int) -> str:
    """Return the node id of a repository (kind `R`) or an organization (`O`)."""
    packed = BEGINNING + number.to_bytes(4, "big")
    return f"{kind}_{urlsafe_b64encode(packed).decode().rstrip('=')}"


def repository_of(node_id: str) -> int | None:
    """Return the id of the repository that a node id stands for; None where it is no such one."""
    kind, _, encoded = node_id.partition("_")
    try:
        packed = urlsafe_b64decode(f"{encoded}==")
    except (binascii.Error, ValueError):
        return None
    number = int.from_bytes(packed[len(BEGINNING) :], "big") if len(packed) == 7 else -1
    return number if number >= 0 and encode("R", number) == f"{kind}_{encoded}" else None
