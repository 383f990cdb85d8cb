"""The ways in which GitHub does not give what it is asked for, each with what follows from it."""

from datetime import datetime

from core import clock
from core.errors import ExpectedError


class GitHubError(ExpectedError):
    """GitHub did not give what was asked for."""


class NotYet(GitHubError):
    """The rate limit lets nothing be sent before `until`. Nothing was sent."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"GitHub's rate limit allows the next request at {clock.rfc3339(until)}")
        self.until = until


class RateLimited(GitHubError):
    """GitHub asks to slow down; the shared limit knows until when."""


class Unreachable(GitHubError):
    """No answer, or one that says that GitHub itself is in trouble."""


class Refused(GitHubError):
    """An answer that no repetition will change: a bad token, an invalid query."""


class Gone(GitHubError):
    """There is no such repository for us (any more)."""


class BadAnswer(GitHubError):
    """An answer that is not what GitHub's API describes."""
