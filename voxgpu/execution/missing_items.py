"""Diagnostics for failed items of printed sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxgpu.diagnostics import Diagnostic, Failure
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.missing_items import Gap, Position
from voxgpu.plan.node import Goal

#: Maximum number of failed items listed for one reason.
_NAMED = 8


@frozen(slots=True, eq=False)
class MissingItem:
    """The gaps in a printed value; ``is_whole`` if nothing was left, so no line was printed."""

    goal: Goal
    gaps: tuple[tuple[Position, Gap], ...]
    is_whole: bool


def failures_of(
    missing: MissingItem, explain: Callable[[ValueId, Exception], Diagnostic]
) -> list[Failure]:
    """Returns one failure for each reason, with the items it affects."""
    reasons: dict[Diagnostic, list[Position]] = {}
    for position, gap in missing.gaps:
        diagnostic = gap.diagnostic
        if gap.node is not None and gap.error is not None:
            diagnostic = explain(gap.node, gap.error)
        if diagnostic is not None:
            reasons.setdefault(diagnostic, []).append(position)
    found = []
    for diagnostic, places in reasons.items():
        is_all = missing.is_whole and len(reasons) == 1
        where = "" if is_all else f" in {_items(places)}"
        found.append(Failure(name_of(missing.goal), where, diagnostic))
    return found


def name_of(goal: Goal) -> str:
    """Returns ``print "label"``; the label alone, which may be empty, of a requested value."""
    return goal.label if goal.action in ("find", "keep") else f'{goal.action} "{goal.label}"'


def _items(places: Sequence[Position]) -> str:
    """Formats item positions: ``item [1]``, ``items [1], [2][0] and 7 more``."""
    texts = ["".join(f"[{number}]" for number in position) for position in places]
    if len(texts) == 1:
        return f"item {texts[0]}" if texts[0] else "its value"
    if len(texts) > _NAMED:
        texts = [*texts[: _NAMED - 1], f"{len(texts) - _NAMED + 1} more"]
    return f"items {', '.join(texts[:-1])} and {texts[-1]}"
