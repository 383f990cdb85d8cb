"""Several repositories in one reply of the API: the rows of a comparison, of a repository's gains,
and of what a search found, as CSV too."""

from collections.abc import Sequence
from typing import get_type_hints

from flask import Blueprint, Response

from core.schemas import Repositories, RepositoryRow
from web import current, responses
from web.parameters import Parameter, endpoint
from web.responses import computed

MOST = 50


def _read(text: str) -> Sequence[str]:
    names = [current.meant(each) for each in text.split(",")]
    if len(names) > MOST or None in names:
        raise ValueError(f"expected at most {MOST} repositories, as owner/name")
    return tuple(dict.fromkeys(name for name in names if name))


REPOSITORIES = Parameter(
    "repos",
    f"Up to {MOST} repositories.",
    _read,
    {"type": "string"},
    "octocat/hello-world,octocat/spoon-knife",
    required=True,
    into="names",
)

several = Blueprint("several", __name__, url_prefix="/api/v1")


@several.get("/repos")
@endpoint(Repositories, REPOSITORIES)
def repositories(names: Sequence[str]) -> Response:
    """Several repositories, in the order that they are named in: figures, gains and ranks."""
    with current.database().read() as session:
        items = responses.repositories_of(session, names)
    columns = get_type_hints(RepositoryRow)
    return computed({"items": [{name: item[name] for name in columns} for item in items]})  # type: ignore[literal-required]
