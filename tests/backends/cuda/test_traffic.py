"""Memory traffic and launches of operations and of the tumor program do not exceed golden values.

``python -m tests.backends.cuda.test_traffic`` rewrites the golden values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from benchmarks.gpu.traffic import PROGRAMS, UP_TO_GROWN, Moved, moved, table, write_head
from tests.cuda_emulator.module import requires_emulation
from voxgpu.bench.operators import OPERATIONS

GOLDEN = Path(__file__).with_name("golden_traffic.json")

#: Small: tables of counts are a larger share of the bytes than for a whole volume.
SHAPE = (48, 60, 60)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def head() -> Iterator[Path]:
    requires_emulation()
    with TemporaryDirectory() as folder:
        path = Path(folder, "head.nii")
        write_head(path, SHAPE)
        yield path


@pytest.fixture(scope="module")
def found(head: Path) -> dict[str, Moved]:
    return dict(table(head))


@pytest.mark.parametrize("name", [*(each.name for each in OPERATIONS), *PROGRAMS])
def test_nothing_moves_more_than_it_did(name: str, found: dict[str, Moved]) -> None:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text())[name]
    assert found[name].launches == golden["launches"]
    assert found[name].bytes <= golden["bytes"] * 1.02


def test_fusing_and_rewriting_save_most_of_it(found: dict[str, Moved], head: Path) -> None:
    fused, unfused = found["tumor program up to growTum"], moved(UP_TO_GROWN, head, fused=False)
    assert fused.launches <= 25
    assert fused.bytes <= 0.4 * unfused.bytes


def _write() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "head.nii")
        write_head(path, SHAPE)
        golden = {
            name: {"launches": each.launches, "bytes": round(each.bytes, 3)}
            for name, each in table(path)
        }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    _write()
