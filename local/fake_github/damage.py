"""What damage to an answer is."""

from collections.abc import Callable
from random import Random

from flask import Response

Fault = Callable[[Response, Random], Response]


def instead(response: Response, status: int, body: str | bytes) -> Response:
    """Give an answer another status and body, and leave its headers."""
    response.status_code = status
    response.set_data(body)
    return response
