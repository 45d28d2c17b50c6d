"""A run takes the memory that its schedule said, and the process itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.backends.buffer_pool import MOST_IDLE

resource = pytest.importorskip("resource", reason="measures with getrusage, which Windows lacks")

PROGRAMS = {
    "numbers": """
        load v = "$V"
        let a = (v * 2) + 1
        let b = (a * a) - v
        save "a.nii.gz" a
        print "s" avg(b / (a + 1), near(v > 100))
        print "d" max(mask(abs(b), lcc(v > 50) < 5))
    """,
    "regions": """
        load v = "$V"
        let m = smoothen(3, v > 60)
        save "grown.nii.gz" grow(m, v > 70)
        save "p.nii.gz" percentiles(v, m, 0.5)
        print "largest" volume(maxvol(m) & !(percentiles(v, m, 0.5) > 0.4))
    """,
    "texture": """
        load v = "$V"
        print "like" volume(crossCorrelation(2, v, v, v > 20, 0, 120, 20) > 0.5)
    """,
}

#: Runs a program and tells the most memory the process had, in kilobytes.
RUN = """
import re, resource, sys
from pathlib import Path
import voxgpu
limit = int(sys.argv[4]) if sys.argv[4:] else None
voxgpu.run(
    sys.argv[1] + chr(10), {"V": sys.argv[2]}, sys.argv[3], threads=2, memory=limit
)
try:
    # What the system counts for a process includes its parent before it became another program.
    print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _image(path: Path, shape: tuple[int, int, int]) -> Path:
    voxels = np.random.default_rng(1).integers(0, 120, shape, np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    return path


def _peak_bytes(text: str, image: Path, output: Path, *limit: int) -> int:
    command = [sys.executable, "-c", RUN, text, str(image), str(output), *map(str, limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024


def _predicted_bytes(text: str, image: Path, folder: Path) -> float:
    program = folder / "program.imgql"
    program.write_text(text)
    command = [sys.executable, "-m", "voxgpu", "show", str(program), "--stage", "schedule"]
    shown = subprocess.run(
        [*command, "-D", f"V={image}"], capture_output=True, text=True, check=True
    )
    found = re.search(r"([\d.]+) MB at most", shown.stdout)
    assert found, shown.stdout
    return float(found[1]) * 1e6


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_peak_is_what_the_schedule_says(name: str, tmp_path: Path) -> None:
    text = PROGRAMS[name]
    small = _image(tmp_path / "small.nii.gz", (20, 20, 20))
    large = _image(tmp_path / "large.nii.gz", (150, 220, 220))
    _peak_bytes(text, small, tmp_path)  # compiles what is not compiled yet
    process = _peak_bytes(text, small, tmp_path)
    peak = _peak_bytes(text, large, tmp_path)
    predicted = _predicted_bytes(text, large, tmp_path)
    # Buffers that are kept to be used again come on top.
    assert peak - process <= 1.1 * predicted + MOST_IDLE
    assert predicted <= 1.25 * (peak - process)


@pytest.mark.slow
def test_values_beyond_the_limit_wait_on_the_disk(tmp_path: Path) -> None:
    """Twenty distance maps of 8 MB, all of which are needed at the end."""
    image = _image(tmp_path / "v.nii.gz", (120, 128, 128))
    names = [f"d{number}" for number in range(20)]
    lines = ['load v = "$V"', *(f"let {n} = dt(v > {20 + 4 * k})" for k, n in enumerate(names))]
    lines += [f'print "{name}" max({name})' for name in names]
    lines.append(f'print "sum" max({" + ".join(names[::2])} + {" + ".join(names[1::2])})')
    text = "\n".join(lines)
    _peak_bytes(text, image, tmp_path)  # compiles what is not compiled yet
    limited = _peak_bytes(text, image, tmp_path, 1)
    free = _peak_bytes(text, image, tmp_path)
    assert limited < free - 60e6
