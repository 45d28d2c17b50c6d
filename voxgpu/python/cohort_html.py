"""HTML for notebooks: the first rows of a cohort's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any


def table_html(title: str, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """A title and a table of rows; ``count`` says how many rows there are in all."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(row.get(name)))}</td>" for name in columns) + "</tr>"
        for row in rows
    )
    table = f"<table><tr>{head}</tr>{lines}</table>" if rows else ""
    more = f"<p>and {count - len(rows)} more rows</p>" if count > len(rows) else ""
    return f"<p>{escape(title)}</p>{table}{more}"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
