"""The page as its readers have it: in a real Chromium, with axe-core to look for barriers."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import delete

import app as web
from core import clock, lists
from core.clock import DAY, HOUR
from github import polling
from local import demo
from models import Placement, Poll
from settings import Settings, from_environment
from store import builds, documents, follows, repositories, snapshots, watched
from store.database import Database, connect
from store.list_ids import list_id_of
from tests.support import browser as chrome
from tests.support.barriers import barriers
from tests.support.common import MakeApp
from tests.support.github import StubGitHub, answer, repo
from tests.support.stored import put_days
from tests.support.stored import repo as stored_repo

pytestmark = pytest.mark.skipif(chrome.CHROMIUM is None, reason="there is no chromium here")

by_the_front = pytest.mark.parametrize("make_app", ["by the front"], indirect=True)

EVERY = timedelta(minutes=10)
SIZES = {"phone": (375, 740), "desk": (1280, 800)}
EVIL = '"><script>document.title="caught"</script><img src=x onerror=alert(1)>'
SHIFTS = """() => new Promise((done) => {
    const total = [];
    new PerformanceObserver((list) => {
        for (const it of list.getEntries()) {
            total.push([it.value, ...it.sources.map(({ node }) => node?.outerHTML ?? node?.data)]);
        }
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(total), 150);
})"""
STILL = 0.01  # a tenth of what web vitals call good: words may yet wrap where a line ends
DRAWN = "document.querySelector('.chart canvas').toDataURL()"
HIDDEN = """() => [...document.querySelectorAll("body *")].filter(
    (it) => getComputedStyle(it).visibility === "hidden").length"""


class Site:
    """A site that listens, with five weeks of three lists behind it."""

    def __init__(self, settings: Settings, url: str, database: Database) -> None:
        self.settings, self.url, self.database = settings, url, database
        with database.read() as session:
            self.names = [
                it.profile.full_name
                for it in snapshots.snapshot(session, lists.KNOWN["stars"]).standings  # type: ignore[union-attr]
            ]

    def build(self, at: datetime) -> None:
        builds.aggregate_lists(self.database, self.settings, at)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    now = clock.now()
    slots = [
        *(clock.floor(now, EVERY) - number * DAY for number in reversed(range(1, 36))),
        *(clock.floor(now, EVERY) - number * EVERY for number in (6, 3, 2)),
    ]
    handlers = list(logging.root.handlers)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('page')}/starboard.db")
        patch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # nobody listens there
        patch.setenv("LISTS", "stars,python,rust")
        patch.setenv("FOLLOW", "local")
        settings = from_environment()
        database = stack.enter_context(connect(settings))
        database.upgrade()
        demo.fill(slots)
        builds.aggregate_lists(database, settings, now)
        app = web.create_app(settings)
        front: Any = app.wsgi_app
        front.look_every = 0
        stack.callback(app.extensions["database"].dispose)
        stack.callback(app.extensions["redis"].close)
        yield Site(settings, stack.enter_context(chrome.served(app)), database)
    logging.root.handlers[:] = handlers


def paths(names: list[str]) -> dict[str, str]:
    return {
        "leaderboard": "/?window=30d",
        "filtered": "/?list=python&q=amber",
        "nothing found": "/?q=qqqqqq",
        "repository": f"/repos/{names[0]}",
        "comparison": f"/compare?repos={','.join(names[:10])}",
        "comparison of none": "/compare",
        "languages": "/languages",
        "owners": "/owners?list=rust&window=24h",
        "status": "/status",
        "no list": "/?list=pyhton",
        "earlier": f"/?window=30d&order=percent&at={clock.now() - 2 * DAY:%Y-%m-%d}",
        "followed": "/?list=followed",
    }


def test_a_barrier_would_be_found(open_page: Any) -> None:
    page = open_page("about:blank")
    page.set_content("<main><h1>It</h1><img src='data:,'></main>")

    assert "image-alt" in barriers(page)


@pytest.mark.parametrize("what", paths([""] * 10))
def test_has_no_barriers_and_nothing_to_scroll_sideways(
    open_page: Any, site: Site, what: str
) -> None:
    page = open_page(site.url + paths(site.names)[what])
    page.locator(".chart canvas, main:not(:has(.chart))").first.wait_for()

    assert barriers(page) == ""
    page.emulate_media(color_scheme="dark")
    assert barriers(page, "color-contrast") == ""
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    assert barriers(page) == ""
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("size", SIZES)
def test_stays_where_it_is_while_it_comes_in_pieces(open_page: Any, site: Site, size: str) -> None:
    app = web.create_app(site.settings)
    app.wsgi_app = chrome.in_pieces(app.wsgi_app)
    shifted: dict[str, Any] = {}
    hidden: dict[str, int] = {}
    with chrome.served(app) as url:
        for what, path in paths(site.names).items():
            page = open_page(url + path, SIZES[size])
            shifts = page.evaluate(SHIFTS)
            if sum(value for value, *_ in shifts) > STILL:
                shifted[what] = shifts
            hidden[what] = page.evaluate(HIDDEN)

    assert shifted == {}
    assert hidden == dict.fromkeys(hidden, 0)  # what waited for the rest of its row


def test_the_first_view_takes_less_than_50_kb_and_all_of_it_from_here(
    chromium: Browser, site: Site
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    took: list[float] = []
    urls: list[str] = []
    session.on("Network.loadingFinished", lambda it: took.append(it["encodedDataLength"]))
    session.on("Network.requestWillBeSent", lambda it: urls.append(it["request"]["url"]))

    page.goto(site.url, wait_until="networkidle")

    assert page.locator("#ranking tbody tr").count() == 100
    assert sum(took) < 40_000
    assert all(it.startswith(site.url) for it in urls)
    context.close()


def query(page: Page) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.url).query))


def shown(page: Page) -> int:
    return page.locator("#ranking tbody tr:visible").count()


def test_filters_as_one_types_and_the_address_says_so(open_page: Any, site: Site) -> None:
    page = open_page(site.url)
    name = site.names[40]

    page.get_by_role("searchbox").fill(name.upper())

    assert shown(page) == 1
    expect(page.locator("#matches")).to_have_text(f"1 of 100 matches “{name.upper()}”.")
    expect(page).to_have_url(f"{site.url}/?q={name.upper()}")
    page.reload()
    assert shown(page) == 1
    page.get_by_role("searchbox").fill("")
    assert shown(page) == 100
    expect(page).to_have_url(f"{site.url}/")


def test_changes_list_window_and_order_and_keeps_the_filter(open_page: Any, site: Site) -> None:
    page = open_page(site.url)
    page.get_by_role("searchbox").fill("a")
    chrome.through(page.get_by_role("link", name="30 days"))
    chrome.through(page.get_by_role("link", name="by gain", exact=True))

    assert query(page) == {"list": "stars", "q": "a", "window": "30d", "order": "gain"}
    expect(page.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
    chrome.through(page.get_by_role("navigation", name="Lists").get_by_role("link", name="Rust"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Rust")
    assert query(page) == {"list": "rust", "window": "30d"}


def test_changes_the_list_on_a_phone(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/?window=24h", SIZES["phone"])

    page.get_by_role("combobox", name="List").select_option("Python")
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Python")
    expect(page.get_by_role("link", name="24 hours")).to_have_attribute("aria-current", "true")


def test_compares_what_is_chosen(open_page: Any, site: Site) -> None:
    page = open_page(site.url)
    for name in site.names[:3]:
        page.get_by_label(f"Compare {name}").check()

    page.get_by_role("button", name="Compare").click()

    expect(page).to_have_url(f"{site.url}/compare?repos={','.join(site.names[:3])}")
    page.locator(".chart canvas").wait_for()
    expect(page.locator(".legend li")).to_have_count(3)
    expect(page.locator(".legend li").first).to_contain_text(re.compile(r"\d,\d{3}"))
    page.get_by_label("A repository to add").fill(site.names[7])
    page.get_by_role("button", name="Add").click()
    added = ",".join([*site.names[:3], site.names[7]])
    expect(page).to_have_url(re.compile(f"repos={added}$"))
    page.get_by_label(f"Leave out {site.names[0]}").click()
    expect(page.locator("#sides tbody tr")).to_have_count(3)


def test_no_more_than_10_can_be_chosen(open_page: Any, site: Site) -> None:
    page = open_page(site.url)

    for name in site.names[:11]:
        page.get_by_label(f"Compare {name}").click()

    expect(page.locator("#ranking :checked")).to_have_count(10)
    expect(page.locator("#said")).to_have_text("No more than 10 can be compared.")
    expect(page.get_by_text("no more than 10: leave out one of them first")).to_be_in_viewport()
    page.locator("#ranking :checked").first.uncheck()
    expect(page.get_by_text("9 of up to 10 chosen")).to_be_visible()


def test_zooms_into_a_history_with_the_mouse_and_with_the_keyboard(
    open_page: Any, site: Site
) -> None:
    page = open_page(f"{site.url}/repos/{site.names[0]}")
    plot = page.locator(".chart .u-over")
    plot.wait_for()
    said = page.locator("#said")

    page.get_by_role("button", name="Zoom in").focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("The chart shows")
    zoomed = said.inner_text()
    page.get_by_role("button", name="Reset the zoom").press("Enter")
    expect(said).not_to_have_text(zoomed)

    box = plot.bounding_box()
    before = page.evaluate(DRAWN)
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_function(f"before => {DRAWN} !== before", arg=before)


def test_tells_the_count_under_the_pointer(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/repos/{site.names[0]}")
    plot = page.locator(".chart .u-over")
    plot.wait_for()
    told = page.locator(".chart .note")
    expect(told).to_have_text(re.compile(r"^\d+ \w+ \d{4}, \d\d:\d\d UTC: [\d,]+ stars$"))
    newest = told.inner_text()

    plot.hover(position={"x": 5, "y": 50})

    expect(told).not_to_have_text(newest)


def test_follows_what_is_searched_for_and_fills_as_it_comes(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/status")
    page.get_by_label("Find a repository").fill("https://github.com/New/Boat/issues")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Follow New/Boat").click()
    expect(page.locator("#progress")).to_contain_text("Collecting: it is next.")
    assert barriers(page) == ""
    page.evaluate("window.stays = true")
    now = clock.now()
    seen, slot = stored_repo(99, full_name="New/Boat", stars=70), clock.floor(now, EVERY)
    with site.database.write() as session:  # on no list: a poll of one would be the site's newest
        watched.store_watched(session, "New/Boat", slot, now, seen, None)
    with site.database.read() as session:
        found = repositories.profile(session, "new/boat")
    assert found is not None
    yesterday = (now - 2 * DAY).date()
    put_days(site.database, found.id, *[1] * 60, last=yesterday, pages=2, read_at=now)

    expect(page.locator("#progress")).to_contain_text("Collecting, page 1 of 2.")
    page.locator(".chart canvas").wait_for()
    expect(page.locator(".chart .sources")).to_contain_text(
        re.compile("Before .*: GitHub's star history")
    )
    expect(page.locator("#sources")).to_contain_text("by GitHub's star history")
    assert page.evaluate("window.stays")
    assert barriers(page) == ""
    page.emulate_media(color_scheme="dark")
    assert barriers(page, "color-contrast") == ""


def test_links_lead_to_spans_of_a_history(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/repos/{site.names[0]}")

    with page.expect_response(re.compile("/history.*from=")):
        page.get_by_role("link", name="7 days").click()

    expect(page).to_have_url(f"{site.url}/repos/{site.names[0]}?span=7d")


def test_copies_a_snippet(open_page: Any, site: Site) -> None:
    page = open_page(
        f"{site.url}/repos/{site.names[0]}", permissions=["clipboard-read", "clipboard-write"]
    )

    page.get_by_role("button", name="Copy: Chart").click()

    expect(page.locator("#said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('<a href="')
    assert "<picture>" in copied
    assert site.url in copied


def test_follows_the_readers_choice_of_dark(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/repos/{site.names[0]}")
    page.locator(".chart canvas").wait_for()
    light = page.evaluate(DRAWN)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(251, 251, 249)"

    page.emulate_media(color_scheme="dark")

    assert page.evaluate(ground) == "rgb(18, 20, 19)"
    page.wait_for_function(f"light => {DRAWN} !== light", arg=light)


def test_without_scripts_all_that_matters_works(open_page: Any, site: Site) -> None:
    page = open_page(site.url, java_script_enabled=False)

    page.get_by_label("Filter").fill(site.names[3])
    with page.expect_navigation(url="**/?*q=*"):
        page.keyboard.press("Enter")
    assert shown(page) == 1
    chrome.through(page.get_by_role("link", name=site.names[3]).first)
    picture = page.get_by_role("img", name=f"Star history of {site.names[3]}")
    expect(picture).to_be_visible()
    assert picture.bounding_box()["height"] > 200
    chrome.through(page.get_by_role("link", name="Lists"))
    for name in site.names[:2]:
        page.get_by_label(f"Compare {name}").check()
    chrome.through(page.get_by_role("button", name="Compare"))
    expect(page.locator("#sides tbody tr")).to_have_count(2)
    expect(page.locator("main img")).to_be_visible()
    expect(page.locator(".fresh")).to_have_text(re.compile(r"^\s*updated "))


def test_says_that_it_is_stale_once_it_is(open_page: Any, site: Site) -> None:
    with site.database.read() as session:
        shown = documents.document(session, "lists/stars")
        assert shown is not None and shown.as_of is not None
        as_of = shown.as_of
    page = open_page("about:blank")
    page.clock.install(time=as_of + 25 * clock.MINUTE)  # however long the tests before took
    page.goto(site.url)
    expect(page.locator(".when-stale")).to_be_hidden()
    expect(page.locator(".age")).to_have_text(re.compile(r"\d+ min ago"))

    page.clock.set_fixed_time(as_of + 3 * HOUR)
    page.clock.run_for(11_000)

    expect(page.locator("#fresh")).to_contain_text(re.compile("updated .* ago, stale"))
    expect(page.locator(".age")).to_have_text("3 h ago")
    expect(page.locator("#said")).to_have_text("This page's data is stale.")
    assert barriers(page) == ""


def until_it_is_renewed(page: Page) -> None:
    """Let the time of the page pass until it asks again, and no more: it does not wait for ever."""
    page.clock.run_for(int(page.evaluate("due - Date.now()")) + 1000)


def test_renews_itself_and_leaves_the_reader_where_they_are(open_page: Any, site: Site) -> None:
    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.goto(site.url)
    page.get_by_label(f"Compare {site.names[5]}").check()
    page.get_by_role("searchbox").fill("a")
    link = page.locator("#ranking a:visible").nth(30)
    link.focus()
    page.evaluate("scrollTo(0, 700)")
    name, place = link.inner_text(), page.evaluate("scrollY")
    before, first = shown(page), page.locator("#fresh time").first.inner_text()
    newer = clock.floor(clock.now(), EVERY)
    demo_poll(site, newer)
    site.build(clock.now())

    with page.expect_response(f"{site.url}/") as asked:
        until_it_is_renewed(page)

    expect(page.locator("#fresh time").first).not_to_have_text(first)
    assert asked.value.request.headers.get("if-none-match") or asked.value.status == 200
    page.wait_for_function("name => document.activeElement.textContent.trim() === name", arg=name)
    page.wait_for_function("place => scrollY === place", arg=place)
    assert shown(page) == before
    assert page.get_by_role("searchbox").input_value() == "a"
    assert page.locator("#ranking :checked").count() == 1
    expect(page.locator("#said")).to_contain_text("Updated: ")


def is_down(route: Route) -> None:
    route.abort()


def is_wrong(route: Route) -> None:
    route.fulfill(status=502, body="Bad gateway")


@pytest.mark.parametrize("goes_wrong", [is_down, is_wrong])
@pytest.mark.parametrize("path", ["/", "/status"])
def test_says_since_when_it_cannot_be_renewed(
    open_page: Any, site: Site, path: str, goes_wrong: Callable[[Route], None]
) -> None:
    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.goto(site.url + path, wait_until="networkidle")
    fresh, said = page.locator("#fresh"), page.locator("#said")
    words = re.compile(r"cannot be reached since \d\d:\d\d UTC")
    due = re.compile("Next |Was due at ")  # by how long the tests before took
    page.route(site.url + path, goes_wrong)

    until_it_is_renewed(page)

    expect(fresh).to_contain_text(words)
    expect(fresh).to_have_class(re.compile("stale"))
    expect(fresh).not_to_contain_text(due, use_inner_text=True)
    expect(said).to_contain_text(words)
    assert barriers(page) == ""
    page.unroute(site.url + path)
    until_it_is_renewed(page)
    expect(fresh).not_to_contain_text("cannot be reached")
    expect(fresh).to_contain_text(due)
    expect(said).to_contain_text("Updated: ")


def test_does_not_go_on_saying_that_all_is_well(open_page: Any, site: Site) -> None:
    well = '<section id="verdict"><h2>What is wrong</h2><p class="fine">All is well.</p></section>'

    def all_is_well(route: Route) -> None:
        answer = route.fetch()
        body = re.sub('(?s)<section id="verdict".*?</section>', well, answer.text())
        route.fulfill(response=answer, body=body)

    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.route(f"{site.url}/status", all_is_well)
    page.goto(f"{site.url}/status", wait_until="networkidle")
    verdict = page.locator("#verdict")
    expect(verdict).to_contain_text("All is well.")
    page.route(f"{site.url}/status", is_down)

    until_it_is_renewed(page)

    expect(verdict.locator(".trouble")).to_have_text(
        re.compile(
            r"This page could not be renewed since \d\d:\d\d UTC: what it shows may be wrong"
        )
    )
    expect(verdict).not_to_contain_text("All is well.")
    page.unroute(f"{site.url}/status", is_down)
    until_it_is_renewed(page)
    expect(verdict).to_contain_text("All is well.")
    expect(verdict).not_to_contain_text("renewed")


def test_the_span_of_a_chart_moves_on(open_page: Any, site: Site) -> None:
    url = f"{site.url}/repos/{site.names[0]}?span=7d"
    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.goto(url, wait_until="networkidle")

    def later(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r"from=\d{4}", "from=2001", answer.text()))

    page.route(url, later)

    with page.expect_response(re.compile("/history.*from=2001")):
        until_it_is_renewed(page)


def test_tells_on_a_phone_of_how_many_polls(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/status", SIZES["phone"])

    expect(page.locator("#polled td.num .of").first).to_be_visible()
    page.evaluate("all('#polled td.num').forEach((it) => it.firstChild.textContent = '144')")
    page.evaluate("all('#polled .of').forEach((it) => it.textContent = ' of 144')")
    wide = "all('#polled td.num').filter((it) => it.scrollWidth > it.clientWidth).length"
    assert page.evaluate(wide) == 0


def test_tells_the_last_error_on_a_phone_too(open_page: Any, site: Site) -> None:
    def failed(route: Route) -> None:
        answer = route.fetch()
        row = '<tr class="below"><td colspan="4">Last error: no answer</td></tr></tbody>'
        route.fulfill(response=answer, body=answer.text().replace("</tbody>", row))

    page = open_page("about:blank", SIZES["phone"])
    page.route(f"{site.url}/status", failed)
    page.goto(f"{site.url}/status")
    expect(page.get_by_text("Last error: no answer")).to_be_visible()
    page.set_viewport_size(dict(zip(("width", "height"), SIZES["desk"], strict=True)))
    expect(page.get_by_text("Last error: no answer")).to_be_hidden()


def test_the_focus_is_not_hidden_under_the_bar(open_page: Any, site: Site) -> None:
    page = open_page(site.url)
    page.get_by_label(f"Compare {site.names[0]}").check()
    is_in_sight = """() => {
        const it = document.activeElement.getBoundingClientRect();
        return it.bottom <= document.querySelector(".bar").getBoundingClientRect().top;
    }"""

    for _ in range(40):
        page.keyboard.press("Tab")
        page.wait_for_function(is_in_sight)


def test_is_not_sent_again_while_there_is_no_newer_one(open_page: Any, site: Site) -> None:
    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.goto(f"{site.url}/languages", wait_until="networkidle")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    statuses: list[int] = []
    session.on("Network.responseReceivedExtraInfo", lambda it: statuses.append(it["statusCode"]))

    with page.expect_response(f"{site.url}/languages"):
        until_it_is_renewed(page)

    page.wait_for_function("due > Date.now()")  # it knows when to ask again
    assert set(statuses) == {304}
    assert 0 < len(statuses) < 5


def test_does_not_ask_while_nobody_looks(open_page: Any, site: Site) -> None:
    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.goto(f"{site.url}/languages", wait_until="networkidle")
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url))
    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true })"
    page.evaluate(hide % "true")
    page.clock.run_for(3 * HOUR // timedelta(milliseconds=1))
    assert asked == []

    page.evaluate(hide % "false")
    with page.expect_response(f"{site.url}/languages"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert asked == [f"{site.url}/languages"]


def demo_poll(site: Site, slot: datetime) -> None:
    """Poll as the demo does, in this process's environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", site.settings.database_url)
        patch.setenv("REDIS_URL", site.settings.redis_url)
        patch.setenv("LISTS", "stars,python,rust")
        demo.fill([slot])


def test_is_led_through_by_the_keyboard(open_page: Any, site: Site) -> None:
    page = open_page(site.url)

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_role("searchbox")).to_be_focused()  # past the lists as well
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_shows_a_list_as_it_stood_on_a_day_and_leads_back(open_page: Any, site: Site) -> None:
    """A form and links: no script has to run."""
    day = f"{clock.now() - 3 * DAY:%Y-%m-%d}"
    page = open_page(f"{site.url}/?list=rust&window=7d", java_script_enabled=False)

    page.get_by_text("As it stood on a day").click()
    page.get_by_label("As it stood on").fill(day)
    chrome.through(page.get_by_role("button", name="Go"))

    assert query(page) == {"list": "rust", "window": "7d", "order": "rank", "at": day}
    lead = page.locator("#lead").inner_text()
    assert re.fullmatch(
        r"100 .* by the last good poll until then, of \d+ \w+ \d{4}, .* UTC.*", lead
    )
    rows = page.locator("#ranking tbody").inner_text()
    chrome.through(page.get_by_role("link", name="Permanent link"))
    assert query(page)["at"] == f"{day}T00:00:00Z"
    assert page.locator("#ranking tbody").inner_text() == rows
    csv = page.request.get(site.url + page.get_by_role("link", name="CSV").get_attribute("href"))
    assert len(csv.text().splitlines()) == 101
    chrome.through(page.get_by_role("link", name="As it stands now"))
    assert "at" not in query(page)
    expect(page.locator(".fresh")).to_contain_text("updated ")


