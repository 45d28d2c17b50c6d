"""The program with highlighted source, and beside each line the values that it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.ids import ValueId
from voxgpu.language.ast import Let, Load
from voxgpu.language.lexer import KEYWORDS
from voxgpu.language.parse import tokenize_source
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.sequence import shown
from voxgpu.primitives.source import CONSTANT
from voxgpu.profiling.table import source_of, task_times
from voxgpu.report.charts import seconds_text
from voxgpu.report.markup import Content, Markup, element
from voxgpu.report.run_contents import RunContents
from voxgpu.types import ImageOf, Type

#: Classes of tokens in the style sheet.
_CLASSES = {"NUMBER": "number", "TEXT": "string", "VARIABLE": "variable", "INFIX": "operator"}

_COMMENT = re.compile(r"//[^\n]*")

#: Up to how many letters of a printed value are beside its line.
_LONGEST = 200


@dataclass
class _Line:
    """What is beside a line: values, then the time of what is computed for it."""

    values: list[Content] = field(default_factory=list)
    seconds: float = 0.0
    sources: dict[str, None] = field(default_factory=dict)


def listing(contents: RunContents, anchors: Mapping[int, str], sizes: Mapping[int, str]) -> Markup:
    """The lines of the program as a table: number, source, values.

    anchors  the id of the figure of each saved file on this page, by its place in ``result.saved``
    sizes    the size of its region in words, for those that have one
    """
    lines: dict[int, _Line] = {}
    if contents.compiled is not None:
        _note_values(contents, lines)
        _note_goals(contents, lines, anchors, sizes)
        _note_times(contents, lines)
    messages: dict[int, list[Diagnostic]] = {}
    for each in contents.diagnostics:
        if each.span is not None and each.span.source is contents.source:
            messages.setdefault(_line_of(each.span), []).append(each)
    rows = []
    for number, code in enumerate(highlighted(contents.source), 1):
        beside = lines.get(number, _Line())
        found = messages.get(number, [])
        kind = next((each.severity for each in found if each.is_error), "") or (
            "warning" if found else ""
        )
        rows.append(
            element(
                "tr",
                element("th", number, scope="row"),
                element("td", element("code", code)),
                element("td", _beside(beside), class_="came"),
                id=f"line-{number}",
                class_=kind or None,
            )
        )
        rows += [
            element("tr", element("td"), element("td", message(each), colspan=2)) for each in found
        ]
    body = element("table", element("tbody", rows), class_="listing")
    return element("div", body, class_="wide", tabindex=0)


def message(diagnostic: Diagnostic) -> Markup:
    """A diagnostic as a box: its code, text, notes and advice."""
    notes = [
        element("p", f"{each.span}: {each.message}" if each.span else each.message, class_="note")
        for each in diagnostic.notes
    ]
    return element(
        "div",
        element(
            "p",
            element("strong", f"{diagnostic.severity} {diagnostic.code}"),
            ": ",
            diagnostic.message,
        ),
        notes,
        element("p", "help: ", diagnostic.help) if diagnostic.help else None,
        class_=f"message {diagnostic.severity}",
    )


def highlighted(source: Source) -> list[Markup]:
    """The lines of a program as HTML, with a class for each kind of token."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for token in tokenize_source(source):
        pieces += _between(source.text[at : token.start_pos])
        pieces.append(
            (_class_of(str(token), token.type), source.text[token.start_pos : token.end_pos])
        )
        at = token.end_pos
    pieces += _between(source.text[at:])
    lines: list[list[Content]] = [[]]
    for kind, text in pieces:
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(element("span", part, class_=kind) if kind else part)
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return [element("span", line) for line in lines]


