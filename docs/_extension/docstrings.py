"""Docstrings of voxgpu as fields of Sphinx: their columns of parameters are lists there."""

from __future__ import annotations

import re
from typing import Any

#: A parameter, or several that share a description, in columns: ``memory  limit in bytes``.
_ROW = re.compile(r"(?P<names>\*{0,2}\w+(?:, \w+)*)(?: {2,})(?P<text>\S.*)")


def write_fields(
    _app: Any, kind: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Replace columns by fields, and indented examples by code blocks, in place."""
    field = "ivar" if kind == "class" else "param"
    written: list[str] = []
    in_row = in_example = False
    for line in lines:
        row = _ROW.fullmatch(line)
        if row:
            if not in_row and written and written[-1]:
                written.append("")
            for name in row["names"].split(", "):
                written.append(f":{field} {name.replace('*', '')}: {row['text']}")
            in_row, in_example = True, False
        elif in_row and line.startswith("  "):
            written.append(f"    {line.strip()}")
        elif line.startswith("    ") and not in_row:
            if not in_example:
                written += ["", ".. code-block:: python", ""]
            in_example = True
            written.append(line)
        else:
            if in_row and line:
                written.append("")
            if line:
                in_row = in_example = False
            written.append(line)
    lines[:] = written
