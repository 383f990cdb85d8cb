"""Charts as their readers have them, in a real Chromium: those that scripts draw, and pictures."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from core import clock
from core.clock import DAY
from tests.support import browser as chrome
from tests.support.barriers import barriers
from tests.support.small_site import EVERY, NAMES, SmallSite, small_site

pytestmark = pytest.mark.skipif(chrome.CHROMIUM is None, reason="there is no chromium here")

PHONE = (390, 844)
LISTEN = """const drawnBy = uPlot;
uPlot = function (options, data, stage) {
    this.constructor = drawnBy;
    window.given = { options, data };
    return new drawnBy(options, data, stage);
};
Object.assign(uPlot, drawnBy);"""
WRITTEN = """window.written = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    window.written.push([text, this.textAlign]);
    return write.call(this, text, ...place);
};
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...place) {
    window.written = [];  // it is drawn anew
    return clear.call(this, ...place);
};"""
OVERLAPS = """() => {
    const texts = [...document.querySelectorAll("text")].map((it) => [it.textContent, it.getBoundingClientRect()]);
    const [left, right] = [0, document.documentElement.getBoundingClientRect().right];
    const wrong = texts.filter(([, box]) => box.left < left || box.right > right).map(([text]) => text);
    texts.forEach(([text, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
        if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom - 3 && b.top + 3 < a.bottom - 3) wrong.push(`${text} | ${other}`);
    }));
    return wrong;
}"""  # noqa: E501


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSite]:
    with small_site(tmp_path_factory.mktemp("charts")) as site:
        yield site


@pytest.fixture
def open_chart(open_page: Any) -> Any:
    """Open a page, and let it tell what uPlot is given and what is written on its canvas."""

    def listen(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + LISTEN)

    def start(url: str, size: tuple[int, int] = (1280, 800)) -> Page:
        page: Page = open_page("about:blank", size)
        page.route(re.compile(r"uPlot\.iife"), listen)
        page.add_init_script(WRITTEN)
        page.goto(url)
        page.locator(".chart canvas").wait_for()
        return page

    return start


def ticks(page: Page) -> tuple[list[str], list[str]]:
    """Return the labels of the axis of time and of that of counts, as a script wrote them."""
    written = page.evaluate("written")
    return [text for text, side in written if side == "center"], [
        text for text, side in written if side == "right"
    ]


def ticks_of(page: Page, picture: str) -> tuple[list[str], list[str]]:
    """Return those of a picture."""
    page.goto(picture)
    labels = {side: page.locator(f".axis.{side} text").all_text_contents() for side in "xy"}
    return labels["x"], labels["y"]


def test_the_first_readings_are_a_chart_of_now(open_chart: Any, site: SmallSite) -> None:
    slot = clock.floor(clock.now(), EVERY) - 3 * EVERY
    for number in (1, 2):
        site.sample("Brand/New", 9001, slot + number * EVERY, 40 + number)
        site.build()
        page = open_chart(f"{site.url}/repos/Brand/New")
        times, counts = ticks(page)

        assert len(times) > 1
        assert len(counts) > 1
        first, last = page.evaluate("given.data[0].slice(0, 1).concat(given.data[0].slice(-1))")
        assert (last - first) / 60 == 10 * (number - 1)
        page.get_by_role("button", name="Reset the zoom").click()
        expect(page.locator("#said")).to_have_text(re.compile(rf"^(.*{slot.year}.*){{2}}$"))
        times, counts = ticks_of(page, f"{site.url}/charts/Brand/New.svg")
        assert min(len(times), len(counts)) > 1
        assert all(re.fullmatch(r"\d\d:\d\d|\d+ \w{3}", it) for it in times)


def test_page_and_picture_show_the_same(open_chart: Any, site: SmallSite) -> None:
    """Sources, gaps, colours, order, and counts at the axis."""
    slot = clock.floor(clock.now(), DAY)
    for name, number in (("Part/Gone", 9002), ("Part/Here", 9003)):
        for days in (30, 29, 28, 20, 19, 1):
            site.sample(name, number, slot - days * DAY - number % 2 * EVERY, 700 - days)
        site.tell_days(name, *([3] * 60))
    query = "repos=Part/Here,Part/Gone"

    for more in ("", "&scale=log"):
        page = open_chart(f"{site.url}/compare?{query}{more}")
        _, counts = ticks(page)
        series = page.evaluate("given.options.series.slice(1).map(({ stroke }) => stroke)")
        gaps = page.evaluate(
            "given.data.slice(1).map((all) => all.map((it) => it === undefined ? '' : it === null ?"
            " '0' : '1').join('').match(/10+(?=1)/g)?.length ?? 0)"
        )
        order = page.locator(".legend bdi").all_text_contents()
        page.goto(f"{site.url}/charts.svg?{query}{more}")
        paths = {
            kind: [path.get_attribute("d").count("M") for path in page.locator(kind).all()]
            for kind in (".series .github", ".series path:not(.github, .dots)", ".series .dots")
        }
        line = "getComputedStyle(document.querySelectorAll('.series .github')[{}]).stroke"
        drawn = [page.evaluate(line.format(number)) for number in (0, 1)]
        legend = page.locator(".legend text").all_text_contents()

        assert gaps == [0, 2, 0, 2]
        assert list(paths.values()) == [[1, 1], [2, 2], [1, 1]]
        assert series[::2] == [f"{colour}80" for colour in series[1::2]]
        assert [f"rgb({', '.join(str(int(it[i : i + 2], 16)) for i in (1, 3, 5))})" for it in series[1::2]] == drawn  # noqa: E501  # fmt: skip
        assert [it.split("\N{EN SPACE}")[0] for it in legend] == order
        assert ticks_of(page, f"{site.url}/charts.svg?{query}{more}")[1] == counts


@pytest.mark.parametrize("query", ["", "&scale=log&align=age", "&span=7d"])
def test_scripts_charts_can_be_read_on_a_phone(
    open_chart: Any, site: SmallSite, query: str
) -> None:
    for path in (f"repos/{NAMES[0]}?", f"compare?repos={','.join(NAMES)}"):
        wanted = query.replace("&align=age", "") if "repos/" in path else query
        page = open_chart(f"{site.url}/{path}{wanted}", PHONE)

        assert min(map(len, ticks(page))) > 1
    assert barriers(page) == ""


def test_pictures_can_be_read_on_a_phone(open_page: Any, site: SmallSite) -> None:
    page = open_page("about:blank")
    one, several = f"charts/{NAMES[0]}.svg?", f"charts.svg?repos={','.join(NAMES)}"
    looks = ["", "&scale=log", "&span=7d", "&show=daily"]
    for picture in (*(one + look for look in looks), several, several + "&scale=log&align=age"):
        for width in (358, 800):
            page.set_viewport_size({"width": width, "height": 500})
            times, counts = ticks_of(page, f"{site.url}/{picture}")
            scale = "document.documentElement.getBoundingClientRect().width / 800"
            size = "parseFloat(getComputedStyle(document.querySelector('.axis text')).fontSize)"

            assert min(len(times), len(counts)) > 1
            assert page.evaluate(f"{scale} * {size}") > 11
            assert page.evaluate(OVERLAPS) == []


def tell_old_timer(site: SmallSite) -> None:
    """A repository of which GitHub tells far more days than of any other."""
    now = clock.floor(clock.now(), EVERY)
    for days in (2, 1):
        site.sample("Old/Timer", 9004, now - days * DAY, 9_000 - days)
    site.tell_days("Old/Timer", *([9] * 900))


def test_dots_are_where_the_pointer_is(open_chart: Any, site: SmallSite) -> None:
    tell_old_timer(site)
    page = open_chart(f"{site.url}/compare?repos={NAMES[0]},Old/Timer")
    plot = page.locator(".chart .u-over")
    box = plot.bounding_box()

    plot.hover(position={"x": box["width"] / 3, "y": 50})

    expect(page.locator(".legend li").first).to_contain_text("–")
    dots = [it.bounding_box() for it in page.locator(".u-cursor-pt:visible").all()]
    inside = [it["x"] + it["width"] / 2 - box["x"] for it in dots if it and it["x"] > box["x"]]
    assert [abs(it - box["width"] / 3) < 15 for it in inside] == [True]


def test_by_age_no_count_is_told_past_the_end_of_a_line(open_chart: Any, site: SmallSite) -> None:
    tell_old_timer(site)
    page = open_chart(f"{site.url}/compare?repos={NAMES[0]},Old/Timer&align=age")
    legend, readout = page.locator(".legend li"), page.locator(".chart .note").first
    expect(readout).to_have_text("From the first known day; counts at the end")
    expect(legend.first).not_to_contain_text("–")

    page.locator(".chart .u-over").hover(position={"x": 300, "y": 50})

    expect(readout).to_contain_text("days from the first known day")
    expect(legend.first).to_contain_text("–")
    expect(legend.last).not_to_contain_text("–")
    expect(page.locator(".chart .sources")).to_contain_text("Lighter: ")


def test_tells_one_time_of_all(open_chart: Any, site: SmallSite) -> None:
    name = NAMES[3]
    page = open_chart(f"{site.url}/repos/{name}")
    built = page.locator("#fresh time").first.get_attribute("datetime")
    assert built is not None
    site.sample(name, NAMES.index(name), site.slot + EVERY, 1)

    page.reload()

    at = clock.parse(built)
    readout = page.locator(".chart .note")
    expect(readout).to_contain_text(f"{at.day} {at:%b %Y}, {at:%H:%M} UTC")
    expect(readout).to_contain_text(page.locator("#figures dd").first.inner_text())


def test_a_picture_stands_until_a_script_has_drawn(
    open_page: Any,
    site: SmallSite,
) -> None:
    page = open_page("about:blank")
    held: list[Route] = []
    page.route(re.compile("/history"), lambda route: held.append(route))
    with page.expect_request(re.compile("/history")):
        page.goto(f"{site.url}/repos/{NAMES[0]}")
    picture = page.get_by_role("img", name=f"Star history of {NAMES[0]}")
    expect(picture).to_be_visible()
    assert page.evaluate("document.querySelector('.chart img').naturalWidth") == 800
    held[0].continue_()

    page.locator(".chart canvas").wait_for()
    expect(page.locator(".chart img")).to_have_count(0)
