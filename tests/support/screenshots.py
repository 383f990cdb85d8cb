"""Pictures of the page: `make screenshots`. Every state, light and dark, in four widths, with a
sheet of each, in var/screenshots for whoever changes it; and those few that docs/ shows."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page

import app as web
from core import clock
from core.clock import DAY
from core.star_history import Week
from local import demo
from settings import from_environment
from store import builds, follows, readings, repositories, star_histories
from store.database import Database, connect
from tests.support import browser as chrome
from tests.support.common import ROOT

DOCS, ALL = ROOT / "docs" / "screenshots", ROOT / "var" / "screenshots"
TO_TOP = "it => scrollBy(0, it.getBoundingClientRect().top - 24)"
COLOURS = 64  # of a picture that docs/ has: a fifth of the bytes
EVERY = timedelta(minutes=10)
WIDTHS, HEIGHT = (390, 820, 1280, 1920), 1700
SETTLES = 150  # milliseconds in which a chart is drawn anew
THEMES = ("light", "dark")
GARDEN, BOAT, NEW = "tunnel-works/brisk-garden", "ferrydev/amber-garden", "new/boat"
THREE = f"{GARDEN},{BOAT},island-works/velvet-ferry"
STATES = {
    "list": "/?window=30d",
    "list-by-gain": "/?window=30d&order=gain",
    "list-by-percent": "/?list=python&window=30d&order=percent",
    "list-that-day": f"/?at={clock.now() - 20 * DAY:%Y-%m-%d}",
    "list-filtered": "/?q=garden",
    "list-nothing-found": "/?q=qqqqqq",
    "followed": "/?list=followed",
    "repository": f"/repos/{GARDEN}",
    "repository-log": f"/repos/{GARDEN}?scale=log",
    "repository-daily": f"/repos/{GARDEN}?show=daily&span=1y",
    "repository-rank": f"/repos/{GARDEN}?show=rank&list=forks",
    "repository-collecting": f"/repos/{NEW}",
    "compare": f"/compare?repos={THREE}",
    "compare-log-age": f"/compare?repos={THREE}&scale=log&align=age",
    "compare-none": "/compare",
    "languages": "/languages",
    "owners": "/owners?list=python",
    "search": "/search?q=garden",
    "search-none": "/search?q=qqqqqq",
    "status": "/status",
    "no-list": "/?list=pyhton",
    "no-repository": "/repos/no/body",
    "wrong": "/?window=2d",
}
KEPT = {  # name → state, width and height, theme, what to bring to the top
    "leaderboard": ("list", (1280, 860), "light", ""),
    "repository-dark": ("repository", (1280, 860), "dark", ""),
    "task-readme": ("repository", (1000, 620), "light", "#embed"),
    "task-percent": ("list-by-percent", (1280, 700), "light", "h1"),
    "task-follow": ("followed", (1000, 560), "light", ""),
    "task-trouble": ("status", (1000, 620), "light", ""),
    "task-slow-work": ("repository-collecting", (1000, 420), "light", ""),
    "task-spreadsheet": ("languages", (1000, 560), "light", "h1"),
    "task-that-day": ("list-that-day", (1280, 700), "light", "h1"),
}


def follow(database: Database) -> None:
    """Follow three, one of them unknown, and have GitHub tell the past of the others."""
    now = clock.now()
    with database.write() as session:
        for number, name in enumerate((GARDEN, BOAT, NEW)):
            wish = follows.ask(session, name, now, follow=True).row
            profile = repositories.profile(session, name)
            if profile is None or wish is None:
                continue
            wish.done_at = now
            first = readings.first_slot(session, profile.id)
            newest = readings.newest_reading(session, profile.id, first or now)
            assert newest is not None
            weeks = made_up(newest.stars, 280 + 60 * number, newest.last_slot.date())
            star_histories.store_page(session, profile.id, 1, weeks, 1, None, now)


def made_up(stars: int, number: int, last: date) -> list[Week]:
    """Return weeks before a day in which so many stars came, more and more of them, unevenly."""
    sunday = last - (last.weekday() + 1) % 7 * DAY
    weights = [(day + 200) * (7 + day * 37 % 11) for day in range(7 * number)]
    counts = [stars * weight // sum(weights) for weight in weights]
    return [
        Week(sunday - (number - week) * 7 * DAY, tuple(counts[7 * week : 7 * week + 7]))
        for week in range(number)
    ]


@contextmanager
def site() -> Iterator[str]:
    """A site with five weeks of some lists behind it; gives its URL."""
    now = clock.now()
    slot = clock.floor(now, EVERY)
    slots = [
        *(slot - number * DAY for number in reversed(range(1, 36))),
        *(slot - number * EVERY for number in (6, 3, 2, 1)),
    ]
    with TemporaryDirectory() as temporary:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{Path(temporary) / 'starboard.db'}",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "GITHUB_TOKEN": "made-up-token",
            "LISTS": "stars,forks,python,rust,go,javascript,cpp,followed",
            "FOLLOW": "local",
            "LOG_LEVEL": "error",
        }
        settings = from_environment()
        with connect(settings) as database:
            database.upgrade()
            demo.fill(slots)
            follow(database)
            demo.fill([slot])
            builds.aggregate_lists(database, settings, now)
        app = web.create_app(settings)
        with chrome.served(app) as url:
            yield url
        app.extensions["database"].dispose()


def opened(page: Page, url: str, size: tuple[int, int], theme: str) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of a few words
    page.goto(url)
    page.locator(".chart canvas, main:not(:has(.chart))").first.wait_for()


def taken(page: Page) -> Image.Image:
    page.wait_for_timeout(SETTLES)
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def take_all(page: Page, url: str) -> None:
    """Take every state in every width and theme, and make a sheet of each state of them all."""
    for name, path in STATES.items():
        opened(page, url + path, (WIDTHS[0], HEIGHT), THEMES[0])
        pictures = []
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of a few words
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                pictures.append(taken(page))
                pictures[-1].save(ALL / f"{name}-{theme}-{width}.png")
        sheet(pictures).save(ALL / "sheets" / f"{name}.png")
        print((ALL / "sheets" / f"{name}.png").relative_to(ROOT), flush=True)


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures side by side, at half their size."""
    height, gap = HEIGHT, 20
    whole = Image.new("RGB", (sum(it.width + gap for it in pictures), height), "grey")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + gap
    return whole.resize((whole.width // 2, whole.height // 2))


def keep(page: Page, url: str) -> None:
    """Take the pictures of docs/."""
    for name, (state, size, theme, top) in KEPT.items():
        opened(page, url + STATES[state], size, theme)
        if top:
            page.locator(top).first.evaluate(TO_TOP)
        file = DOCS / f"{name}.png"
        few = taken(page).quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(file, optimize=True)
        print(file.relative_to(ROOT), flush=True)


def main() -> None:
    if chrome.CHROMIUM is None:
        sys.exit("screenshots: needs chromium (apt-get install chromium)")
    for folder in (DOCS, ALL / "sheets"):
        folder.mkdir(parents=True, exist_ok=True)
    with site() as url, chrome.chromium() as browser:
        page = browser.new_page()
        keep(page, url)
        if "--docs" not in sys.argv:
            take_all(page, url)


if __name__ == "__main__":
    main()
