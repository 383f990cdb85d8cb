"""What a README shows of a repository: its chart in both themes, and its badge."""

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

BADGES = (  # title, what it tells, query
    ("Badge", "Stars", ""),
    ("Badge of its rank", "Rank", "?show=rank"),
    ("Badge of its gain", "Stars gained in 7 days", "?show=gain&window=7d"),
)


def badges_of(rank_on: str = "") -> tuple[tuple[str, str, str], ...]:
    """The title, what it tells and the query of each badge. `rank_on`: the slug of the list that
    the rank is on, if not the first."""
    on = {"Rank": f"&list={rank_on}"} if rank_on else {}
    return tuple((title, alt, query + on.get(alt, "")) for title, alt, query in BADGES)


def snippets(site: str, full_name: str, rank_on: str = "") -> dict[str, str]:
    """The HTML of the chart and the Markdown of badges, each by its title; `site` is this server's
    URL, and all lead to the repository's page there."""
    path = quote(full_name)
    page, chart = f"{site}/repos/{path}", f"{site}/charts/{path}.svg"
    return {
        "Chart": (
            f'<a href="{page}"><picture>\n'
            f'<source media="(prefers-color-scheme: dark)" srcset="{chart}?theme=dark">\n'
            f'<img alt="Star history of {path}" src="{chart}?theme=light">\n'
            "</picture></a>"
        ),
        **{
            title: f"[![{alt} of {path}]({site}/badges/{path}.svg{query})]({page})"
            for title, alt, query in badges_of(rank_on)
        },
    }


def is_out_of_reach(site: str) -> bool:
    """Return whether a URL leads to this machine or this network, where GitHub finds nothing."""
    host = urlsplit(site).hostname or "localhost"
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local"))
