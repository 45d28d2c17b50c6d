"""One command of another tool beside an expression of ImgQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Names of ImgQL that stand without arguments.
_BARE = {"tt", "ff", "border", "x", "y", "z"}

#: Words of ImgQL that are written otherwise in Python.
_WORDS = {"true": "True", "false": "False", "inf": 'float("inf")'}


@dataclass(frozen=True)
class Row:
    """A row.

    theirs     what users of the tool type; it writes ``out``, or prints numbers
    imgql      the expression with the same value
    differs    what is not obvious from either: Markdown
    python     the expression in Python; None: derived from ``imgql``; empty: none is natural
    prints     whether the value is a number or a sequence of numbers
    columns    of a printed table: that many numbers of each line that begins with a label but 0
    tolerance  the greatest difference of two voxels; 0: they are equal
    frame      voxels at the frame, along each axis, that are not compared
    reason     why voxels may differ by the tolerance, or at the frame
    """

    theirs: str
    imgql: str
    differs: str = ""
    python: str | None = None
    prints: bool = False
    columns: int = 0
    tolerance: float = 0.0
    frame: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        assert bool(self.reason) == bool(self.tolerance or self.frame), self.theirs

    @property
    def in_python(self) -> str:
        """The expression in Python, with ``vx`` for voxgpu; empty if none is natural."""
        return _python(self.imgql) if self.python is None else self.python

    @property
    def remark(self) -> str:
        """What the page says about differences."""
        near = (
            f"from {self.frame} {'voxel' if self.frame == 1 else 'voxels'} inside the frame"
            if self.frame
            else ""
        )
        within = f"within {self.tolerance:g}" if self.tolerance else ""
        how = ", ".join(filter(None, [within, near]))
        return "; ".join(filter(None, [self.differs, f"{how}: {self.reason}" if how else ""]))


def _python(expression: str) -> str:
    """A simple expression of ImgQL in Python: calls, infix operators and ``!``."""

    def renamed(match: re.Match[str]) -> str:
        name, call = match.groups()
        if call:
            return f"vx.{name}("
        if name.startswith("simpleitk."):
            return name.replace("simpleitk.", "sitk.")
        return f"vx.{name}()" if name in _BARE else _WORDS.get(name, name)

    found = re.sub(r"(?<![\w.\"])([A-Za-z_][\w.]*)(\(?)", renamed, expression)
    return re.sub(r"!(?!=)", "~", found).replace("^", "**")


def cell(text: str) -> str:
    """Text of a cell of a table in Markdown."""
    return text.replace("|", "\\|")


def table(tool: str, rows: tuple[Row, ...]) -> str:
    """The rows as a table in Markdown."""
    lines = [f"| {tool} | ImgQL | Python | what differs |", "|---|---|---|---|"]
    for each in rows:
        python = f"`{each.in_python}`" if each.in_python else ""
        cells = (f"`{each.theirs}`", f"`{each.imgql}`", python, each.remark)
        lines.append(f"| {' | '.join(map(cell, cells))} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"
