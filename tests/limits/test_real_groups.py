"""In a real control group, a run stays within the group's memory limit and is not killed.

The groups are created below the group of the tests, which requires root or a delegated subtree.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.limits.control_groups import _groups

LIMIT = 600_000_000


def _made() -> tuple[Path, str] | None:
    """A new group with a memory limit, and the file of the limit; None if none can be created."""
    for parent in _groups("memory", Path("/")):
        folder = parent / f"voxgpu-test-{os.getpid()}"
        for name in ("memory.limit_in_bytes", "memory.max"):
            try:
                folder.mkdir(exist_ok=True)
                if not (folder / name).exists():
                    continue
                (folder / name).write_text(str(LIMIT))
                _in_group(folder, ["true"])
            except (OSError, subprocess.SubprocessError):
                continue
            else:
                return folder, name
            finally:
                if not (folder / name).exists():
                    with suppress(OSError):
                        folder.rmdir()
        with suppress(OSError):
            folder.rmdir()
    return None


def _in_group(folder: Path, command: list[str], **options: object) -> subprocess.CompletedProcess:
    joined = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(folder), *command]
    return subprocess.run(joined, capture_output=True, text=True, check=True, **options)


@pytest.fixture
def group() -> Iterator[tuple[Path, str]]:
    """A group limited to 600 MB."""
    made = _made()
    if made is None:
        pytest.skip("no control group can be made here")
    yield made
    made[0].rmdir()


def test_a_limit_of_the_own_group_is_found(group: tuple[Path, str]) -> None:
    code = (
        "from voxgpu.execution.memory_budget import MemoryBudget; "
        "print(*MemoryBudget().bound(), sep=chr(10))"
    )
    done = _in_group(group[0], [sys.executable, "-c", code])
    left, source = done.stdout.splitlines()
    assert source == str(group[0] / group[1])
    assert 0 < int(left) < LIMIT - (200 << 20)


@pytest.mark.slow
def test_a_run_that_needs_more_than_its_group_has_spills_and_finishes(
    group: tuple[Path, str], tmp_path: Path
) -> None:
    """Twenty distance maps of 27 MB, all of which are needed at the end."""
    image = sitk.GetImageFromArray(
        np.random.default_rng(1).integers(0, 120, (150, 200, 220), np.int16)
    )
    sitk.WriteImage(image, str(tmp_path / "v.nii"))
    names = [f"d{number}" for number in range(20)]
    lines = ['load v = "v.nii"', *(f"let {n} = dt(v > {20 + 4 * k})" for k, n in enumerate(names))]
    lines += [f'print "{name}" max({name})' for name in names]
    lines.append(f'print "sum" max({" + ".join(names[::2])} + {" + ".join(names[1::2])})')
    (tmp_path / "p.imgql").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "voxgpu", "run", "p.imgql"]
    limited = _in_group(group[0], command, cwd=tmp_path)
    free = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert limited.stdout == free.stdout
