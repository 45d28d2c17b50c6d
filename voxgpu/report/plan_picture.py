"""A picture of a plan as SVG, with the time of each operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.plan.show import goal_label, node_label
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.profiling.table import TaskTime, source_of
from voxgpu.report.charts import seconds_text
from voxgpu.report.layered_layout import HEIGHT, layered
from voxgpu.report.markup import Markup, element

#: Up to how many vertices a picture has, and how many letters of a name.
MOST_VERTICES, _LETTERS = 120, 26

#: Width of a letter in user units.
_LETTER = 7.0


@frozen
class Vertex:
    """An operation, several of one line of the program, or a goal.

    kind     ``operation``, ``load`` or ``goal``
    seconds  None if it was not computed in this run
    """

    name: str
    label: str
    kind: str
    inputs: tuple[str, ...]
    details: str = ""
    seconds: float | None = None
    origin: str = ""


def seconds_by_node(times: Iterable[TaskTime]) -> dict[ValueId, tuple[float, str]]:
    """The seconds of each node, a kernel shared among its nodes, and where its value came from."""
    found: dict[ValueId, tuple[float, str]] = {}
    for time in times:
        ids = [id for id, _ in time.task.nodes] or list(time.task.outputs)
        for id in ids:
            before = found.get(id, (0.0, ""))[0]
            found[id] = before + time.seconds / len(ids), source_of(time.task)
    return found


def plan_picture(plan: Plan, seconds: Mapping[ValueId, tuple[float, str]]) -> Markup:
    """The plan from its files at the top to its goals at the bottom.

    Of a plan with more than ``MOST_VERTICES`` operations the operations of each line of the program
    are one vertex; of more lines than that, those that took longest are shown.
    """
    vertices = _operations(plan, seconds)
    note = ""
    if len(vertices) > MOST_VERTICES:
        count = len(vertices)
        vertices = _lines(plan, vertices)
        note = f"Each box stands for a line of the program; {count} operations and goals in all."
    if len(vertices) > MOST_VERTICES:
        kept = sorted(vertices, key=lambda each: -(each.seconds or 0.0))[:MOST_VERTICES]
        names = {each.name for each in kept}
        note += f" The {len(kept)} of {len(vertices)} lines that took longest are shown."
        vertices = [each for each in vertices if each.name in names]
    known = {each.name for each in vertices}
    layout = layered(
        {each.name: _width(each) for each in vertices},
        {each.name: [x for x in each.inputs if x in known] for each in vertices},
    )
    longest = max((each.seconds or 0.0 for each in vertices), default=0.0)
    edges = [element("path", d=_curve(points), class_="edge") for _, _, points in layout.edges]
    boxes = [_box(each, layout.places[each.name], longest) for each in vertices]
    svg = element(
        "svg",
        edges,
        boxes,
        viewBox=f"0 0 {layout.width:.0f} {layout.height:.0f}",
        width=f"{layout.width:.0f}",
        height=f"{layout.height:.0f}",
        class_="plan",
        role="img",
        aria_label=f"plan of {len(vertices)} operations and goals",
    )
    said = element("p", note.strip(), class_="note") if note else Markup("")
    return Markup(said + element("div", svg, class_="wide", tabindex=0))


def _operations(plan: Plan, seconds: Mapping[ValueId, tuple[float, str]]) -> list[Vertex]:
    vertices = []
    for id, node in plan.nodes.items():
        if node.primitive is CONSTANT:
            continue
        taken, origin = seconds.get(id, (None, ""))
        place = str(plan.origins[id][-1]) if plan.origins.get(id) else ""
        inputs = tuple(x for x in node.inputs if plan.nodes[x].primitive is not CONSTANT)
        kind = "load" if node.primitive is LOAD else "operation"
        details = f"{plan.types[id]}\n{place}"
        label = _label(plan, id, node)
        vertices.append(Vertex(id, label, kind, inputs, details, taken, origin))
    return [*vertices, *_goals(plan.goals, {each.name for each in vertices})]


def _goals(goals: Sequence[Goal], known: set[str]) -> list[Vertex]:
    found = []
    for number, goal in enumerate(goals):
        inputs = (str(goal.value),) if goal.value in known else ()
        label = goal_label(goal)
        found.append(Vertex(f"goal {number}", label, "goal", inputs, str(goal.span)))
    return found


def _label(plan: Plan, id: ValueId, node: Node) -> str:
    """The operation with its constants: ``smoothen 5``; of a file its name."""
    if node.primitive is LOAD:
        header = plan.files.get(id)
        path = str(getattr(header, "path", ""))
        return path.replace("\\", "/").rpartition("/")[2] or "load"
    constants = [
        node_label(plan.nodes[each])
        for each in node.inputs
        if plan.nodes[each].primitive is CONSTANT
    ]
    return " ".join([node_label(node), *constants])


def _lines(plan: Plan, vertices: Sequence[Vertex]) -> list[Vertex]:
    """One vertex for each line of the program, where the first of its operations is."""
    line_of: dict[str, str] = {}
    for id in plan.nodes:
        spans = plan.origins.get(id, ())
        if spans:
            number, _ = spans[-1].source.line_and_column(spans[-1].start)
            line_of[str(id)] = f"{spans[-1].source.name}:{number}"
    for number, goal in enumerate(plan.goals):
        at, _ = goal.span.source.line_and_column(goal.span.start)
        line_of[f"goal {number}"] = f"{goal.span.source.name}:{at}"
    rank = {line: place for place, line in enumerate(dict.fromkeys(line_of.values()))}
    inputs: dict[str, dict[str, None]] = {}
    seconds: dict[str, float | None] = {}
    counts: dict[str, int] = {}
    for each in vertices:
        line = line_of.get(each.name, "?")
        counts[line] = counts.get(line, 0) + 1
        mine = inputs.setdefault(line, {})
        # Lines may need each other's values; only edges that go forward are kept.
        mine |= dict.fromkeys(
            x
            for x in (line_of.get(name, "?") for name in each.inputs)
            if rank.get(x, -1) < rank.get(line, -1)
        )
        if each.seconds is not None:
            seconds[line] = (seconds.get(line) or 0.0) + each.seconds
    ordered = sorted(inputs, key=lambda line: rank.get(line, -1))
    return [
        Vertex(
            line,
            _text_of(plan, line, line_of),
            "operation",
            tuple(inputs[line]),
            f"{line}\n{counts[line]} operations",
            seconds.get(line),
        )
        for line in ordered
    ]


def _text_of(plan: Plan, line: str, line_of: Mapping[str, str]) -> str:
    """The text of a line of the program."""
    for id, spans in plan.origins.items():
        if spans and line_of.get(str(id)) == line:
            return spans[-1].source.line(int(line.rpartition(":")[2])).strip()
    for goal in plan.goals:
        number, _ = goal.span.source.line_and_column(goal.span.start)
        if f"{goal.span.source.name}:{number}" == line:
            return goal.span.source.line(number).strip()
    return line


def _shown(vertex: Vertex) -> str:
    label = " ".join(vertex.label.split())
    return label if len(label) <= _LETTERS else label[: _LETTERS - 1] + "…"


def _width(vertex: Vertex) -> float:
    return max(56.0, _LETTER * len(_shown(vertex)) + 18)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """A path from the lower edge of the first vertex to the upper edge of the last."""
    half = HEIGHT / 2
    (x, y), rest = points[0], points[1:]
    y += half
    path = f"M{x:.1f} {y:.1f}"
    for number, (next_x, next_y) in enumerate(rest):
        end = next_y - half
        middle = (y + end) / 2
        path += f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {end:.1f}"
        x, y = next_x, end
        if number < len(rest) - 1:
            path += f"V{next_y + half:.1f}"
            y = next_y + half
    return path


def _box(vertex: Vertex, place: tuple[float, float], longest: float) -> Markup:
    x, y = place
    width = _width(vertex)
    share = (vertex.seconds or 0.0) / longest if longest else 0.0
    below = "" if vertex.seconds is None else seconds_text(vertex.seconds)
    if vertex.origin == "store":
        below = f"store, {below}"
    title = "\n".join(each for each in (vertex.label, vertex.details, below) if each)
    lines = [element("text", _shown(vertex), x=f"{x:.1f}", y=f"{y + (-3 if below else 4):.1f}")]
    if below:
        lines.append(element("text", below, x=f"{x:.1f}", y=f"{y + 12:.1f}", class_="small"))
    box = {
        "x": f"{x - width / 2:.1f}",
        "y": f"{y - HEIGHT / 2:.1f}",
        "width": f"{width:.1f}",
        "height": f"{HEIGHT:.0f}",
        "rx": 18 if vertex.kind == "goal" else 5,
    }
    return element(
        "g",
        element("title", title),
        element("rect", **box),
        element("rect", class_="heat", fill_opacity=f"{0.75 * share:.3f}", **box),
        lines,
        class_=f"vertex {vertex.kind}",
    )
