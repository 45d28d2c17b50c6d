"""``voxgpu show --why``: explanation why a value has to be computed."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.open_store import StoreSelection, opened
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.ids import ValueId
    from voxgpu.plan.node import Plan
    from voxgpu.store.explain_miss import Explanation

_STATUS_TEXTS = {
    "stored": "is in the store",
    "constant": "is a constant of the program: it is never stored",
    "file": "is an image file: it is read from there, and is known",
    "forgotten": "was computed before and is not in the store: it was not worth keeping, or went "
    "to make room",
}


def why(
    plan: Plan, program: Path, requested: str, store: str | None, as_json: bool
) -> dict[str, Any]:
    """Explain why the values named by an id or by a goal's label are, or are not, in the store.

    Raises ImgqlError if there is no such value, or no store.
    """
    from voxgpu.store.explain_miss import explain
    from voxgpu.store.history import History

    ids = _named(plan, requested)
    with opened(StoreSelection(store, None, as_json)) as opened_store:
        if opened_store.disk is None:
            message = f"`{opened_store.folder}` has no index, which remembers programs"
            raise ImgqlError([Diagnostic("E401", message)])
        history = History(opened_store.disk.index)
        explanations = [
            explain(plan, id, history, opened_store.disk.has, str(program)) for id in ids
        ]
    return {"why": [_plain(plan, requested, each) for each in explanations]}


def format_explanation(explanation: dict[str, Any]) -> str:
    """Format an explanation as text."""
    lines = []
    for each in explanation["why"]:
        name = f"{each['name']} ({each['id'][:16]})"
        if each["status"] in _STATUS_TEXTS:
            lines.append(f"{name} {_STATUS_TEXTS[each['status']]}")
        elif each["relative"] is None:
            lines.append(f"{name} is new: nothing like it was computed before")
        else:
            lines.append(f"{name} is not in the store; it differs from {each['relative'][:16]}:")
            lines += [f"  {d['place']}{d['text']}" for d in each["differences"]]
    return "\n".join(lines)


def _named(plan: Plan, requested: str) -> list[ValueId]:
    labels = {goal.label: None for goal in plan.goals}
    ids = list(dict.fromkeys(goal.value for goal in plan.goals if goal.label == requested))
    if not ids and len(requested) >= 4:
        ids = [id for id in plan.nodes if id.startswith(requested.lower())]
    if ids:
        return ids
    close = get_close_matches(requested, labels, 1)
    hint = f"did you mean `{close[0]}`?" if close else ""
    known = ", ".join(f"`{each}`" for each in labels)
    raise ImgqlError(
        [
            Diagnostic(
                "E402",
                f"the program has no goal and no value `{requested}`",
                help=hint or f"goals: {known}; ids are shown by --stage plan --format json",
            )
        ]
    )


def _plain(plan: Plan, requested: str, explanation: Explanation) -> dict[str, Any]:
    name = plan.nodes[explanation.id].primitive.names[0]
    is_goal = any(goal.label == requested for goal in plan.goals)
    return {
        "id": explanation.id,
        "name": f"`{requested}`" if is_goal else f"`{name}`",
        "status": explanation.status,
        "relative": explanation.relative,
        "differences": [
            {"id": each.id, "place": _place(plan, each.id), "text": each.text}
            for each in explanation.differences
        ],
    }


def _place(plan: Plan, id: ValueId) -> str:
    """The position in the program that a node comes from, formatted as in messages."""
    spans = plan.origins.get(id, ())
    if not spans:
        return ""
    return f"{spans[0]}: "


def print_explanation(explanation: dict[str, Any], as_json: bool) -> None:
    """Print an explanation."""
    click.echo(json.dumps(explanation, indent=1) if as_json else format_explanation(explanation))
