"""The documents: every relative link leads to the file, the line or the heading that it names."""

import re
from pathlib import Path

import pytest

from core import notify_setting
from monitoring.targets import targets_of
from tests.support import links

CODE = '''"""A module."""

LIMIT, PAUSE = 3, 5


class Worker:
    name: str

    def run(self) -> None: ...


def run() -> None: ...
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "work.py").write_text(CODE)
    return tmp_path


def readme(project: Path, text: str) -> Path:
    path = project / "README.md"
    path.write_text(text)
    return path


@pytest.mark.parametrize("document", links.documents(), ids=lambda path: path.name)
def test_every_relative_link_leads_where_it_says(document: Path) -> None:
    assert links.problems(document) == [], "`python -m tests.support.links --fix` mends lines"


def test_a_line_of_the_readmes_first_screen_turns_a_notification_on() -> None:
    first_screen = "".join((links.ROOT / "README.md").read_text().splitlines(True)[:20])
    [url] = re.findall(r"^    NOTIFY=(\S+) make run\b", first_screen, re.MULTILINE)

    [target] = targets_of(notify_setting.parse(url, lambda path: ""))
    assert (target.name, target.tags) == ("1 (ntfy)", ())


def test_every_document_is_checked() -> None:
    names = {path.name for path in links.documents()}

    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "tour.md", "architecture.md"} <= names


@pytest.mark.parametrize(
    "link",
    [
        "[`work.run`](work.py#L12)",
        "[`Worker.run`](work.py#L9)",
        "[`run()`](work.py#L9)",  # two of that name, and nothing that says which
        "[`Worker`](work.py#L6)",
        "[`Worker.name`](work.py#L7)",
        "[`PAUSE`](work.py#L3)",
        "[the code](work.py)",
        "[a folder](docs)",
        "[a heading](#what-it-is-and-is-not)",
        "[elsewhere](https://example.com/work.py#L99)",
    ],
)
def test_a_link_that_is_right_is_no_problem(project: Path, link: str) -> None:
    assert links.problems(readme(project, f"# What it is, and is not\n\n{link}"), project) == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("[the code](wrok.py)", "there is no such file"),
        ("[a heading](#nowhere)", "there is no such heading"),
        ("[`Worker.run`](work.py#L12)", "the name is defined at work.py#L9"),
        ("[`work.run`](work.py#L9)", "the name is defined at work.py#L12"),
        ("[`run`](work.py#L1)", "the name is defined at work.py#L9 or work.py#L12"),
        ("[`Worker`](gone.py#L6)", "the name is defined at work.py#L6"),
        ("[`walk`](work.py#L9)", "nothing has that name"),
    ],
)
def test_a_link_that_is_wrong_is_told_with_what_would_be_right(
    project: Path, link: str, problem: str
) -> None:
    document = readme(project, f"```\n[in code](nowhere.py)\n```\n\nSee {link}.")

    assert links.problems(document, project) == [f"README.md:5: {link}: {problem}"]


def test_fix_lets_links_follow_what_moved(project: Path) -> None:
    (project / "docs" / "tour.md").write_text(
        "[`Worker.run`](../work.py#L1), [`PAUSE`](../gone.py#L3), [`work.run`](../work.py#L12)"
    )

    assert links.fix(project / "docs" / "tour.md", project)

    assert (project / "docs" / "tour.md").read_text() == (
        "[`Worker.run`](../work.py#L9), [`PAUSE`](../work.py#L3), [`work.run`](../work.py#L12)"
    )
    assert not links.fix(project / "docs" / "tour.md", project)


def test_fix_leaves_what_it_cannot_tell(project: Path) -> None:
    text = "[`run`](work.py#L1) [`walk`](work.py#L9) [the code](wrok.py)"

    assert not links.fix(readme(project, text), project)

    assert (project / "README.md").read_text() == text
