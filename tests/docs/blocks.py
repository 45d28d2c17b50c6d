"""The blocks of code on all pages, and their kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(
    r"^ *```(?P<kind>\w*)(?: from=(?P<source>\S+))?[^\n]*\n(?P<text>.*?)^ *```",
    re.DOTALL | re.MULTILINE,
)
_INDENTED = re.compile(r"(?:^    .*\n(?:\n(?=    ))?)+", re.MULTILINE)
_PROGRAM = ("load ", "let ", "import ", "// ", "print ", "save ")


@dataclass(frozen=True)
class Block:
    """A block.

    page    its page, as a path in the repository
    kind    the word after the fence, or one of `program`, `message`, `shell`, `picture`,
            `excerpt`
    source  the file of an excerpt: the word after the fence as ``from=PATH``
    """

    page: str
    kind: str
    text: str
    source: str = ""

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """The commands, without comments, and the output of each; of shell blocks."""
        lines = self.text.splitlines()
        if not any(line.startswith("$ ") for line in lines):
            return [(_plain(line), []) for line in lines if line.strip()]
        found: list[tuple[str, list[str]]] = []
        for line in lines:
            if line.startswith("$ "):
                found.append((_plain(line.removeprefix("$ ")), []))
            else:
                found[-1][1].append(line)
        return found


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page: the fenced ones in order, then the indented ones."""
    name = str(page.relative_to(ROOT))
    text = page.read_text("utf-8")
    for match in _FENCED.finditer(text):
        source = match["source"] or ""
        kind = "excerpt" if source else match["kind"] or _kind(match["text"])
        yield Block(name, kind, match["text"], source)
    for match in _INDENTED.finditer(_FENCED.sub("", text)):
        inside = re.sub(r"^    ", "", match[0], flags=re.MULTILINE)
        yield Block(name, _kind(inside), inside)


def _kind(text: str) -> str:
    if text.startswith(_PROGRAM):
        return "program"
    if re.match(r"(?:error|warning)\[", text):
        return "message"
    return "picture" if "─" in text and "┌" not in text else "shell"


def _plain(line: str) -> str:
    return re.sub(r"\s+#.*", "", line).strip()