@pytest.mark.parametrize("size", SIZES)
def test_tells_gains_in_percent_and_since_when(open_page: Any, site: Site, size: str) -> None:
    page = open_page(f"{site.url}/?window=7d", SIZES[size])
    chrome.through(page.get_by_role("link", name="by gain in percent"))

    told = page.locator("#ranking td.percent:visible").all_inner_texts()

    assert len(told) == 100
    percents = [float(each.split()[0].replace("−", "-")) for each in told if each]
    assert percents == sorted(percents, reverse=True)
    since = page.locator("#ranking th.gained .from")
    assert re.fullmatch(r" ?since \d+ \w+ \d\d:\d\d", since.text_content())


def test_by_percent_a_phone_tells_who_is_new_and_what_github_tells(
    open_page: Any, site: Site
) -> None:
    page = open_page(f"{site.url}/?window=7d&order=percent", SIZES["phone"])
    page.evaluate("""() => {
        const [first, second] = all("#ranking td.gained");
        first.innerHTML = '<span class="bound">new, more than 1,409</span>';
        first.nextElementSibling.textContent = "";
        second.insertAdjacentHTML("beforeend", '<span class="theirs">*</span>');
    }""")

    expect(page.get_by_text("new, more than 1,409")).to_be_visible()
    marks = page.evaluate(
        "all('#ranking td.percent').map((it) => getComputedStyle(it, '::after').content[1])"
    )
    assert marks[1] == "*" and marks.count("*") == 1
    assert page.locator("#ranking tbody tr").first.locator("td:visible").count() == 4


