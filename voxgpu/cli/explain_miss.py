"""``voxgpu show --why``: why does a value have to be computed?"""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.open_store import Asked, opened
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.ids import ValueId
    from voxgpu.plan.node import Plan
    from voxgpu.store.explain_miss import Explanation

_SAID = {
    "stored": "is in the store",
    "constant": "is a constant of the program: it is never stored",
    "file": "is an image file: it is read from there, and is known",
    "forgotten": "was computed before and is not in the store: it was not worth keeping, or went "
    "to make room",
}


def why(plan: Plan, program: Path, wanted: str, store: str | None, as_json: bool) -> dict[str, Any]:
    """Why the values that an id or the label of a goal names are, or are not, in the store.

    Raises ImgqlError where there is no such value, or no store.
    """
    from voxgpu.store.explain_miss import explain
    from voxgpu.store.history import History

    ids = _named(plan, wanted)
    with opened(Asked(store, None, as_json)) as place:
        if place.disk is None:
            message = f"`{place.folder}` has no index, which remembers programs"
            raise ImgqlError([Diagnostic("E401", message)])
        history = History(place.disk.index)
        found = [explain(plan, id, history, place.disk.has, str(program)) for id in ids]
    return {"why": [_plain(plan, wanted, each) for each in found]}


def format_explanation(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = []
    for each in found["why"]:
        name = f"{each['name']} ({each['id'][:16]})"
        if each["status"] in _SAID:
            lines.append(f"{name} {_SAID[each['status']]}")
        elif each["relative"] is None:
            lines.append(f"{name} is new: nothing like it was computed before")
        else:
            lines.append(f"{name} is not in the store; it differs from {each['relative'][:16]}:")
            lines += [f"  {d['place']}{d['text']}" for d in each["differences"]]
    return "\n".join(lines)


def _named(plan: Plan, wanted: str) -> list[ValueId]:
    labels = {goal.label: None for goal in plan.goals}
    found = list(dict.fromkeys(goal.value for goal in plan.goals if goal.label == wanted))
    if not found and len(wanted) >= 4:
        found = [id for id in plan.nodes if id.startswith(wanted.lower())]
    if found:
        return found
    close = get_close_matches(wanted, labels, 1)
    hint = f"did you mean `{close[0]}`?" if close else ""
    known = ", ".join(f"`{each}`" for each in labels)
    raise ImgqlError(
        [
            Diagnostic(
                "E402",
                f"the program has no goal and no value `{wanted}`",
                help=hint or f"goals: {known}; ids are shown by --stage plan --format json",
            )
        ]
    )


def _plain(plan: Plan, wanted: str, found: Explanation) -> dict[str, Any]:
    name = plan.nodes[found.id].primitive.names[0]
    is_goal = any(goal.label == wanted for goal in plan.goals)
    return {
        "id": found.id,
        "name": f"`{wanted}`" if is_goal else f"`{name}`",
        "status": found.status,
        "relative": found.relative,
        "differences": [
            {"id": each.id, "place": _place(plan, each.id), "text": each.text}
            for each in found.differences
        ],
    }


def _place(plan: Plan, id: ValueId) -> str:
    """Where in the program a node comes from, as messages say it."""
    spans = plan.origins.get(id, ())
    if not spans:
        return ""
    return f"{spans[0]}: "


def print_explanation(found: dict[str, Any], as_json: bool) -> None:
    """Prints an explanation."""
    click.echo(json.dumps(found, indent=1) if as_json else format_explanation(found))
