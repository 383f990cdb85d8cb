"""The tasks of docs/tasks.md, each from the front page by what a user sees there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import app as web
from core.clock import DAY
from tests.support import browser as chrome
from tests.support.common import ROOT
from tests.support.served import run
from tests.support.small_site import NAMES, SmallSite, small_site

pytestmark = pytest.mark.skipif(chrome.CHROMIUM is None, reason="there is no chromium here")

TASKS = (ROOT / "docs" / "tasks.md").read_text("utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSite]:
    with small_site(tmp_path_factory.mktemp("tasks")) as site:
        yield site


@pytest.fixture
def front(open_page: Any, site: SmallSite) -> Page:
    page: Page = open_page(site.url, permissions=["clipboard-read", "clipboard-write"])
    return page


def find(page: Page, text: str) -> None:
    page.get_by_label("Find a repository").fill(text)
    page.keyboard.press("Enter")


def saved(page: Page, link: Any) -> list[str]:
    """Return the lines of what a link gives to save."""
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_text("utf-8").splitlines()


def test_a_chart_for_a_readme(front: Page) -> None:
    find(front, "kettle")
    front.get_by_role("link", name=NAMES[3]).click()
    front.get_by_role("button", name="Copy: Chart").click()

    expect(front.locator("#said")).to_have_text("Copied")
    copied = front.evaluate("navigator.clipboard.readText()")
    assert f"/charts/{NAMES[3]}.svg?theme=dark" in copied
    front.get_by_role("button", name="Copy: Badge of its rank").click()
    assert f"/badges/{NAMES[3]}.svg?show=rank" in front.evaluate("navigator.clipboard.readText()")
    expect(front.get_by_text("flask --app app chart")).to_be_visible()


def test_which_python_projects_grew_most_and_who_entered(front: Page) -> None:
    all_lists = front.get_by_role("navigation", name="Lists")
    chrome.through(all_lists.get_by_role("link", name="Python"))
    chrome.through(front.get_by_role("link", name="30 days"))
    chrome.through(front.get_by_role("link", name="by gain in percent"))

    rows = front.locator("#ranking tbody tr")
    order = [NAMES.index(it) for it in rows.locator(".name a[href*='/repos/']").all_text_contents()]
    assert [it for it in order if it != 4] == [3, 2, 0, 1]
    expect(front.locator("#lately")).to_contain_text(re.compile(rf"Entered.*{NAMES[4]}", re.DOTALL))


def test_follow_300_and_be_told(front: Page, site: SmallSite, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"some/project-{number}\n" for number in range(300)))
    assert f"flask --app app follow -f {names.name}" in TASKS
    app = web.create_app(site.settings)
    status, _, wrong = run(app, "follow", "-f", str(names))
    app.extensions["database"].dispose()
    assert status == 0, wrong

    find(front, "some/project-299")
    expect(front.get_by_role("button", name="Unfollow")).to_be_visible()
    chrome.through(front.get_by_role("link", name="Lists"))
    all_lists = front.get_by_role("navigation", name="Lists")
    chrome.through(all_lists.get_by_role("link", name="Followed"))

    feed = front.get_by_role("link", name="Feed (Atom)").get_attribute("href")
    assert front.request.get(f"{site.url}{feed}").status == 200


def test_what_is_wrong_at_3_am_and_what_to_do(front: Page) -> None:
    front.get_by_role("link", name="Status").click()

    expect(front.get_by_role("heading", name="What is wrong")).to_be_visible()
    trouble = front.locator(".trouble").first
    expect(trouble).to_contain_text("Redis")
    expect(trouble.locator(".action")).to_have_text(re.compile(r"\w{3,}"))


def test_where_the_slow_work_went(front: Page) -> None:
    find(front, "new/boat")
    front.get_by_role("button", name="Follow new/boat").click()

    expect(front.locator("#progress")).to_contain_text("Collecting")
    front.get_by_role("link", name="Status", exact=True).click()
    expect(front.get_by_role("heading", name="Workers")).to_be_visible()
    expect(front.get_by_role("heading", name="Next runs")).to_be_visible()


def test_the_data_in_a_spreadsheet(front: Page) -> None:
    head, *rows = saved(front, front.get_by_role("link", name="CSV", exact=True).first)
    assert {"rank", "full_name", "stars"} <= {*head.split(",")}
    assert len(rows) == len(NAMES)

    chrome.through(front.get_by_role("link", name=NAMES[0]).first)
    head, *rows = saved(front, front.get_by_role("link", name="CSV", exact=True).first)
    assert head.startswith("at,stars")
    assert len(rows) > 40


def test_the_top_100_of_a_given_day(front: Page, site: SmallSite) -> None:
    day = front.locator("input[type=date]")
    if not day.count():
        pytest.skip("lists have no date field yet")

    front.get_by_text("As it stood on a day").click()
    day.fill(f"{site.slot - 30 * DAY:%Y-%m-%d}")
    day.press("Enter")

    expect(front.locator(".fresh")).to_contain_text("as it stood on")
    expect(front.locator("#ranking tbody tr")).to_have_count(len(NAMES) - 1)
    front.get_by_role("link", name="Permanent link").click()
    expect(front).to_have_url(re.compile("at=20"))


def test_each_task_has_a_test_and_a_picture() -> None:
    headings = re.findall(r"^## (.+)$", TASKS, re.MULTILINE)
    pictures = re.findall(r"\]\((screenshots/task-[\w-]+\.png)\)", TASKS)
    sizes = [it.stat().st_size for it in (ROOT / "docs/screenshots").glob("*.png")]

    assert len(headings) == 7
    assert len(pictures) >= 6
    assert all((ROOT / "docs" / it).exists() for it in pictures)
    assert sum(sizes) < 1_500_000
