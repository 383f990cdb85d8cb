"""When the largest content of pages is painted (LCP) in a real Chromium, and what they weigh on the
wire: `python -m tests.support.first_view [URL [PATH …]]`, of an installation that runs."""

import sys
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from tests.support.browser import chromium

TURNS = 9  # each with nothing cached
PATHS = ("/", "/repos/tunnel-works/brisk-garden", "/status")  # of `make demo`
LAST_PAINT = """() => new Promise(told => {
    new PerformanceObserver(list => setTimeout(() => told(list.getEntries().at(-1).startTime), 300))
        .observe({ type: "largest-contentful-paint", buffered: true });
})"""
WIRE = """() => performance.getEntriesByType("navigation")
    .concat(performance.getEntriesByType("resource"))
    .reduce((sum, it) => sum + it.transferSize, 0)"""


def main() -> None:
    url, *paths = sys.argv[1:] or ["http://127.0.0.1:8000"]
    with chromium() as browser:
        for path in paths or PATHS:
            turns = [first_view(browser, url.rstrip("/") + path) for _ in range(TURNS)]
            times, sizes = zip(*turns, strict=True)
            most = f"{max(times):.0f} at most"
            print(f"{path}: {median(times):.0f} ms ({most}), {median(sizes) / 1000:.1f} kB")


def first_view(browser: Browser, url: str) -> tuple[Any, Any]:
    """Milliseconds until the last of the largest paints, and bytes of all that was fetched."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        return page.evaluate(LAST_PAINT), page.evaluate(WIRE)


if __name__ == "__main__":
    main()
