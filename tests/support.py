"""What several tests share that is no fixture."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from settings import Settings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"  # real input, where a developer has it

MakeSettings = Callable[..., Settings]


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """The first result of a condition that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return result
