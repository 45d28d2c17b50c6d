"""Saves whose files are one below the other, such as ``a`` and ``a/b``: never both at once."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import voxgpu
from tests.conformance.on_backend import NOWHERE
from voxgpu.execution import outputs
from voxgpu.execution.early_saves import files_of_their_own
from voxgpu.files.write import write_image
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.plan.node import Goal


def _early(*files: str) -> list[str]:
    goals = [Goal("save", ValueId(str(n)), f, NOWHERE, NOWHERE, f) for n, f in enumerate(files)]
    return sorted(goal.file for found in files_of_their_own(goals).values() for goal in found)


@pytest.mark.parametrize("turn", [1, -1])
def test_files_above_and_below_others_wait_for_their_turn(turn: int) -> None:
    assert _early(*("/o/a", "/o/b", "/o/a/c", "/o/a.nii")[::turn]) == ["/o/a.nii", "/o/b"]
    assert _early(*("/o/a", "/o/a/x/y/z", "/o/ab/x")[::turn]) == ["/o/ab/x"]
    assert _early(*("/o/a", "/o/a/b", "/o/a/b/c")[::turn]) == []
    assert _early(*("/o/a", "/o/a", "/o/b")[::turn]) == ["/o/b"]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_a_file_and_one_below_it_the_earlier_one_stays(
    turn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes to write: no other begins before."""
    write_image(tmp_path / "v.nii", Image(np.ones((2, 3, 4), np.uint8), Grid.regular((2, 3, 4))))
    write, begun, together = outputs.write_image, [0], threading.Event()
    names = ["d.nii", "d.nii/e.nii"][::turn]

    def slow(path: Path, found: voxgpu.Image, labels: bool) -> object:
        begun[0] += 1
        if begun[0] > 1:
            together.set()
        else:
            assert not together.wait(0.3)
        try:
            return write(path, found, labels)
        finally:
            begun[0] -= 1

    monkeypatch.setattr(outputs, "write_image", slow)
    lines = [f'save "{name}" v + {n}' for n, name in enumerate(names)]
    text = "\n".join([f'load v = "{tmp_path / "v.nii"}"', *lines])
    result = voxgpu.run(text, output=tmp_path / "out", threads=3, on_error="collect")
    assert not together.is_set()
    assert [each.label for each in result.saved] == names[:1]
    assert [each.goals for each in result.errors] == [(f'save "{names[1]}"',)]
