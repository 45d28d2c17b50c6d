"""Copies in both directions overlap with kernels, and every image is correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.cuda.programs import assert_same, compiled, run, write_image
from tests.hardware.conftest import Hardware
from voxgpu.backends.select import BackendSelector
from voxgpu.session import Session

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("desk")]

FILES = 24


@pytest.fixture
def text(hardware: Hardware, desk: Path) -> str:
    """A program that reads, computes and saves at once: images that differ, some used late."""
    lines = []
    for n in range(FILES):
        write_image(Path(f"v{n}.nii"), hardware.shape, seed=n)
        lines += [f'load v{n} = "v{n}.nii"', f"let m{n} = near(v{n} > {40 + n})"]
    for n in range(FILES):
        other = (7 * n + 5) % FILES
        lines.append(f'save "d{n}.nii" (v{n} - v{other}) * 2')
        lines.append(f'print "{n}" volume(through(m{n}, m{other}))')
    return "\n".join(lines)


def test_many_files_at_once(text: str) -> None:
    expected = run(text, "cpu")
    assert len(expected.saved) == len(expected.prints) == FILES
    for _ in range(3):
        assert_same(run(text, "cuda:0"), expected)


def test_memory_that_is_used_again_at_once(text: str, hardware: Hardware) -> None:
    """Room for few of the images: copies arrive shortly after kernels have finished reading."""
    voxels = hardware.shape[0] * hardware.shape[1] * hardware.shape[2]
    expected = run(text, "cpu")
    for images in (6, 9):
        assert_same(run(text, "cuda:0", memory=images * 4 * voxels), expected)


def test_many_threads_read_and_write(text: str, desk: Path) -> None:
    expected = run(text, "cpu")
    with Session(desk / "out", backend=BackendSelector("cuda:0", 8)) as session:
        found = session.execute(compiled(text, session))
    assert_same(found, expected)
    assert len(list((desk / "out").glob("d*.nii"))) == FILES


def test_several_gpus(text: str, hardware: Hardware) -> None:
    if hardware.gpus < 2:
        pytest.skip("there is one GPU only")
    assert_same(run(text, "cuda:1,cuda:0"), run(text, "cpu"))
