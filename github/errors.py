"""The ways in which GitHub does not give what it is asked for, each with what follows from it."""

from datetime import datetime

from core import clock
from core.errors import ExpectedError


class GitHubError(ExpectedError):
    """GitHub did not give what was asked for."""


class Unavailable(GitHubError):
    """Nothing can be asked for now, whatever it is."""


class NotYet(Unavailable):
    """The rate limit lets nothing be sent before `until`. Nothing was sent."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"GitHub's rate limit allows the next request at {clock.rfc3339(until)}")
        self.until = until


class RateLimited(Unavailable):
    """GitHub asks to slow down; the shared limit knows until when."""


class Unreachable(Unavailable):
    """There is no answer."""


class Failing(GitHubError):
    """An answer that says that GitHub is in trouble, with this request or with all."""


class BadAnswer(GitHubError):
    """An answer that is not what GitHub's API describes."""


class Final(GitHubError):
    """An answer that no repetition will change soon, and that is about what was asked for alone."""


class Refused(Final):
    """GitHub does not give this: an invalid query, a repository that an organization withholds."""


class TokenRefused(Refused):
    """GitHub does not know the token, or it has expired."""


class Gone(Final):
    """There is no such repository for us (any more)."""
