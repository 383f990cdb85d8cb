"""One rule says what a repository may be called, wherever its name comes in."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.names import FULL_NAME, host_of, is_full_name, pasted_name, pasted_owner
from github.answers import read_repository
from history import archive
from settings import from_environment
from tests.support.archive import line, write_day
from tests.support.github import item
from web.charts import REPOSITORIES

GOOD = [
    "quiet/harbor",
    "Quiet-Sea/Harbor",
    "octocat_acme/harbor",  # of a user that a company manages
    "octocat-/harbor",
    "4/2",
    "quiet/.github",
    "quiet/...",
    "quiet/..b",
    "quiet/-_.",
    f"{'q' * 99}/{'h' * 100}",
]

BAD = [
    "",
    "/",
    "quiet",
    "quiet/",
    "/harbor",
    "quiet/.",
    "quiet/..",
    "../harbor",
    "qui.et/harbor",
    "-quiet/harbor",
    "_quiet/harbor",
    "quiet/harbor/x",
    "quiet/har bor",
    "quiet/harbor\n",
    "quiet/härbor",
    "quiet/a,quiet/b",
    "quiet/h?",
    f"{'q' * 100}/h",
    f"q/{'h' * 101}",
]


@pytest.mark.parametrize("name", GOOD)
def test_a_name_as_github_gives_them_is_one(name: str) -> None:
    assert is_full_name(name)


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_none(name: str) -> None:
    assert not is_full_name(name)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        *((name, True) for name in GOOD),
        *((name, False) for name in BAD if "," not in name and "\n" not in name),
        (",".join(GOOD), True),
        ("quiet/..,quiet/harbor", False),
        ("quiet/harbor,quiet/.", False),
        ("quiet/harbor,", False),
    ],
)
def test_the_rule_holds_within_a_schema_too(text: str, fits: bool) -> None:
    assert bool(re.search(REPOSITORIES.schema["pattern"], text)) is fits


def test_the_rule_is_one_that_browsers_take_for_a_form() -> None:
    assert not re.search(r"(?<!\\)-(?![Zz9])", FULL_NAME)  # but for A-Z, a-z and 0-9


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_githubs_answer_may_carry_is_taken_everywhere(
    name: str, tmp_path: Path
) -> None:
    assert read_repository(item(full_name=name)).full_name == name
    assert from_environment({"WATCH": name}).watch == (name,)
    assert REPOSITORIES.read(name) == (name.lower(),)
    assert list(archive.read_day(write_day(tmp_path, line(name))).fields) == [name.lower()]


@pytest.mark.parametrize("path", ["/charts.svg", "/compare"])
@pytest.mark.parametrize("name", ["octocat_acme/harbor", "quiet/.github"])
def test_a_name_that_is_on_no_list_is_no_bad_request(
    client: FlaskClient, path: str, name: str
) -> None:
    told = client.get(path, query_string={"repos": name})

    assert told.status_code in (200, 404)
    assert name in told.text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("quiet/boat", "quiet/boat"),
        ("  quiet/boat\n", "quiet/boat"),
        ("https://github.com/quiet/boat", "quiet/boat"),
        ("https://github.com/quiet/boat.git", "quiet/boat"),
        ("http://www.github.com/quiet/boat/", "quiet/boat"),
        ("github.com/quiet/boat/tree/main/src?x=1#top", "quiet/boat"),
        ("https://ghe.example.com/quiet/boat", "quiet/boat"),
        ("git@github.com:quiet/boat.git", "quiet/boat"),
        ("ssh://git@ghe.example.com:2222/quiet/boat.git", "quiet/boat"),
        ("https://github.com/orgs/quiet/repositories", None),
        ("https://github.com/topics/boats", None),
        ("topics/boats", "topics/boats"),
        ("quiet/boat/tree", None),
        ("https://github.com/quiet", None),
        ("boat", None),
        ("", None),
        ("https://github.com/quiet/boat and more", None),
        ("x" * 100_000, None),
    ],
)
def test_a_name_is_found_in_what_people_paste(text: str, name: str | None) -> None:
    assert pasted_name(text) == name


@pytest.mark.parametrize(
    ("text", "api_url", "name"),
    [
        ("https://github.com/quiet/boat", "https://api.github.com", "quiet/boat"),
        ("https://www.github.com/quiet/boat", "https://api.github.com", "quiet/boat"),
        ("https://GitHub.com/quiet/boat", "http://127.0.0.1:9999", "quiet/boat"),
        ("git@github.com:quiet/boat", "https://api.github.com", "quiet/boat"),
        ("quiet/boat", "https://ghe.example.com/api/v3", "quiet/boat"),
        ("https://ghe.example.com/quiet/boat", "https://ghe.example.com/api/v3", "quiet/boat"),
        ("https://acme.ghe.com/quiet/boat", "https://api.acme.ghe.com", "quiet/boat"),
        ("https://gitlab.com/quiet/boat", "https://api.github.com", None),
        ("https://www.npmjs.com/package/react", "https://api.github.com", None),
        ("git@gitlab.com:quiet/boat.git", "https://api.github.com", None),
        ("https://github.com/quiet/boat", "https://ghe.example.com/api/v3", None),
    ],
)
def test_an_address_of_another_host_is_of_no_repository_of_this_github(
    text: str, api_url: str, name: str | None
) -> None:
    assert pasted_name(text, host_of(api_url)) == name
    if "package" not in text:
        owner = pasted_owner(text.replace("boat", "*").removesuffix(".git"), host_of(api_url))
        assert owner == (name and "quiet")
