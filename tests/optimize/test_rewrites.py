"""Each rewrite rule produces the expected graph, and does not apply where it must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.optimize.fuse import fuse
from voxgpu.optimize.simplify import FEWEST_THRESHOLDS, simplify
from voxgpu.optimize.step import BatchedStep, FusedStep
from voxgpu.plan.node import Plan
from voxgpu.plan.show import node_label
from voxgpu.primitives.source import CONSTANT


@pytest.fixture
def plan_of(tmp_path: Path) -> object:
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    path = tmp_path / "v.nii.gz"
    sitk.WriteImage(image, str(path))

    def compiled(text: str) -> Plan:
        source = Source("program", f'load v = "{path}"\nlet m = v > 3\n{text}')
        found = compile_program(source, None, Options(output=tmp_path))
        assert not found.errors, found.errors
        return found.plan

    return compiled


def _expressions(plan: Plan) -> list[str]:
    """Returns the goals as expressions."""
    texts: dict[str, str] = {}
    for id, node in plan.nodes.items():
        inside = ", ".join(texts[each] for each in node.inputs)
        label = node_label(node)
        if label.startswith("load"):
            label = "v"
        plain = node.primitive is CONSTANT or not node.inputs
        texts[id] = label if plain else f"{label}({inside})"
    return [texts[goal.value] for goal in plan.goals]


M = ">(v, 3.0)"

CASES = {
    "at most": ("save {s} pdt(m) <=. 2", f"distance_compare[pdt, less_equal, region]({M}, 2.0)"),
    "at least": ("save {s} 2 .<= dt(m)", f"distance_compare[dt, greater_equal, region]({M}, 2.0)"),
    "near in mm": (
        "save {s} dilate(m, 2)",
        f"distance_compare[pdt, less_equal, region]({M}, 2.0)",
    ),
    "computed radius": (
        "save {s} dt(m) < max(v)",
        f"distance_compare[dt, less, region]({M}, max(v))",
    ),
    "far from what is not": (
        "save {s} pdt(!m) >=. 2",
        f"distance_compare[pdt, greater_equal, complement]({M}, 2.0)",
    ),
    "touch": ("save {s} through(near(m), v > 1)", f"components_touching({M}, >(v, 1.0))"),
    "seeds": ("save {s} through(m, v > 1)", f"through({M}, >(v, 1.0))"),
    "percentile": (
        "save {s} percentiles(v, m, 0.5) >. 0.9",
        f"percentile_compare[greater](v, {M}, 0.5, 0.9)",
    ),
    "stored numbers": ("save {s} intensity(v) < 5", "<(v, 5.0)"),
    "stored twice": ("save {s} intensity(intensity(v)) < 5", "<(v, 5.0)"),
    "box": ("save {s} near(near(near(m)))", f"box_dilate[3.0]({M})"),
    "inner box": ("save {s} interior(interior(m))", f"box_erode[2.0]({M})"),
    "mixed boxes": ("save {s} interior(near(m))", f"interior(near({M}))"),
    "clamped": ("save {s} mask(dt(m), dt(m) > 0)", f"pdt({M})"),
    "clamped, converse": ("save {s} mask(dt(m), 0 .< dt(m))", f"pdt({M})"),
    "clamped by the region": ("save {s} mask(dt(m), !m)", f"pdt({M})"),
    "clamped and compared": (
        "save {s} 2 .>= mask(dt(m), dt(m) >. 0)",
        f"distance_compare[pdt, less_equal, region]({M}, 2.0)",
    ),
    "clamped distance from outside": (
        "save {s} 2 .<= mask(dt(!m), dt(!m) >. 0)",
        f"distance_compare[pdt, greater_equal, complement]({M}, 2.0)",
    ),
    # -0 on the contour stays -0, which pdt has not.
    "not clamped": ("save {s} mask(dt(m), dt(m) >= 0)", f"mask(dt({M}), >=(dt({M}), 0.0))"),
    "clamped elsewhere": ("save {s} mask(dt(m), dt(m) > 1)", f"mask(dt({M}), >(dt({M}), 1.0))"),
    "clamped by another": (
        "save {s} mask(dt(m), dt(!m) > 0)",
        f"mask(dt({M}), distance_compare[dt, greater, complement]({M}, 0.0))",
    ),
    "another region": ("save {s} mask(dt(m), !(v > 1))", f"mask(dt({M}), not(>(v, 1.0)))"),
    "two distances": ("save {s} pdt(m) < pdt(!m)", f"<(pdt({M}), pdt(not({M})))"),
    "the distance itself": ("save {s} pdt(m)", f"pdt({M})"),
    "the image itself": ("save {s} intensity(v)", "intensity(v)"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_goal(name: str, plan_of: object) -> None:
    text, expected = CASES[name]
    plan = plan_of(text.format(s='"a.nii.gz"'))  # type: ignore[operator]
    simplified = simplify(plan)
    assert _expressions(simplified) == [expected]
    assert [goal.value for goal in simplified.goals] == [goal.value for goal in plan.goals]


def test_a_value_needed_elsewhere_is_not_computed_twice(plan_of: object) -> None:
    plan = plan_of(  # type: ignore[operator]
        'let d = pdt(m)\nlet p = percentiles(v, m, 0)\nlet n = near(m)\nsave "d.nii.gz" d\n'
        'save "p.nii.gz" p\nsave "n.nii.gz" n\nsave "a.nii.gz" d < 2\nsave "b.nii.gz" p > 0.5\n'
        'save "c.nii.gz" near(n)'
    )
    assert _expressions(simplify(plan)) == _expressions(plan)


def test_a_signed_distance_needed_elsewhere_is_masked(plan_of: object) -> None:
    for text in (
        'let d = dt(m)\nsave "d.nii.gz" d\nsave "a.nii.gz" mask(d, d > 0)',
        'let d = dt(m)\nsave "d.nii.gz" d + 1\nsave "a.nii.gz" mask(d, d > 0)',
        # Two spellings are two values: the signed distance is computed once for both.
        'let d = dt(m)\nsave "d.nii.gz" mask(d, d > 0)\nsave "a.nii.gz" mask(d, 0 .< d)',
    ):
        plan = plan_of(text)  # type: ignore[operator]
        assert _expressions(simplify(plan)) == _expressions(plan)
    plan = plan_of(  # type: ignore[operator]
        'let d = dt(m)\nsave "b.nii.gz" d > 0\nsave "c.nii.gz" d < 2\n'
        'save "a.nii.gz" mask(d, d > 0)'
    )
    assert _expressions(simplify(plan)) == [
        f"distance_compare[dt, greater, region]({M}, 0.0)",
        f"distance_compare[dt, less, region]({M}, 2.0)",
        f"pdt({M})",
    ]


def test_seeds_needed_elsewhere_are_not_computed_twice(plan_of: object) -> None:
    plan = plan_of(  # type: ignore[operator]
        'let n = near(m)\nsave "n.nii.gz" n\nsave "t.nii.gz" through(n, v > 1)'
    )
    assert _expressions(simplify(plan)) == _expressions(plan)


@pytest.mark.parametrize(
    "text",
    [
        'let n = near(m)\nsave "t.nii.gz" through(n, v > 1)\nprint "n" volume(n)',
        'let d = pdt(m)\nsave "a.nii.gz" d < 2\nprint "d" max(d)',
        'let p = percentiles(v, m, 0)\nsave "a.nii.gz" p > 0.5\nprint "p" max(p)',
        'let n = near(m)\nsave "a.nii.gz" near(n)\nprint "n" volume(n)',
    ],
)
def test_a_value_that_another_uses_is_not_computed_twice(text: str, plan_of: object) -> None:
    """Besides those that are goals: rules would compute it once more, in another form."""
    plan = plan_of(text)  # type: ignore[operator]
    assert _expressions(simplify(plan)) == _expressions(plan)


def test_masks_that_are_saved_are_counted_as_they_are(plan_of: object) -> None:
    lines = [
        f'let m{n} = v > {n}\nsave "{n}.nii.gz" m{n}\nprint "{n}" volume(m{n})'
        for n in range(FEWEST_THRESHOLDS)
    ]
    plan = plan_of("\n".join(lines))  # type: ignore[operator]
    assert _expressions(simplify(plan)) == _expressions(plan)


def test_an_available_value_is_used(plan_of: object) -> None:
    plan = plan_of('print "n" volume(pdt(m) < 2)')  # type: ignore[operator]
    distance = next(id for id, node in plan.nodes.items() if node.primitive.names[0] == "pdt")
    assert _expressions(simplify(plan, {distance})) == _expressions(plan)


def test_many_thresholds_are_one_pass(plan_of: object) -> None:
    lines = [f'print "{t}" volume(v {"<>"[t % 2]} {t})' for t in range(FEWEST_THRESHOLDS)]
    plan = simplify(plan_of("\n".join(lines)))  # type: ignore[operator]
    names = ["less", "greater"]
    assert _expressions(plan) == [
        f"threshold_count[{names[t % 2]}](v, {float(t)})" for t in range(FEWEST_THRESHOLDS)
    ]
    (batch,) = [step for step in fuse(plan) if isinstance(step, BatchedStep)]
    assert len(batch.nodes) == FEWEST_THRESHOLDS


def test_few_thresholds_are_one_kernel(plan_of: object) -> None:
    lines = [f'print "{t}" volume(v > {t})' for t in range(5)]
    plan = simplify(plan_of("\n".join(lines)))  # type: ignore[operator]
    (kernel,) = [step for step in fuse(plan) if isinstance(step, FusedStep)]
    assert len(kernel.reduced_scalars) == 5 and not kernel.output_images


def test_a_chain_is_one_kernel_that_writes_only_its_end(plan_of: object) -> None:
    plan = plan_of('save "a.nii.gz" abs((v - 3) * 2 / (v + 1)) > 1 & !m')  # type: ignore[operator]
    (kernel,) = [step for step in fuse(simplify(plan)) if isinstance(step, FusedStep)]
    assert len(kernel.images) == 1 and kernel.kernel.inputs == ("int16",)
    assert len(kernel.output_images) == 1


def test_a_mean_is_reduced_in_the_pass_that_computes_its_mask(plan_of: object) -> None:
    plan = plan_of('print "mean" avg(v * 2, v > 5)\nprint "n" volume(v > 5)')  # type: ignore[operator]
    (kernel,) = [step for step in fuse(simplify(plan)) if isinstance(step, FusedStep)]
    assert not kernel.output_images and len(kernel.reduced_scalars) == 2


def test_an_inlined_body_keeps_the_boundary_value(tmp_path: Path) -> None:
    """Outside the image the boundary value of the neighborhood applies, not the producer's body."""
    from tests.conformance.on_backend import NOWHERE, execute, prepared_with, type_of
    from tests.laws.random_plans import steepness
    from voxgpu.backends.cpu.backend import Cpu
    from voxgpu.ids import ValueId
    from voxgpu.image import Grid, Image
    from voxgpu.plan.node import Goal, Node
    from voxgpu.primitives.arithmetic import absolute
    from voxgpu.types import NUMBER_IMAGE, ImageOf

    grid = Grid.regular((2, 3))
    v = Image(np.array([[1, -2, 3], [-4, 5, -6]], np.int16), grid)
    (magnitude,), (slope,) = absolute.overloads, steepness.overloads
    inner = Node(magnitude, (ValueId("v"),))
    outer = Node(slope, (inner.id,))
    kind = ImageOf(NUMBER_IMAGE.content, "float32", 1, grid)
    plan = Plan(
        {ValueId("v"): Node(CONSTANT, (), ("v",)), inner.id: inner, outer.id: outer},
        {ValueId("v"): type_of(v), inner.id: kind, outer.id: kind},
        (Goal("find", outer.id, "slope", NOWHERE, NOWHERE),),
    )
    backend = Cpu(1)
    (task,) = prepared_with(plan, {ValueId("v"): v}, backend).tasks
    assert isinstance(task.step, FusedStep) and task.step.images == (ValueId("v"),)
    found = execute(plan, {ValueId("v"): v}, backend)["slope"].array
    backend.close()
    padded = np.full((4, 5), -7.5, np.float32)
    padded[1:3, 1:4] = np.abs(v.array)
    expected = (padded[1:3, 2:] - padded[1:3, :-2]) + (padded[2:, 1:4] - padded[:-2, 1:4])
    assert np.array_equal(found, expected)


def test_computed_thresholds_of_one_stage_are_one_batch(plan_of: object) -> None:
    lines = [f'print "{n}" volume(v > max(v) / {n + 1})' for n in range(FEWEST_THRESHOLDS)]
    lines.append('print "last" volume(v > volume(v > max(v) / 2))')
    plan = simplify(plan_of("\n".join(lines)))  # type: ignore[operator]
    sizes = [len(step.nodes) for step in fuse(plan) if isinstance(step, BatchedStep)]
    assert sizes == [FEWEST_THRESHOLDS]
    assert len([each for each in _expressions(plan) if each.startswith("volume(")]) == 1


def test_thresholds_that_depend_on_each_other_are_no_histograms(plan_of: object) -> None:
    lines = [f"let n{n} = volume(v > n{n - 1} / 9)" for n in range(1, FEWEST_THRESHOLDS + 5)]
    text = "\n".join(["let n0 = max(v)", *lines, f'print "n" n{FEWEST_THRESHOLDS + 4}'])
    plan = simplify(plan_of(text))  # type: ignore[operator]
    assert not any(isinstance(step, BatchedStep) for step in fuse(plan))
