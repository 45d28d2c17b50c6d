"""The schedules that strategies are compared on, with fusion and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from voxgpu.backends.base import Backend
from voxgpu.cohorts.combined import combined
from voxgpu.cohorts.sweep import combinations, parse_sweep
from voxgpu.compile import Compiled, Options, compile_program
from voxgpu.diagnostics import ImgqlError, Source
from voxgpu.optimize.fuse import fuse
from voxgpu.optimize.passes import prepare
from voxgpu.optimize.schedule import Schedule, schedule
from voxgpu.optimize.simplify import simplify
from voxgpu.optimize.step import Step
from voxgpu.plan.node import Goal, Plan

#: The sweep of the issue: 7 × 11 thresholds.
SWEEP = ("HI=0.90:0.96:0.01", "VI=0.80:0.90:0.01")

#: The variables of the tumor program.
PARAMETERS = {"HI": "0.93", "VI": "0.89", "BINS": "20", "SIM": "0.6"}


def compiled(
    text: str, define: Mapping[str, str] | None = None, output: Path | None = None
) -> Compiled:
    """Compiles a program. Raises ImgqlError if it has errors."""
    options = Options(define=define or {}, output=output)
    found = compile_program(Source("program", text), None, options)
    if found.errors:
        raise ImgqlError(found.errors)
    return found


def prepared(plan: Plan, backend: Backend, fused: bool = True) -> Schedule:
    """Returns the schedule of a plan.

    fused  False: every node is a task of its own, voxelwise ones with a generated kernel each; the
           rewrite rules apply either way
    """
    if fused:
        return prepare(plan, backend)
    simplified = simplify(plan)
    steps: list[Step] = []
    for id, node in simplified.nodes.items():
        span = simplified.goals[0].span
        # As in a pruned plan, what is there already needs nothing.
        given = {each: replace(simplified.nodes[each], inputs=()) for each in node.inputs}
        single = Plan(
            {**given, id: node},
            {each: simplified.types[each] for each in (*given, id)},
            (Goal("find", id, "", span, span),),
        )
        steps += fuse(single, node.inputs)
    return schedule(simplified, (), steps, backend.scratch_bytes)


def sweep(text: str, define: Mapping[str, str], sweeps: tuple[str, ...] = SWEEP) -> Compiled:
    """The programs of all combinations as one, whose goals must be prints."""
    found = [
        compiled(text, {**define, **dict(each)})
        for each in combinations([parse_sweep(each) for each in sweeps])
    ]
    return combined(found, [{} for _ in found])


def numbers(shape: str, length: int, image: Path) -> str:
    """A program of about ``length`` nodes that add two numbers: no work, only coordination.

    The first number is the volume of an image, since what the text alone determines is computed
    while lowering.

    shape  ``chain``, ``wide`` (a fan that is printed one by one), or ``diamonds`` (a chain of nodes
           that are split in two and joined)
    """
    half = max(2, length // 2)
    lines = [f'load v = "{image}"', "let x0 = volume(v > 0)"]
    if shape == "chain":
        lines += [f"let x{i} = x{i - 1} + {i}" for i in range(1, half)]
        lines.append(f'print "last" x{half - 1}')
    elif shape == "wide":
        lines += [f'print "{i}" x0 + {i}' for i in range(1, half)]
    else:
        last = max(2, length // 4)
        for i in range(1, last):
            lines.append(f"let a{i} = x{i - 1} + {i}")
            lines.append(f"let b{i} = x{i - 1} - {i}")
            lines.append(f"let x{i} = a{i} + b{i}")
        lines.append(f'print "last" x{last - 1}')
    return "\n".join(lines) + "\n"
