"""Which saves may be written ahead of their turn."""

from __future__ import annotations

import pytest

from tests.conformance.on_backend import NOWHERE
from voxgpu.execution.early_saves import files_of_their_own, is_within
from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal


def _early(*files: str) -> set[str]:
    goals = [Goal("save", ValueId(each), each, NOWHERE, NOWHERE, each) for each in files]
    return {each.target for found in files_of_their_own(goals).values() for each in found}


@pytest.mark.parametrize(
    ("files", "early"),
    [
        (["/a.nii", "/b.nii"], {"/a.nii", "/b.nii"}),
        (["/a.nii", "/b.nii", "/a.nii"], {"/b.nii"}),
        # One of them must be a folder, and which one it is depends on the order.
        (["/a", "/a/b", "/c"], {"/c"}),
        (["/a/b/c", "/a", "/c"], {"/c"}),
        (["/a", "/ab", "/ab.nii"], {"/a", "/ab", "/ab.nii"}),
    ],
)
def test_files_that_no_other_save_touches_are_written_early(
    files: list[str], early: set[str]
) -> None:
    assert _early(*files) == early


def test_what_lies_within_what() -> None:
    assert is_within("/a", "/a")
    assert is_within("/a/b", "/a")
    assert is_within("/a/b/c", "/a")
    assert not is_within("/ab", "/a")
    assert not is_within("/a", "/a/b")
