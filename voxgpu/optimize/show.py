"""Display of a plan after each optimization pass, as text and as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from voxgpu.codegen.llvm_renderer import render
from voxgpu.codegen.scalar import HERE, SIGNS, Scalar, topological_order
from voxgpu.ids import ValueId
from voxgpu.optimize.passes import Target, prepare
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.optimize.simplify import simplify
from voxgpu.optimize.step import FusedStep, NodeStep, Step, StoreRead
from voxgpu.plan.node import Plan
from voxgpu.plan.show import StageGraph, Vertex, goal_label, node_label, show_plan

STAGES = ("simplified", "fused", "schedule", "source")


#: Returns the source text of a kernel, without a name that would depend on it.
SourceOf = Callable[[FusedStep], str]


def llvm_text(step: FusedStep) -> str:
    """Returns the LLVM IR of a kernel, as the CPU backend compiles it."""
    return render(step.kernel, "kernel")


#: Returns what computes a step of a plan instead of a kernel; an empty string if a kernel does.
ReasonOf = Callable[[Step, Plan], str]


def kernels_only(step: Step, plan: Plan) -> str:
    """A ``ReasonOf`` that marks no step."""
    return ""


def optimized_graph(
    stage: str,
    plan: Plan,
    target: Target,
    source_of: SourceOf = llvm_text,
    comment: str = ";",
    reason_of: ReasonOf = kernels_only,
) -> StageGraph:
    """Returns the graph of a stage, one of ``STAGES``, for a backend.

    source_of  renders a kernel in the backend's language, whose line comments start with
               ``comment``
    reason_of  marks the steps of the schedule that no kernel computes
    """
    if stage == "simplified":
        return show_plan(simplify(plan) if target.fuses else plan, stage)
    planned = prepare(plan, target)
    steps = [task.step for task in planned.tasks]
    if stage == "source":
        return _graph(
            stage,
            planned,
            "\n\n".join(_sources(steps, source_of, comment)),
            lambda task: source_of(task.step) if isinstance(task.step, FusedStep) else "",
        )
    short = _names(planned)
    if stage == "fused":
        return _graph(
            stage,
            planned,
            _format_fused(planned, steps),
            lambda task: (
                "\n".join(_expressions(task.step, short))
                if isinstance(task.step, FusedStep)
                else ""
            ),
        )
    return _graph(
        stage,
        planned,
        _format_schedule(planned, reason_of),
        lambda task: _format_cost(task, short, reason_of(task.step, planned.plan)),
    )


def _graph(stage: str, planned: Schedule, text: str, details: Callable[[Task], str]) -> StageGraph:
    """Returns steps as vertices named by their first results; ``details`` describes each task."""
    maker = {id: task.outputs[0] for task in planned.tasks for id in task.outputs}
    vertices = tuple(
        Vertex(
            task.id,
            task.name,
            tuple(dict.fromkeys(maker[each] for each in task.inputs)),
            ", ".join(str(kind) for kind in task.types),
            details=details(task),
        )
        for task in planned.tasks
    )
    goals = tuple((goal.action, goal.label, maker[goal.value]) for goal in planned.goals)
    return StageGraph(stage, text, vertices, goals)


def _names(planned: Schedule) -> dict[ValueId, str]:
    return {id: f"%{index}" for index, id in enumerate(planned.plan.nodes)}


def _format_fused(planned: Schedule, steps: Iterable[Step]) -> str:
    """Formats each step with its results and inputs and, for a kernel, its expressions."""
    short = _names(planned)
    lines: list[str] = []
    for step in steps:
        outputs = ", ".join(short[id] for id in step.outputs)
        lines.append(f"{outputs} = {_label(step)}({', '.join(short[id] for id in step.inputs)})")
        if isinstance(step, FusedStep):
            lines += [f"    {line}" for line in _expressions(step, short)]
    lines += [f"{goal_label(goal)} {short[goal.value]}" for goal in planned.goals]
    return "\n".join(lines)


def _label(step: Step) -> str:
    if isinstance(step, FusedStep):
        return "kernel"
    if isinstance(step, StoreRead):
        return step.name
    return node_label(step.node if isinstance(step, NodeStep) else step.nodes[0][1])


def _expressions(step: FusedStep, short: Mapping[ValueId, str]) -> list[str]:
    images = [short[id] for id in step.images]
    scalars = [short[id] for id in step.scalars]
    lines = [
        f"{short[id]}[i] = {_format(body, images, scalars)}"
        for id, body in zip(step.output_images, step.kernel.outputs, strict=True)
    ]
    lines += [f"{short[n.id]} = {_format(n.body, images, scalars)}" for n in step.reduced_scalars]
    return lines


def _format(body: Scalar, images: list[str], scalars: list[str]) -> str:
    """Formats an expression, fully parenthesized."""
    texts: dict[int, str] = {}
    for each in topological_order([body]):
        inside = [texts[id(argument)] for argument in each.arguments]
        match each.operation:
            case "read":
                where = "" if each.offset == HERE else f" + {each.offset}"
                text = f"{images[each.number]}[i{where}]"
            case "parameter":
                text = scalars[each.number]
            case "constant":
                text = str(each.value)
            case "position" | "extent":
                text = f"{each.operation}({'xyz'[each.axis]})"
            case "not":
                text = f"!{inside[0]}"
            case operation if operation in SIGNS:
                text = f"({inside[0]} {SIGNS[operation]} {inside[1]})"
            case operation:
                text = f"{operation}({', '.join(inside)})"
        texts[id(each)] = text
    return texts[id(body)]


def _format_schedule(planned: Schedule, reason_of: ReasonOf) -> str:
    """Formats the tasks in order: results, memory in use, and values freed."""
    short = _names(planned)
    lines = [f"{'MB live':>9} {'+ scratch':>9}   task"]
    for task in planned.tasks:
        outputs = ", ".join(short[id] for id in task.outputs)
        freed = ", ".join(short[id] for id in task.frees)
        reason = reason_of(task.step, planned.plan)
        lines.append(
            f"{task.live / 1e6:9.1f} {task.scratch / 1e6:9.1f}   {outputs} = {task.name}"
            + (f"   no kernel: {reason}" if reason else "")
            + (f"   frees {freed}" if freed else "")
        )
    lines.append(
        f"{planned.peak_bytes / 1e6:9.1f} MB at most, "
        f"of {len(planned.tasks)} tasks; the process itself takes some 200 MB besides"
    )
    return "\n".join(lines)


def _format_cost(task: Task, short: Mapping[ValueId, str], reason: str) -> str:
    """Formats the memory in use after a task, its scratch memory and the values it frees."""
    freed = ", ".join(short[id] for id in task.frees)
    text = f"{task.live / 1e6:.1f} MB live, {task.scratch / 1e6:.1f} MB scratch"
    text += f", frees {freed}" if freed else ""
    return text + (f", no kernel: {reason}" if reason else "")


def _sources(steps: Iterable[Step], source_of: SourceOf, comment: str) -> list[str]:
    """Returns the distinct kernel sources."""
    kernels = [step for step in steps if isinstance(step, FusedStep)]
    texts: dict[str, str] = {}
    for step in kernels:
        texts.setdefault(source_of(step), step.name)
    return [f"{comment} {name}\n{text.rstrip()}" for text, name in texts.items()]
