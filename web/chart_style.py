"""How chart pictures look: their sizes in pixels, and a style sheet for each theme."""

from typing import Literal

Theme = Literal["light", "dark", "auto"]

WIDTH, HEIGHT = 800, 440  # of the view box, without a legend; a phone shows it at half that size
MARGIN = 16
LABEL_SIZE, TITLE_SIZE = 20, 26  # of fonts; on a phone still 9 px and more
LEGEND_ROW = round(1.5 * LABEL_SIZE)  # as pygal spaces the rows of a legend

FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',Helvetica,Arial,sans-serif"

SHAPES = f"""
text{{font:{LABEL_SIZE}px {FONTS}}}.x text{{text-anchor:middle}}.y text{{text-anchor:end}}
.title{{font-size:{TITLE_SIZE}px;font-weight:600}}
.title+.title{{font-size:{LABEL_SIZE}px;font-weight:400;transform:translateY(-8px)}}
.legend rect,.background{{rx:7px}}
.plot>.background,.series path{{fill:none}}.x path,.axis>path{{display:none}}
.series path{{stroke-width:3;stroke-linecap:round;stroke-linejoin:round}}
.series .dots{{stroke-width:9}}""".replace("\n", "")


def _colours(page: str, title: str, text: str, grid: str, *lines: str) -> str:
    return (
        f".background{{fill:{page}}}text{{fill:{text}}}.line{{stroke:{grid}}}"
        f".title,.legend text{{fill:{title}}}.title+.title{{fill:{text}}}"
        + "".join(f".color-{i}{{stroke:{line};fill:{line}}}" for i, line in enumerate(lines))
    )


# The page is painted, in GitHub's colour: it cannot be seen there, and text stays legible wherever
# a page's theme is not the one that its reader's system asks for. The ten of lines have a contrast
# of 3 to it, and a search picked them to lie far apart (0.08 in OKLab) as people see them with and
# without any of the three colour blindnesses.
LIGHT = _colours(
    *("#ffffff", "#1f2328", "#59636e", "#e1e6eb"),
    *("#0969da", "#d9580d", "#0b3d2e", "#b0369b", "#0697dd"),
    *("#75582e", "#17606b", "#779368", "#ae70a9", "#50038f"),
)
DARK = _colours(
    *("#0d1117", "#f0f6fc", "#9198a1", "#2a313a"),
    *("#4493f8", "#ff9e44", "#4fd1a5", "#d16ba5", "#f2e309"),
    *("#705ee0", "#d2a2e8", "#a39160", "#bf4a5a", "#9de3e2"),
)

STYLE_SHEETS: dict[Theme, str] = {
    "light": SHAPES + LIGHT,
    "dark": SHAPES + DARK,
    "auto": f"{SHAPES}{LIGHT}@media (prefers-color-scheme:dark){{{DARK}}}",
}
