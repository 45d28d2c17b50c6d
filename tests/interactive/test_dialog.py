"""Texts entered one after the other: what stays, what is forgotten, what is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.diagnostics import Source
from voxgpu.execution.events import Event, Finished
from voxgpu.image import Image
from voxgpu.interactive.dialog import Answer, Dialog
from voxgpu.pipeline import Options


class Entering:
    """A dialog whose work is counted."""

    def __init__(self, folder: Path) -> None:
        self.printed: list[str] = []
        self.computed: list[str] = []
        self.dialog = Dialog(
            Options(output=folder), lambda each: self.printed.append(str(each)), self._observe
        )

    def _observe(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.computed.append(event.task.node.primitive.names[0])

    def __call__(self, text: str) -> Answer:
        return self.dialog.enter(Source("input", text))


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entering:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    monkeypatch.chdir(tmp_path)
    return Entering(tmp_path)


def _found(answer: Answer) -> object:
    assert not any(each.is_error for each in answer.diagnostics), answer.diagnostics
    assert answer.result is not None
    (value,) = answer.result.found
    return value


def test_declarations_stay(enter: Entering) -> None:
    assert enter("let a = 1").accepted
    assert enter("f(x) = x + a").accepted
    assert enter("a = 10").accepted
    # A body sees what was bound when it was entered.
    assert _found(enter("f(5)")) == 6
    assert _found(enter("a")) == 10
    assert enter.dialog.names == ["a", "f", "a"]


def test_a_line_with_a_mistake_is_forgotten(enter: Entering) -> None:
    enter("let a = 1")
    answer = enter("let b = a + missing")
    assert [each.code for each in answer.diagnostics] == ["E101"]
    assert not answer.accepted
    assert [each.code for each in enter("b").diagnostics] == ["E101"]
    assert _found(enter("a")) == 1


def test_mistakes_are_located_in_the_line(enter: Entering) -> None:
    enter("let a = 1")
    (told,) = enter("let c = a + missing").diagnostics
    assert told.span is not None
    assert told.span.source.line_and_column(told.span.start) == (1, 13)


def test_nothing_is_computed_twice(enter: Entering) -> None:
    enter('load v = "v.nii.gz"')
    enter("let m = v > 20")
    assert _found(enter("volume(near(m))")) == 60
    assert enter.computed.count("near") == 1
    before = len(enter.computed)
    assert _found(enter("volume(near(m))")) == 60
    assert len(enter.computed) == before
    _found(enter("volume(near(m) & m)"))
    assert enter.computed.count("near") == 1
    assert enter.computed.count("load") == 1


def test_prints_and_saves_run_once(enter: Entering, tmp_path: Path) -> None:
    enter('load v = "v.nii.gz"')
    enter('print "max" max(v)')
    enter('save "out.nii.gz" v > 3')
    assert (tmp_path / "out.nii.gz").exists()
    (tmp_path / "out.nii.gz").unlink()
    _found(enter("1 + 1"))
    assert enter.printed == ["max=59"]
    assert not (tmp_path / "out.nii.gz").exists()


def test_expressions_of_every_type(enter: Entering) -> None:
    enter('load v = "v.nii.gz"')
    assert isinstance(_found(enter("v")), Image)
    assert _found(enter('concat("a", "b")')) == "ab"
    assert _found(enter("[1, 2][0] = 1".replace(" = ", " == "))) is True
    assert _found(enter("for i in [1, 2] do i * 2")) == (2.0, 4.0)
    assert _found(enter("let q = 3 in q + 1")) == 4
    assert _found(enter("for i in [1, 2] do v > i")) == 2.0
    assert "near" not in enter.computed
    function = enter("near")
    assert str(function.type) == "function"
    assert function.result is None


def test_values_that_decide_are_kept_too(enter: Entering) -> None:
    enter('load v = "v.nii.gz"')
    assert _found(enter("length(range(0, max(v)))")) == 59
    assert enter.computed.count("max") == 1
    assert _found(enter("for i in range(0, max(v) - 57) do i")) == (0.0, 1.0)
    assert enter.computed.count("max") == 1


def test_a_goal_that_fails_is_told(enter: Entering) -> None:
    enter('load v = "v.nii.gz"')
    answer = enter('print "mean" avg(v, v > 1000)')
    assert [each.code for each in answer.diagnostics] == ["E301"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let a = [1,", True),
        ("f(x) =", True),
        ("for i in [1] do", True),
        ("(1 + 2", True),
        ("let q = 3 in", True),
        ("a + 1", False),
        ("1 + )", False),
        ("", False),
    ],
)
def test_lines_that_lack_their_end(enter: Entering, text: str, expected: bool) -> None:
    assert enter.dialog.unfinished(text) is expected


def test_reset_forgets_everything(enter: Entering) -> None:
    enter("let a = 1")
    enter.dialog.reset()
    assert enter.dialog.names == []
    assert [each.code for each in enter("a").diagnostics] == ["E101"]


def test_imports_and_operators_stay(enter: Entering) -> None:
    assert enter('import "simpleitk"').accepted
    assert enter("let <+>(a, b) = a + b").accepted
    assert _found(enter("2 <+> 3")) == 5
    assert _found(enter('GetPixelIDValueFromString("sitkUInt8")')) == sitk.sitkUInt8
