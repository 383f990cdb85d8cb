"""…"""

from datetime import datetime

from core import clock


class GitHubError(Exception):
    """GitHub did not give what was asked for. The message is one line, fit for a log."""


class NotYet(GitHubError):
    """The budget lets nothing be sent before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"GitHub's rate limit allows the next request at {clock.rfc3339(until)}")
        self.until = until


class RateLimited(GitHubError):
    """GitHub asks to slow down; the budget knows until when."""


class Unreachable(GitHubError):
    """No answer, or one that says that GitHub itself is in trouble."""


class Refused(GitHubError):
    """An answer that no repetition will change: a bad token, an invalid query."""


class Gone(GitHubError):
    """There is no such repository for us (any more)."""


class BadAnswer(GitHubError):
    """An answer that is not what GitHub's API describes."""