def test_columns_do_not_touch_however_long_their_figures(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/?window=365d")
    longest = {"gained": "+1,234,567", "percent": "+1,234.56 %", "num:not(.gained)": "1,234,567"}
    for cell, text in longest.items():
        page.evaluate(
            "([of, text]) => all(`#ranking td.${of}`).forEach((it) => it.textContent = text)",
            [cell, text],
        )

    gaps = page.evaluate("""() => all("#ranking tbody tr").flatMap((row) => {
        const text = (cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getBoundingClientRect();
        };
        const cells = all("td.num, td.trend", row).filter((it) => it.offsetWidth).map(text);
        return cells.slice(1).map((it, at) => it.left - cells[at].right);
    })""")

    assert min(it for it in gaps if it > -1000) >= 4


def test_what_is_followed_has_a_page_to_begin_on_and_to_end_it(open_page: Any, site: Site) -> None:
    [followed] = [each for each in site.settings.lists if each.followed]
    with site.database.write() as session:
        for row in follows.all_followed(session):  # what another test followed
            follows.unfollow(session, row.full_name)
    page = open_page(site.url)
    page.get_by_role("link", name="Followed").first.click()
    expect(page.locator("main")).to_contain_text("Nothing is followed yet.")
    page.get_by_label("A repository to follow").fill(site.names[90])
    page.get_by_role("button", name="Follow", exact=True).click()
    page.wait_for_url(f"{site.url}/repos/{site.names[90]}")
    now, github = clock.now(), StubGitHub(answer([]))
    demo_poll(site, slot := clock.floor(now, EVERY))
    with site.database.write() as session:  # another test may have polled what was followed then
        of_it = list_id_of(session, followed.slug)
        for table in (Placement, Poll):
            session.execute(delete(table).where(table.list_id == of_it))
    polling.poll_list(site.database, github, followed, slot, EVERY, lambda: now)  # type: ignore[arg-type]
    site.build(now)

    page.get_by_role("link", name="Followed").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Followed")
    expect(page.locator("#ranking tbody tr")).to_have_count(1)
    expect(page.get_by_role("link", name="Feed (Atom)")).to_be_visible()
    assert barriers(page) == ""
    page.get_by_role("button", name=f"Unfollow {site.names[90]}").click()
    expect(page.locator("main")).to_contain_text("Nothing is followed yet.")


def test_leads_from_what_is_stale_to_what_to_do(open_page: Any, site: Site) -> None:
    page = open_page("about:blank")
    page.clock.install(time=clock.now())
    page.goto(site.url)
    page.clock.set_fixed_time(clock.now() + 3 * HOUR)
    page.clock.run_for(11_000)

    page.get_by_role("link", name="stale").click()

    first = page.locator("#verdict .trouble").first
    expect(first).to_contain_text("Redis cannot be reached")
    expect(first.locator("code").first).to_have_text("valkey-server")
    expect(page.locator("#lead")).to_have_text(re.compile(r"^\d lists, polled every 10 min$"))
    expect(page.locator(".of-polls")).to_contain_text("suspect")


def test_speaks_plainly(open_page: Any, site: Site) -> None:
    page = open_page(site.url)

    text = page.locator("body").inner_text()

    assert re.search(r"updated .*UTC.*\n(Next|Was due at) \d\d:\d\d UTC", text)
    assert "What changed" in text and "OpenAPI" in text
    assert not re.search(r"nobody|lately|its description|\b1 (lists|repositories)\b", text, re.I)


def test_works_under_a_path_of_a_proxy(open_page: Any, site: Site) -> None:
    prefix = {"X-Forwarded-Prefix": "/stars"}
    page = open_page(f"{site.url}/stars/", extra_http_headers=prefix)
    with page.expect_response(re.compile("/stars/static/site.*css")) as style:
        page.reload()
    assert style.value.ok
    canonical = page.locator("link[rel=canonical]")
    assert canonical.get_attribute("href") == "/stars/?list=stars"
    assert page.locator("html").get_attribute("lang") == "en"

    page.get_by_role("searchbox").fill(site.names[7])
    page.get_by_role("link", name=site.names[7]).first.click()
    expect(page).to_have_url(f"{site.url}/stars/repos/{site.names[7]}")
    page.locator(".chart canvas").wait_for()
    page.get_by_label("Find a repository").fill(site.names[8])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/stars/repos/{site.names[8]}")
    robots = page.request.get(f"{site.url}/stars/robots.txt")
    assert "Disallow: /stars/search" in robots.text()


def test_what_is_not_here_leads_to_what_was_meant_and_to_the_search(
    open_page: Any, site: Site
) -> None:
    page = open_page(f"{site.url}/?list=pyhton&window=30d")
    chrome.through(page.get_by_role("link", name="python", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Python")
    assert query(page) == {"list": "python", "window": "30d"}
    page.get_by_role("searchbox").fill("harbor")
    expect(page.locator("#matches")).to_have_text(re.compile(r"^\d+ of 100 match “harbor”\.$"))

    page.get_by_role("link", name="Search all repositories").click()

    expect(page.locator("#found tbody tr").first).to_contain_text("harbor")
    page.goto(f"{site.url}/repos/nobody/harbor")
    page.get_by_role("link", name="look for a repository").click()
    expect(page).to_have_url(f"{site.url}/search?q=nobody/harbor")


def test_a_phone_shows_the_description_that_matched(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/", SIZES["phone"])
    about = page.locator("#ranking .about")
    word = about.filter(has_text="batteries").first.text_content()
    assert not about.first.is_visible()

    page.get_by_role("searchbox").fill("batteries")

    expect(page.get_by_text(word, exact=True).first).to_be_visible()


def test_totals_can_be_ordered_by_gain_and_lead_on(open_page: Any, site: Site) -> None:
    page = open_page(f"{site.url}/owners")
    chrome.through(page.get_by_role("link", name="by gain"))

    gains = page.locator("#totals td:nth-of-type(3)").all_inner_texts()

    numbers = [int(re.sub(r"[^\d-]", "", it.replace("−", "-"))) for it in gains if it != "–"]
    assert numbers == sorted(numbers, reverse=True)
    owner = page.locator("#totals tbody a").first
    name = owner.inner_text()
    owner.click()
    expect(page.locator("#found tbody tr").first).to_contain_text(f"{name}/")


@pytest.fixture
def serve(make_app: MakeApp) -> Iterator[Callable[[], str]]:
    """Let an app with a database of its own listen."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(chrome.served(make_app(lists=(lists.KNOWN["stars"],))))


def publish(database: Database, settings: Settings, repositories: list[Any]) -> None:
    now = clock.now()
    github: Any = StubGitHub(answer(repositories))
    polling.poll_list(
        database, github, settings.lists[0], clock.floor(now, EVERY), EVERY, lambda: now
    )
    builds.aggregate_lists(database, settings, now)


@by_the_front
def test_before_there_is_anything_it_says_so_and_looks_again(
    open_page: Any, serve: Any, database: Database, settings: Settings
) -> None:
    url = serve()
    page = open_page("about:blank")
    page.clock.install()
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not yet")
    assert "no data yet" in page.locator("main").inner_text()
    assert barriers(page) == ""
    publish(database, settings, [repo(1)])

    until_it_is_renewed(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("Stars")


@by_the_front
def test_shows_hostile_names_as_the_text_they_are(
    open_page: Any, serve: Any, database: Database, settings: Settings
) -> None:
    evil = repo(1, full_name=f"owner/{EVIL}", description=EVIL * 20, language=EVIL)
    publish(database, settings, [evil, repo(2, full_name="a/" + "m" * 100, description="x" * 900)])
    url = serve()

    for path in ("/", "/languages", "/owners", f"/?q={EVIL}", "/repos/a/" + "m" * 100, f"/{EVIL}"):
        page = open_page(f"{url}{path}", SIZES["phone"])
        assert "caught" not in page.title()
        assert page.locator("main img[src='x']").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") == SIZES["phone"][0]
    page = open_page(url)
    assert barriers(page) == ""
    assert EVIL in page.locator("#ranking").inner_text()
