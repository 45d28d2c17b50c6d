"""Display of the compilation stages, as text and as data.

Every stage is a flat list of nodes with edges, so programs of any depth can be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.language.ast import Command, Expression, Import, Let, Load, Value, children
from voxgpu.language.ir import (
    Apply,
    Block,
    Choose,
    Constant,
    FoldLeft,
    ForEach,
    FunctionValue,
    Invoke,
    LoadFile,
    Operate,
    Outer,
    Parameter,
    Program,
    Select,
    Step,
    blocks_of,
)
from voxgpu.language.ir import Sequence as SequenceStep
from voxgpu.language.unparse import unparse_command
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.types import Function


@frozen
class Vertex:
    """A vertex of a stage: its name, description and the names of its operands.

    details  stage-specific information: kernel expressions, source text, cost of a task
    """

    name: str
    label: str
    inputs: tuple[str, ...]
    type: str = ""
    origin: str = ""
    details: str = ""


@frozen
class StageGraph:
    """A stage: its text, its vertices, and the goals with the vertices they refer to."""

    stage: str
    text: str
    vertices: tuple[Vertex, ...]
    goals: tuple[tuple[str, str, str], ...]


def stage_graph(
    stage: str, commands: Iterable[Command], program: Program, plan: Plan
) -> StageGraph:
    """Returns the graph of a stage: ``syntax``, ``program`` or ``plan``."""
    match stage:
        case "syntax":
            mine = [each for each in commands if not each.span.source.ours]
            return _syntax(mine)
        case "program":
            return _program(program)
        case _:
            return show_plan(plan)


def _json(graph: StageGraph) -> dict[str, Any]:
    return {
        "stage": graph.stage,
        "nodes": [
            {
                "id": vertex.name,
                "operation": vertex.label,
                "inputs": list(vertex.inputs),
                "type": vertex.type or None,
                "origin": vertex.origin or None,
                "details": vertex.details or None,
            }
            for vertex in graph.vertices
        ],
        "goals": [
            {"action": action, "label": label, "value": value}
            for action, label, value in graph.goals
        ],
    }


def _dot(graph: StageGraph) -> str:
    numbers = {vertex.name: f"n{index}" for index, vertex in enumerate(graph.vertices)}
    lines = [f"digraph {graph.stage} {{", "  rankdir=BT; node [shape=box, fontname=Helvetica];"]
    for vertex in graph.vertices:
        parts = (vertex.label, vertex.type, vertex.details)
        label = "\n".join(each for each in parts if each)
        lines.append(f"  {numbers[vertex.name]} [label={_quoted(label)}];")
        lines += [f"  {numbers[each]} -> {numbers[vertex.name]};" for each in vertex.inputs]
    for index, (action, label, value) in enumerate(graph.goals):
        shown = _quoted(f"{action} {label}")
        lines.append(f"  goal{index} [label={shown}, shape=ellipse];")
        lines.append(f"  {numbers[value]} -> goal{index};")
    return "\n".join([*lines, "}"])


RENDERINGS: dict[str, Callable[[StageGraph], str | dict[str, Any]]] = {
    "text": lambda graph: graph.text,
    "json": _json,
    "dot": _dot,
}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _applied(label: str, inputs: Sequence[str]) -> str:
    return f"{label}({', '.join(inputs)})" if inputs else label


def _syntax(commands: Sequence[Command]) -> StageGraph:
    vertices: list[Vertex] = []
    for command in commands:
        roots = _expressions(command)
        names = [_expression_vertices(root, vertices) for root in roots]
        label = type(command).__name__.lower()
        if isinstance(command, Let | Load | Import):
            label += f" {command.name}"
        vertices.append(Vertex(str(len(vertices)), label, tuple(names), "", str(command.span)))
    text = "\n".join(unparse_command(command) for command in commands)
    return StageGraph("syntax", text, tuple(vertices), ())


def _expressions(command: Command) -> list[Expression]:
    match command:
        case Load(path=path):
            return [path]
        case Let(body=body):
            return [body]
        case Import():
            return []
        case Value(value=value):
            return [value]
        case _:
            return [command.target, command.value]


def _expression_vertices(root: Expression, vertices: list[Vertex]) -> str:
    """Appends a vertex for every subexpression of ``root``; returns the name of its own vertex."""
    names: list[str] = []
    stack: list[tuple[Expression, bool]] = [(root, False)]
    while stack:
        expression, ready = stack.pop()
        inside = children(expression)
        if not ready:
            stack.append((expression, True))
            stack.extend((each, False) for each in reversed(inside))
            continue
        inputs = tuple(names[len(names) - len(inside) :])
        del names[len(names) - len(inside) :]
        name = str(len(vertices))
        label = _expression_label(expression)
        vertices.append(Vertex(name, label, inputs, "", str(expression.span)))
        names.append(name)
    return names[0]


def _expression_label(expression: Expression) -> str:
    kind = type(expression).__name__
    for field in ("name", "value"):
        value = getattr(expression, field, None)
        if isinstance(value, str | float | bool):
            return f"{kind} {value}"
    return kind


def _program(program: Program) -> StageGraph:
    blocks = _blocks(program)
    lines: list[str] = []
    vertices: list[Vertex] = []
    for block, number in blocks.items():
        names = program.names if block is program.main else {}
        if block is not program.main:
            what = f"function {number} `{block.name}`" if block.name else f"block {number}"
            lines.append(f"{what} -> %{number}.{block.result}")
        for index, step in enumerate(block.steps):
            inputs = tuple(f"%{number}.{each}" for each in _inputs(step))
            if isinstance(step, Outer):
                inputs = (f"%0.{step.step}",)
            label = _step_label(step, blocks)
            name = f"%{number}.{index}"
            bound = f"   // {names[index]}" if index in names else ""
            lines.append(f"{name} : {step.type} = {_applied(label, inputs)}{bound}")
            vertices.append(Vertex(name, label, inputs, str(step.type), str(step.span)))
    goals = tuple((goal.action, goal.label, f"%0.{goal.step}") for goal in program.goals)
    lines += [f'{action} "{label}" {value}' for action, label, value in goals]
    return StageGraph("program", "\n".join(lines), tuple(vertices), goals)


def _blocks(program: Program) -> dict[Block, int]:
    blocks = {program.main: 0}
    queue = [program.main]
    for block in queue:
        for step in block.steps:
            for inner in blocks_of(step):
                if inner not in blocks:
                    blocks[inner] = len(blocks)
                    queue.append(inner)
    return blocks


def _inputs(step: Step) -> tuple[int, ...]:
    match step:
        case Apply(arguments=inside) | Invoke(arguments=inside) | SequenceStep(items=inside):
            return inside
        case Operate(arguments=inside):
            return inside
        case ForEach(sequence=sequence, captures=captures):
            return (sequence, *captures)
        case Select(sequence=sequence, captures=captures):
            return (sequence, *captures)
        case FoldLeft(start=start, sequence=sequence):
            return (sequence,) if start is None else (start, sequence)
        case Choose(condition, _, yes, _, no):
            return (condition, *yes, *no)
        case _:
            return ()


def _step_label(step: Step, blocks: dict[Block, int]) -> str:
    match step:
        case Constant(value=value):
            return repr(value)
        case LoadFile(path=path):
            return f"load {path!r}"
        case Apply(primitive=primitive):
            return str(primitive.names[0])
        case Invoke(function=function):
            return f"function {blocks[function]} `{function.name}`"
        case Parameter(number=number):
            return f"parameter {number}"
        case Operate(operation=operation):
            return operation
        case FunctionValue(type=Function(name=name)):
            return f"function value `{name}`"
        case ForEach(block=block):
            return f"for each item block {blocks[block]}"
        case Select(block=block):
            return f"items with block {blocks[block]}"
        case FoldLeft(block=block):
            return f"fold with block {blocks[block]}"
        case Choose(yes=yes, no=no):
            return f"if, block {blocks[yes]}, else block {blocks[no]}"
        case _:
            return type(step).__name__.lower()


def show_plan(plan: Plan, stage: str = "plan") -> StageGraph:
    """Returns a plan as a graph; ``stage`` is its title."""
    short = {id: f"%{index}" for index, id in enumerate(plan.nodes)}
    lines: list[str] = []
    vertices: list[Vertex] = []
    for id, node in plan.nodes.items():
        label = node_label(node)
        origin = str(plan.origins[id][0]) if plan.origins.get(id) else ""
        shown = _applied(label, [short[each] for each in node.inputs])
        kind = str(plan.types[id])
        lines.append(f"{short[id]} {id[:12]} : {kind} = {shown}   // {origin}")
        vertices.append(Vertex(id, label, node.inputs, kind, origin))
    goals = tuple((goal.action, goal.label, str(goal.value)) for goal in plan.goals)
    lines += [f"{goal_label(goal)} {short[goal.value]}" for goal in plan.goals]
    lines += [f"{goal}   // what it needs is only known while it runs" for goal in plan.waiting]
    return StageGraph(stage, "\n".join(lines), tuple(vertices), goals)


def goal_label(goal: Goal) -> str:
    """Returns a goal's display label."""
    return "value" if goal.action == "find" else f'{goal.action} "{goal.label}"'


def node_label(node: Node) -> str:
    """Returns a node's display label: its operation and static arguments."""
    if node.primitive is CONSTANT:
        return repr(node.parameters[0])
    if node.primitive is LOAD:
        return f"load sha256:{str(node.parameters[0])[:12]}"
    static = [str(each) for each in node.parameters if not isinstance(each, Grid)]
    return node.primitive.names[0] + (f"[{', '.join(static)}]" if static else "")
