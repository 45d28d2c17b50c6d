"""Figures and tables as text of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(each) + " |" for each in lines)


def seconds(value: float | None) -> str:
    """Returns seconds; empty if they are not known."""
    if value is None:
        return ""
    # Work that ended a little before it was asked to took no time.
    value = max(value, 0.0)
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def megabytes(value: float | None) -> str:
    """Returns bytes in megabytes; empty if they are not known."""
    if value is None:
        return ""
    return f"{value / 1e6:,.0f}" if value >= 1e6 or value == 0 else f"{value / 1e6:.2f}"


def ratio(one: float, other: float) -> str:
    """Returns how many times as long, as much or as large something is."""
    found = one / other
    return f"{found:.1f} times" if found < 10 else f"{found:.0f} times"
