"""Relative links in the documents: whether each leads where it says, and a way to mend the numbers.

A link to `path#Lnn` has a name as its text, such as [`Entry.job`](scheduler.py#L60): the line nn of
that Python file defines the name. `python -m tests.support.links --fix` rewrites what moved.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from os.path import relpath
from pathlib import Path

ROOT = Path(__file__).parents[2]

LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<path>[^\s()#:]*)(?:#(?P<fragment>[^\s()]*))?\)")
LINE = re.compile(r"L(\d+)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Definition:
    """A def, class or assignment: `name` is qualified within its module, as in `Entry.job`."""

    name: str
    line: int


def documents(root: Path = ROOT) -> list[Path]:
    """The documents whose links are checked."""
    named = (root / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))
    return [*filter(Path.exists, named), *sorted((root / "docs").glob("*.md"))]


def problems(document: Path, root: Path = ROOT) -> list[str]:
    """Return a line for each relative link of a document that does not lead where it says."""
    text = _without_fences(document.read_text())
    found = []
    for link in LINK.finditer(text):
        problem = _problem(document, link, root)
        if problem is not None:
            number = text.count("\n", 0, link.start()) + 1
            found.append(f"{document.relative_to(root)}:{number}: {link[0]}: {problem}")
    return found


def fix(document: Path, root: Path = ROOT) -> bool:
    """Let the links to lines follow the names that moved, to another file if need be; False where
    nothing changed. What stays wrong is for `problems` to tell."""

    def moved(link: re.Match[str]) -> str:
        if not LINE.fullmatch(link["fragment"] or "") or _problem(document, link, root) is None:
            return link[0]
        found = _whereabouts(document.parent / link["path"], link["text"], root)
        if len(found) != 1:
            return link[0]
        [(path, line)] = found
        return f"[{link['text']}]({relpath(path, document.parent)}#L{line})"

    before = document.read_text()
    after = LINK.sub(moved, before)
    document.write_text(after)
    return after != before


def _problem(document: Path, link: re.Match[str], root: Path) -> str | None:
    """Return the fault of a link, None where it is right."""
    target = document.parent / link["path"] if link["path"] else document
    line = LINE.fullmatch(link["fragment"] or "")
    if line is None and not target.exists():
        return "there is no such file"
    if line is not None:
        definitions = _defining(target, link["text"])
        if any(it.line == int(line[1]) for it in definitions):
            return None
        found = [
            f"{relpath(path, root)}#L{n}" for path, n in _whereabouts(target, link["text"], root)
        ]
        return f"the name is defined at {' or '.join(found)}" if found else "nothing has that name"
    if link["fragment"] and target.suffix == ".md" and link["fragment"] not in _anchors(target):
        return "there is no such heading"
    return None


def _whereabouts(target: Path, text: str, root: Path) -> list[tuple[Path, int]]:
    """Return the definitions of the name in a link's text: in the target, else in the project."""
    here = [(target, it.line) for it in _defining(target, text)]
    if here:
        return here
    return [
        (path, it.line)
        for path in sorted(root.rglob("*.py"))
        if not {".venv", "var"} & set(path.relative_to(root).parts)
        for it in _defining(path, text)
    ]


def _defining(path: Path, text: str) -> list[Definition]:
    """The definitions in a file of the name in a link's text. The text's last part is the name;
    parts before it, of a module or a class, choose between several of that name."""
    if path.suffix != ".py" or not path.exists():
        return []
    *owners, name = text.strip("`").removesuffix("()").split(".")
    named = [it for it in _definitions(path) if it.name.split(".")[-1] == name]
    exact = [it for it in named if owners and f"{path.stem}.{it.name}".split(".")[-2] == owners[-1]]
    return exact or named


@cache
def _definitions(path: Path) -> list[Definition]:
    return list(_defined_in(ast.parse(path.read_text()).body, ""))


def _defined_in(body: list[ast.stmt], prefix: str) -> Iterator[Definition]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield Definition(prefix + name, node.lineno)
            case ast.ClassDef(name=name):
                yield Definition(prefix + name, node.lineno)
                yield from _defined_in(node.body, f"{prefix}{name}.")
            case ast.Assign(targets=targets):
                names = [it for target in targets for it in ast.walk(target)]
                for it in names:
                    if isinstance(it, ast.Name):
                        yield Definition(prefix + it.id, node.lineno)
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield Definition(prefix + name, node.lineno)


def _anchors(document: Path) -> set[str]:
    """The fragments of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _without_fences(document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in headings}


def _without_fences(text: str) -> str:
    """The text with its fenced blocks blank, line for line."""
    return FENCED.sub(lambda block: "\n" * block[0].count("\n"), text)


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--fix"]):
        print("usage: python -m tests.support.links [--fix]", file=sys.stderr)
        return 2
    if arguments:
        for document in filter(fix, documents()):
            print(f"{document.relative_to(ROOT)}: links follow what moved")
    left = [problem for document in documents() for problem in problems(document)]
    print("\n".join(left) or "All links lead where they say.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
