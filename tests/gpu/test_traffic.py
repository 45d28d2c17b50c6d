"""What the tumor program moves on a GPU: launches and bytes, fused and node by node."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gpu.traffic import UP_TO_GROWN, WHOLE, moved, write_head
from tests.emulation.module import requires_emulation

SHAPE = (60, 90, 90)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_head(SHAPE)


def test_fusing_and_rewriting_save_most_of_it() -> None:
    fused, unfused = moved(UP_TO_GROWN, SHAPE), moved(UP_TO_GROWN, SHAPE, fused=False)
    assert fused.launches <= 25
    assert fused.bytes <= 0.4 * unfused.bytes
    assert fused.bytes <= 49.0, "bytes a voxel; tables of counts make up some of them here"


def test_the_whole_program() -> None:
    whole = moved(WHOLE, SHAPE)
    assert whole.launches <= 45 and whole.bytes <= 110.0