def _between(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    for match in _COMMENT.finditer(text):
        yield "", text[at : match.start()]
        yield "comment", match[0]
        at = match.end()
    yield "", text[at:]


def _class_of(word: str, kind: str) -> str:
    if word in KEYWORDS and kind not in ("TEXT", "NUMBER"):
        return "keyword"
    return _CLASSES.get(kind, "")


def _note_values(contents: RunContents, lines: dict[int, _Line]) -> None:
    """Note what the names of the program stand for, as far as goals need them."""
    assert contents.compiled is not None
    plan = contents.compiled.plan
    for command in contents.compiled.commands:
        if command.span.source is not contents.source or not isinstance(command, Let | Load):
            continue
        if isinstance(command, Let) and command.parameters is not None:
            continue
        id = _value_of(plan, command)
        if id is not None:
            line = lines.setdefault(_line_of(command.span), _Line())
            line.values.append(_value_text(plan, id, contents))


def _value_of(plan: Plan, command: Let | Load) -> ValueId | None:
    """The node of the whole expression of a command; None if none has its place.

    Equal work is one node, at the place where it is met first: other names of it have none here,
    nor have numbers that were folded. Of the nodes of a call that was inlined it is the last,
    provided that the others lead to it.
    """
    whole = command.path.span if isinstance(command, Load) else command.body.span
    found = [id for id, spans in plan.origins.items() if spans and spans[-1] == whole]
    used = {each for id in found for each in plan.nodes[id].inputs}
    ends = [id for id in found if id not in used]
    return ends[0] if len(ends) == 1 else None


def _value_text(plan: Plan, id: ValueId, contents: RunContents) -> Content:
    node, kind = plan.nodes[id], plan.types[id]
    if node.primitive is CONSTANT:
        return _result(shown(node.parameters[0]))  # type: ignore[arg-type]
    if id in contents.values:
        return _result(shown(contents.values[id]))
    return _type_text(kind)


def _type_text(kind: Type) -> str:
    if isinstance(kind, ImageOf) and kind.grid is not None:
        size = "×".join(str(each) for each in reversed(kind.grid.shape))
        return f"{kind}, {size}"
    return str(kind)


def _result(value: str) -> Markup:
    short = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return element("strong", short)


def _note_goals(
    contents: RunContents,
    lines: dict[int, _Line],
    anchors: Mapping[int, str],
    sizes: Mapping[int, str],
) -> None:
    """Note prints and saved files beside their commands."""
    assert contents.compiled is not None
    left = list(contents.result.prints)
    saved = list(enumerate(contents.result.saved))
    for goal in _in_text(contents.compiled.plan.goals, contents.source):
        values = lines.setdefault(_line_of(goal.span), _Line()).values
        if goal.action == "print":
            found = next((each for each in left if each.label == goal.label), None)
            if found is not None:
                left.remove(found)
                values.append((f"{goal.label} = ", _result(shown(found.value))))
        elif goal.action == "save" and not goal.part:
            place = next((n for n, each in saved if each.label == goal.label), None)
            if place is None:
                continue
            link: Content = goal.label
            if place in anchors:
                link = element("a", goal.label, href=f"#{anchors[place]}")
            values.append((link, f", {sizes[place]}" if place in sizes else ""))


def _in_text(goals: Sequence[Goal], source: Source) -> list[Goal]:
    return [each for each in goals if each.span.source is source]


def _note_times(contents: RunContents, lines: dict[int, _Line]) -> None:
    """Note the time of each line; a kernel is shared among its nodes alike."""
    from voxgpu.profiling.table import Known

    known = Known.of(contents.recorder.plans)
    for time in task_times(contents.recorder.spans, known):
        nodes = [(id, node) for id, node in time.task.nodes if node.primitive is not CONSTANT]
        ids = [id for id, _ in nodes] or [id for id in time.task.outputs if not time.task.nodes]
        for id in ids:
            spans = known.origins.get(id, ())
            if spans and spans[-1].source is contents.source:
                line = lines.setdefault(_line_of(spans[-1]), _Line())
                line.seconds += time.seconds / len(ids)
                line.sources[source_of(time.task)] = None


def _beside(line: _Line) -> Content:
    parts: list[Content] = []
    for each in line.values:
        parts += ["; " if parts else None, each]
    if line.sources:
        where = {"store": "from the store", "file": "read"}
        names = ", ".join(where.get(each, each) for each in line.sources)
        took = f"{names} in {seconds_text(line.seconds)}"
        parts.append(element("span", took, class_="took"))
    return parts


def _line_of(span: Span) -> int:
    return span.source.line_and_column(span.start)[0]
