"""A badge as an SVG picture: two words side by side, as wide as they are. Pure."""

from html import escape

from web.text import printable

HEIGHT, PADDING = 20, 6  # pixels
NARROW, WIDE = "fijlrtI1.,:'|!() ", "mwMW#%"  # letters, beside those of common width
COLOURS = {"blue": "#0a5fb4", "lightgrey": "#6e7781"}  # white text has a contrast of 4.5 on each
LABEL = "#3d444d"

STYLE = "text{font:11px Verdana,'DejaVu Sans',Geneva,sans-serif;fill:#fff;text-anchor:middle}"


def draw(label: str, message: str, color: str) -> bytes:
    """The SVG of a badge, told to screen readers in its words."""
    label, message = printable(label), printable(message)
    left, right = _width(label) + 2 * PADDING, _width(message) + 2 * PADDING
    title = escape(f"{label}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" '
        f'viewBox="0 0 {left + right} {HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<clipPath id="r"><rect width="{left + right}" height="{HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="{HEIGHT}" fill="{LABEL}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{COLOURS[color]}"/></g>'
        f"{_text(label, left / 2)}{_text(message, left + right / 2)}</svg>"
    ).encode()


def _text(text: str, middle: float) -> str:
    """A text as wide as it was reckoned, whatever font there is."""
    return f'<text x="{middle:g}" y="14" textLength="{_width(text)}">{escape(text)}</text>'


def _width(text: str) -> int:
    """Return about how wide a text is in Verdana of 11 pixels."""
    return round(sum(4.2 if it in NARROW else 10 if it in WIDE else 7 for it in text))
