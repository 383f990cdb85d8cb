"""Markdown with which a README shows a repository's chart and badge."""

from urllib.parse import quote


def snippets(site: str, full_name: str) -> dict[str, str]:
    """The Markdown of the chart and of the badge, each by its title; `site` is this server's URL,
    and both lead to the repository's page there."""
    path = quote(full_name)
    page = f"{site}/repos/{path}"
    badge = quote(f"{site}/badges/{path}.json", safe="")
    return {
        "Chart": f"[![Star history of {path}]({site}/charts/{path}.svg)]({page})",
        "Badge": f"[![Stars](https://img.shields.io/endpoint?url={badge})]({page})",
    }
