"""Pictures of the page, for the README and for whoever changes it: `make screenshots`."""

import os
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

import app as web
from core import clock
from core.clock import DAY
from local import demo
from settings import from_environment
from store import builds
from store.database import connect
from tests.support import browser as chrome
from tests.support.common import ROOT

README, OTHERS = ROOT / "docs" / "screenshots", ROOT / "var" / "screenshots"
COLOURS = 256  # of a picture that is kept: a third of the bytes
EVERY = timedelta(minutes=10)
DESK, PHONE = (1280, 860), (375, 740)
SHOTS = {  # name → path, size of the window, colours
    "leaderboard": ("/?window=30d", DESK, "light"),
    "leaderboard-dark": ("/?window=30d&order=gain", DESK, "dark"),
    "leaderboard-phone": ("/?list=python&window=30d", PHONE, "light"),
    "repository": ("/repos/tunnel-works/brisk-garden", DESK, "light"),
    "repository-dark": ("/repos/tunnel-works/brisk-garden", DESK, "dark"),
    "comparison": (
        "/compare?repos=ferrydev/amber-garden,island-works/velvet-ferry,wagonHQ/silver-parcel",
        DESK,
        "light",
    ),
    "languages": ("/languages", DESK, "light"),
    "status": ("/status", DESK, "light"),
    "not-here": ("/?list=pyhton", DESK, "light"),
}
KEPT = ("leaderboard", "repository-dark")  # those in the README


def main() -> None:
    if chrome.CHROMIUM is None:
        sys.exit("screenshots: needs chromium (apt-get install chromium)")
    now = clock.now()
    slot = clock.floor(now, EVERY)
    slots = [
        *(slot - number * DAY for number in reversed(range(1, 36))),
        *(slot - number * EVERY for number in (6, 3, 2, 1)),
    ]
    for folder in (README, OTHERS):
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{Path(temporary) / 'starboard.db'}",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "GITHUB_TOKEN": "made-up-token",
            "LISTS": "",
            "LOG_LEVEL": "error",
        }
        settings = from_environment()
        with connect(settings) as database:
            database.upgrade()
            demo.fill(slots)
            builds.aggregate_lists(database, settings, now)
        app = web.create_app(settings)
        with chrome.served(app) as url, chrome.chromium() as browser:
            for name, (path, (width, height), colours) in SHOTS.items():
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=colours,  # type: ignore[arg-type]  # one of a few words
                )
                page.goto(url + path, wait_until="networkidle")
                file = (README if name in KEPT else OTHERS) / f"{name}.png"
                picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
                picture.quantize(
                    COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
                ).save(file, optimize=True)
                print(file.relative_to(ROOT))
        app.extensions["database"].dispose()


if __name__ == "__main__":
    main()
