"""What keeps people from reading a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def barriers(page: Page, *rules: str) -> str:
    """What axe-core finds, by some of its rules or all that it has."""
    found = Axe().run(
        page, options={"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    )
    return found.generate_report() if found.violations_count else ""
