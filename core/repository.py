"""A repository and a page of a search, as GitHub gives them: the values that the rooms exchange."""

from dataclasses import dataclass
from datetime import datetime

from core.lists import RankedList


@dataclass(frozen=True, slots=True)
class GitHubRepository:
    """A repository as GitHub describes it at one moment. Counts are whole and not negative."""

    github_id: int
    full_name: str  # owner/name
    stars: int
    forks: int
    open_issues: int | None  # open pull requests among them; None: its source does not tell
    language: str | None  # None: GitHub finds none
    description: str | None
    html_url: str
    pushed_at: datetime | None
    node_id: str | None = None  # GitHub's for GraphQL; None where it did not say

    def count(self, ranked: RankedList) -> int:
        """The count that a list ranks by."""
        return self.stars if ranked.count == "stars" else self.forks


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Repositories in GitHub's order, as they came; `incomplete` is GitHub's own word.

    `answered_at`: the moment by GitHub's clock, to the second; None where it did not say.
    """

    repositories: tuple[GitHubRepository, ...]
    incomplete: bool
    answered_at: datetime | None = None
