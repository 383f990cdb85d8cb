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
    open_issues: int  # open pull requests among them, as GitHub counts
    language: str | None  # None: GitHub finds none
    description: str | None
    html_url: str
    pushed_at: datetime | None
    created_at: datetime | None = None  # None: its source does not tell, as for `topics`
    topics: tuple[str, ...] | None = None

    def count(self, ranked: RankedList) -> int:
        """The count that a list ranks by."""
        return self.stars if ranked.count == "stars" else self.forks

    def is_of_language(self, ranked: RankedList) -> bool:
        """Whether it is of the language that a list asks for, if it asks for one."""
        language = (self.language or "").casefold()
        return ranked.language is None or language == ranked.language.casefold()

    def belongs_to(self, ranked: RankedList) -> bool:
        """Whether it is what a list asks for, as far as is known of it."""
        owner, topics = self.full_name.partition("/")[0], self.topics
        return (
            self.is_of_language(ranked)
            and (ranked.owner is None or owner.casefold() == ranked.owner.casefold())
            and (ranked.topic is None or topics is None or ranked.topic in topics)
            and not self.has_outgrown(ranked)
        )

    def has_outgrown(self, ranked: RankedList) -> bool:
        """Whether it was made before a list of new ones begins: then it leaves without news."""
        if ranked.since is None or self.created_at is None:
            return False
        return self.created_at < ranked.since


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Repositories in GitHub's order, as they came; `incomplete` is GitHub's own word.

    `answered_at`: the moment by GitHub's clock, to the second; None where it did not say.
    """

    repositories: tuple[GitHubRepository, ...]
    incomplete: bool
    answered_at: datetime | None = None
