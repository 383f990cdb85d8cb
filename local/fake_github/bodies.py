"""The JSON that the fake GitHub answers with."""

import zlib
from collections.abc import Iterable

from flask import request

from core import clock
from local.fake_github import node_ids
from local.fake_github.worlds import FakeRepository

# Members that are URLs below the repository's or the owner's own, as GitHub's templates.
_LINKS = """archive_url={archive_format}{/ref} assignees_url=assignees{/user}
    blobs_url=git/blobs{/sha} branches_url=branches{/branch} comments_url=comments{/number}
    collaborators_url=collaborators{/collaborator} commits_url=commits{/sha}
    compare_url=compare/{base}...{head} contents_url=contents/{+path}
    contributors_url=contributors deployments_url=deployments downloads_url=downloads
    events_url=events forks_url=forks git_commits_url=git/commits{/sha}
    git_refs_url=git/refs{/sha} git_tags_url=git/tags{/sha} hooks_url=hooks
    issue_comment_url=issues/comments{/number} issue_events_url=issues/events{/number}
    issues_url=issues{/number} keys_url=keys{/key_id} labels_url=labels{/name}
    languages_url=languages merges_url=merges milestones_url=milestones{/number}
    notifications_url=notifications{?since,all,participating} pulls_url=pulls{/number}
    releases_url=releases{/id} stargazers_url=stargazers statuses_url=statuses/{sha}
    subscribers_url=subscribers subscription_url=subscription tags_url=tags teams_url=teams
    trees_url=git/trees{/sha}"""

_OWNER_LINKS = """followers_url=followers following_url=following{/other_user}
    gists_url=gists{/gist_id} starred_url=starred{/owner}{/repo} subscriptions_url=subscriptions
    organizations_url=orgs repos_url=repos events_url=events{/privacy}
    received_events_url=received_events"""
LINKS, OWNER_LINKS = (
    [tuple(link.split("=")) for link in links.split()] for links in (_LINKS, _OWNER_LINKS)
)

NO = ("private", "is_template", "has_pages", "disabled")

PEOPLE = ("dev", "-io", "kit")  # how their names end

YES = ("has_issues", "has_projects", "has_wiki", "has_downloads", "has_discussions")


def repository_body(repo: FakeRepository) -> dict[str, object]:
    """Return a repository as GitHub gives it in a search."""
    owner, name = repo.full_name.split("/")
    url, site = f"{request.root_url}repos/{repo.full_name}", f"github.com/{repo.full_name}"
    return {
        "id": repo.github_id,
        "node_id": node_ids.encode("R", repo.github_id),
        "name": name,
        "full_name": repo.full_name,
        "owner": _owner(owner),
        "html_url": f"https://{site}",
        "description": repo.description,
        "url": url,
        **_below(url, LINKS),
        "git_url": f"git://{site}.git",
        "ssh_url": f"git@github.com:{repo.full_name}.git",
        "clone_url": f"https://{site}.git",
        "svn_url": f"https://{site}",
        "created_at": clock.rfc3339(repo.created_at),
        "updated_at": clock.rfc3339(repo.pushed_at),
        "pushed_at": clock.rfc3339(repo.pushed_at),
        "size": 4_096,
        **dict.fromkeys(("stargazers_count", "watchers_count", "watchers"), repo.stars),
        **dict.fromkeys(("forks_count", "forks"), repo.forks),
        **dict.fromkeys(("open_issues_count", "open_issues"), repo.open_issues),
        "language": repo.language,
        **dict.fromkeys(("homepage", "mirror_url", "license")),
        **dict.fromkeys(NO, False),
        **dict.fromkeys(YES, True),
        "fork": repo.fork,
        "archived": repo.archived,
        "topics": list(repo.topics),
        "visibility": "public",
        "default_branch": "main",
    }


def is_organization(login: str) -> bool:
    """Whether an owner is an organization, and not a person."""
    return not login.endswith(PEOPLE)


def _owner(login: str) -> dict[str, object]:
    number, url = zlib.crc32(login.encode()), f"{request.root_url}users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_ids.encode("O", number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
        **_below(url, OWNER_LINKS),
        "type": "Organization" if is_organization(login) else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def _below(url: str, links: Iterable[tuple[str, ...]]) -> dict[str, str]:
    return {member: f"{url}/{path}" for member, path in links}
