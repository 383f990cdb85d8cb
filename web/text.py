"""Text of others, such as names of repositories, made safe and short enough to show."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Replace what XML forbids (control characters, lone surrogates) and what would change how the
    text around it reads (marks of direction, line breaks)."""
    return "".join(letter if letter.isprintable() else REPLACEMENT for letter in text)


def shorten(name: str, length: int) -> str:
    """Shorten owner/name to `length` characters: an ellipsis stands for the end of the owner, or
    for the middle of the whole where the owner alone does not suffice."""
    if len(name) <= length:
        return name
    owner, _, rest = name.partition("/")
    room = length - len(rest) - 2
    if rest and room >= 3:
        return f"{owner[:room]}…/{rest}"
    half = (length - 1) // 2
    return f"{name[: length - 1 - half]}…{name[-half:]}"
