"""Programs equal their direct evaluation, however they are written, run and shared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given

import voxgpu
from tests.laws import naive
from tests.laws.typed_programs import programs
from tests.strategies import law, unparse_program
from voxgpu.compile import Compiled, Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution.events import Event, Finished
from voxgpu.language.ast import Command, Let, Print, Save
from voxgpu.plan.apply_primitive import PrimitiveApplier
from voxgpu.session import Session

VOXELS = {
    "flat": np.random.default_rng(3).integers(-2, 7, (5, 6)).astype(np.int16),
    "deep": np.random.default_rng(4).integers(-2, 7, (3, 4, 5)).astype(np.int16),
}


@pytest.fixture(scope="module", params=sorted(VOXELS))
def images(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, np.ndarray]]:
    """The image that programs load, in the current directory."""
    folder = tmp_path_factory.mktemp(request.param)
    voxels = VOXELS[request.param]
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "v.nii.gz"))
    before = Path.cwd()
    os.chdir(folder)
    yield {"v.nii.gz": voxels.astype(np.float32)}
    os.chdir(before)


def _leaves(label: str, value: Any) -> dict[str, Any]:
    """The values that a goal delivers, by the name that each part is saved under."""
    if not label.endswith(".nii.gz") or not isinstance(value, tuple):
        return {label: value}
    stem = label.removesuffix(".nii.gz")
    width = len(str(max(0, len(value) - 1)))
    found: dict[str, Any] = {}
    for number, item in enumerate(value):
        found |= _leaves(f"{stem}_{str(number).zfill(width)}.nii.gz", item)
    return found


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(_same(*pair) for pair in pairs)
    if isinstance(expected, np.ndarray):
        kind = expected.dtype.kind == "f"
        same = np.array_equal(found.array.astype(expected.dtype), expected, equal_nan=kind)
        return bool(same) and (found.array.dtype == bool) == (expected.dtype == bool)
    return bool(found == expected or (found != found and expected != expected))


def _check(commands: list[Command], images: dict[str, np.ndarray]) -> None:
    text = unparse_program(commands)
    naive.NoValue.times = 0
    with np.errstate(all="ignore"):
        expected = naive.evaluate(commands, images)
    try:
        result = voxgpu.run(text + "\n", on_error="collect")
    except voxgpu.ImgqlError as error:
        # Only undefined values may be wrong with such a program.
        assert {each.code for each in error.diagnostics if each.is_error} <= {"E107"}, text
        assert naive.NoValue.times, text
        return
    for label, value in expected.items():
        for name, leaf in _leaves(label, value).items():
            if _has_none(leaf):
                assert any(f'"{name}"' in goal for e in result.errors for goal in e.goals), text
                assert name not in result.values, f"{name}\n{text}"
                continue
            assert name in result.values, f"{name}: {result.errors}\n{text}"
            assert _same(result.values[name], leaf), f"{name}\n{result.values[name]}\n{text}"


def _has_none(value: Any) -> bool:
    try:
        naive.used(value)
    except naive.NoValue:
        return True
    return False


@pytest.mark.slow
@given(commands=programs())
@law(300)
def test_programs_mean_what_they_say(
    images: dict[str, np.ndarray], commands: list[Command]
) -> None:
    _check(commands, images)


def _compiled(text: str, session: Session | None = None) -> Compiled:
    ask = None if session is None else session.evaluate
    return compile_program(Source("program", text), None, Options(), ask=ask)


def _ids(text: str) -> list[tuple[str, str, str]]:
    session = Session(None)
    compiled = _compiled(text, session)
    return [(goal.action, goal.label, goal.value) for goal in compiled.plan.goals]


@pytest.mark.slow
@given(commands=programs())
@law(60)
def test_names_and_blanks_are_in_no_id(
    images: dict[str, np.ndarray], commands: list[Command]
) -> None:
    text = unparse_program(commands)
    renamed = text
    for command in commands:
        if isinstance(command, Let):
            renamed = _renamed(renamed, command.name)
    assert _ids(renamed) == _ids(text), text
    spaced = text.replace("\n", "\n\n// a remark\n  ")
    assert _ids(spaced) == _ids(text)


def _renamed(text: str, name: str) -> str:
    import re

    return re.sub(rf"\b{name}\b", f"renamed_{name}", text)


@pytest.mark.slow
@given(commands=programs())
@law(60)
def test_what_no_goal_needs_changes_nothing(
    images: dict[str, np.ndarray], commands: list[Command]
) -> None:
    text = unparse_program(commands)
    first = next(n for n, each in enumerate(commands) if isinstance(each, Print | Save))
    unused = "let unused = for i in range(volume(v > 2)) do avg(v, v > (i + 100))\n"
    lines = text.splitlines(keepends=True)
    assert _ids("".join([*lines[:first], unused, *lines[first:]])) == _ids(text)


@pytest.mark.slow
@given(commands=programs())
@law(40)
def test_a_second_run_of_a_session_computes_nothing(
    images: dict[str, np.ndarray], commands: list[Command]
) -> None:
    text = unparse_program(commands)
    computed: list[str] = []

    def observe(event: Event) -> None:
        if isinstance(event, Finished):
            computed.extend(id for id, _ in event.task.nodes)

    session = Session(None, observe=observe, keeping=True)
    compiled = _compiled(text, session)
    if compiled.errors:
        return
    first = session.execute(compiled)
    before = len(computed)
    again = session.execute(_compiled(text, session))
    if not first.errors:
        assert len(computed) == before, text
    assert len(set(computed)) == len(computed) or first.errors, text
    assert repr(first.prints) == repr(again.prints)


def _counted(text: str) -> tuple[dict[str, Any], list[str]]:
    names: list[str] = []

    def observe(event: Event) -> None:
        if isinstance(event, Finished):
            names.extend(node.primitive.names[0] for _, node in event.task.nodes)

    session = Session(None, observe=observe)
    result = session.execute(_compiled(text, session))
    assert not result.errors
    return dict(result.values), names


MASKS = 'load v = "v.nii.gz"\nlet masks = for t in range(0, 500) do near(v >= t)\n'


def test_the_length_of_a_sequence_computes_none_of_it(images: dict[str, np.ndarray]) -> None:
    values, names = _counted(MASKS + 'print "n" length(masks)\n')
    assert values == {"n": 500.0}
    assert not {"near", "load"} & set(names)


def test_an_item_of_a_sequence_computes_that_one(images: dict[str, np.ndarray]) -> None:
    _, names = _counted(MASKS + 'print "n" volume(masks[3])\nprint "m" volume(masks[-497])\n')
    assert names.count("near") == 1


def test_equal_work_in_items_is_done_once(images: dict[str, np.ndarray]) -> None:
    body = "volume(near(near(v > 0)) & near(v > t))"
    text = f'load v = "v.nii.gz"\nprint "n" for t in [1, 2, 1, 1] do {body}\n'
    _, names = _counted(text)
    # Twice for the region itself; once each for those of 1 and of 2.
    assert names.count("near") == 4


def test_a_loop_is_what_would_be_written_out(images: dict[str, np.ndarray]) -> None:
    loop = 'load v = "v.nii.gz"\nprint "n" for t in [1, 2] do volume(near(v > t))\n'
    written = 'load v = "v.nii.gz"\nprint "n" [volume(near(v > 1)), volume(near(v > 2))]\n'
    assert _ids(loop) == _ids(written)


def test_a_branch_is_what_it_would_be_alone(images: dict[str, np.ndarray]) -> None:
    choice = 'load v = "v.nii.gz"\nsave "b.nii.gz" if max(v) > 2 then near(v > 3) else v > 1000\n'
    alone = 'load v = "v.nii.gz"\nsave "b.nii.gz" near(v > 3)\n'
    assert _ids(choice) == _ids(alone)


@pytest.mark.slow
@given(commands=programs())
@law(60)
def test_folding_numbers_changes_no_value(
    images: dict[str, np.ndarray], commands: list[Command]
) -> None:
    """A program whose numbers are computed during lowering, and one where they are nodes."""
    text = unparse_program(commands) + "\n"
    found = _told(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrimitiveApplier, "folded", lambda *_: None)
        assert _told(text) == found, text


def _told(text: str) -> object:
    """The printed values of a program, and its mistakes with their positions."""
    try:
        result = voxgpu.run(text, on_error="collect")
    except voxgpu.ImgqlError as error:
        return [str(each) for each in error.diagnostics]
    return repr(result.prints), [str(each) for each in result.errors]
