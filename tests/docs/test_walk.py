"""The walk from `voxgpu run` to the written file is the one that a run takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"

PROGRAM = """
load v = "v.nii.gz"
save "o.nii.gz" near(v > 7) & v < 40
"""

#: Runs a command and writes the functions of voxgpu that were entered, or returned to, in order.
TRACED = """
import json, sys, threading
from pathlib import Path
import voxgpu
from voxgpu.cli.main import main

package = str(Path(voxgpu.__file__).parent) + "/"
seen = []

def note(frame, event, argument):
    if event == "return":
        frame = frame.f_back
    elif event != "call":
        return
    if frame is not None and frame.f_code.co_filename.startswith(package):
        seen.append((frame.f_code.co_filename.removeprefix(package), frame.f_code.co_qualname))

threading.setprofile(note)
sys.setprofile(note)
try:
    main(sys.argv[2:])
except SystemExit as end:
    assert not end.code
finally:
    sys.setprofile(None)
    threading.setprofile(None)
Path(sys.argv[1]).write_text(json.dumps(seen))
"""


def _walk() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| (\d+) \| `([^`]+)` \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1))
    return [(file, function) for _, file, function in rows]


def test_no_file_is_visited_more_than_three_times() -> None:
    visits = Counter(file for file, _ in _walk())
    said = re.search(r"They are (\d+) files in (\d+) visits", PAGE.read_text())
    assert said is not None
    assert (int(said[1]), int(said[2])) == (len(visits), visits.total())
    assert max(visits.values()) <= 3


@pytest.mark.slow
def test_a_run_takes_this_walk(tmp_path: Path) -> None:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    (tmp_path / "p.imgql").write_text(PROGRAM)
    options = ["--device", "cpu", "--threads", "2", "--store", "none"]
    command = [sys.executable, "-c", TRACED, "seen.json", "run", "p.imgql", *options]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "o.nii.gz").exists()
    seen = [tuple(each) for each in json.loads((tmp_path / "seen.json").read_text())]
    at = 0
    for number, each in enumerate(_walk(), 1):
        assert each in seen[at:], f"{number}: {each} is not called there"
        at = seen.index(each, at) + 1
