"""…"""

from urllib.parse import quote


def snippets(site: str, full_name: str) -> dict[str, str]:
    """What shows a repository's chart and badge in a README, in Markdown."""
    path = quote(full_name)
    page, chart, badge = (f"{site}{it}" for it in (f"/repos/{path}", *_pictures(path)))
    shield = f"https://img.shields.io/endpoint?url={quote(badge, safe='')}"
    return {
        "Chart": f"[![Star history of {path}]({chart})]({page})",
        "Badge": f"[![Stars]({shield})]({page})",
    }


def _pictures(path: str) -> tuple[str, str]:
    return f"/charts/{path}.svg", f"/badges/{path}.json"
