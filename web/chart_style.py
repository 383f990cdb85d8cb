"""The look of chart pictures: their sizes in pixels, and a style sheet for each theme."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

Theme = Literal["light", "dark", "auto"]

WIDTH, HEIGHT = 800, 440  # of the view box, without a legend; a phone shows it at half that size
MARGIN = 16
LABEL_SIZE, TITLE_SIZE = 20, 26  # of fonts
NARROW = 480  # pixels of the picture as it is shown, up to which its fonts are larger
NOTE_SIZE, NOTE_ROW = 18, 30  # of the font of a note below the chart, and the height of it
LEGEND_ROW = round(1.5 * LABEL_SIZE)  # from one row of a legend to the next

SITE_CSS = Path(__file__).with_name("static") / "site.css"

FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',Helvetica,Arial,sans-serif"

SHAPES = f"""
text{{font:{LABEL_SIZE}px {FONTS}}}.x text{{text-anchor:middle}}.y text{{text-anchor:end}}
.title{{font-size:{TITLE_SIZE}px;font-weight:600}}
.title+.title{{font-size:{LABEL_SIZE}px;font-weight:400;transform:translateY(-8px)}}
.legend rect,.background{{rx:7px}}
.series path{{fill:none}}
.series path{{stroke-width:3;stroke-linecap:round;stroke-linejoin:round}}
.series .dots{{stroke-width:9}}.series .github{{stroke-opacity:.5}}
.note{{font-size:{NOTE_SIZE}px}}
@media(max-width:{NARROW}px){{
text{{font-size:{LABEL_SIZE + 5}px}}.title{{font-size:{TITLE_SIZE + 4}px}}
.title+.title{{font-size:{LABEL_SIZE + 4}px;transform:none}}.note{{font-size:{NOTE_SIZE + 3}px}}
.note.long{{font-size:{NOTE_SIZE}px}}.legend text{{font-size:{LABEL_SIZE + 2}px}}
.x text{{transform:translateY(6px)}}.series path{{stroke-width:4}}}}""".replace("\n", "")


def _colours(page: str, title: str, text: str, grid: str, lines: Sequence[str]) -> str:
    return (
        f".background{{fill:{page}}}text{{fill:{text}}}.line{{stroke:{grid}}}"
        f".title,.legend text{{fill:{title}}}.title+.title{{fill:{text}}}"
        + "".join(f".color-{i}{{stroke:{line};fill:{line}}}" for i, line in enumerate(lines))
    )


def _lines(css: str) -> list[str]:
    """The colours of lines that a style sheet of the page declares, in their order."""
    return re.findall(r"--line-\d: (#[0-9a-f]{6});", css)


# A picture has its own style sheet, since a README lets it load nothing, but its lines have the
# colours that the page gives them: they are written once, there.
_LIGHT_CSS, _, _DARK_CSS = SITE_CSS.read_text("utf-8").partition(
    "@media (prefers-color-scheme: dark)"
)

# The page is painted, in GitHub's colour: it cannot be seen there, and text stays legible wherever
# a page's theme is not the one that its reader's system asks for.
LIGHT = _colours("#ffffff", "#1f2328", "#59636e", "#e1e6eb", _lines(_LIGHT_CSS))
DARK = _colours("#0d1117", "#f0f6fc", "#9198a1", "#2a313a", _lines(_DARK_CSS))

STYLE_SHEETS: dict[Theme, str] = {
    "light": SHAPES + LIGHT,
    "dark": SHAPES + DARK,
    "auto": f"{SHAPES}{LIGHT}@media (prefers-color-scheme:dark){{{DARK}}}",
}
