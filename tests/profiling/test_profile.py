"""Profiles and traces of runs, through the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import COLD, voxgpu
from voxgpu.execution.spill import SpillFolder
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.profiling.profile import profile_of
from voxgpu.spans import CATEGORIES, Recorder, recording

PROGRAM = """load v = "v.nii.gz"
let bright = v > 50
let wide = near(near(bright))
print "bright" volume(bright)
print "mean" avg(v, wide)
save "wide.nii.gz" wide
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    voxels = np.random.default_rng(1).integers(0, 100, (40, 50, 60), np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    (tmp_path / "p.imgql").write_text(PROGRAM)
    return tmp_path


def _profile(desk: Path, *words: str) -> dict[str, Any]:
    ended = voxgpu("run", "p.imgql", "--profile", "profile.json", *words, cwd=desk)
    assert ended.status == 0, ended.err
    found: dict[str, Any] = json.loads((desk / "profile.json").read_text())
    return found


def test_shares_are_all_of_the_time(desk: Path) -> None:
    found = _profile(desk, "--store", "none")
    assert sum(found["shares"].values()) == pytest.approx(found["seconds"])
    assert all(found["shares"][each] > 0 for each in ("starting", "computing", "reading"))
    assert found["device"] == "cpu" and found["copy_bytes_per_second"] > 1e8


def test_tables_have_each_primitive_and_each_line(desk: Path) -> None:
    found = _profile(desk, "--store", "none")
    by_name = {each["name"]: each for each in found["primitive"]}
    assert {"load", ">", "volume"} <= by_name.keys()
    # The mask of `near(near(…))` is read and written as whole images of one byte a voxel.
    dilation = next(each for each in found["kernel"] if "dilat" in each["name"].lower())
    assert dilation["bytes_read"] == dilation["bytes_written"] == 40 * 50 * 60
    assert all(each["cpu_seconds"] >= 0 for each in found["primitive"])
    lines = [each["name"] for each in found["line"]]
    for number, text in enumerate(PROGRAM.splitlines(), 1):
        assert text.startswith("save") or any(
            each.endswith(f"p.imgql:{number}  {text}") for each in lines
        )
    # Each table has all tasks, whose time is shared out in different ways.
    tables = ("primitive", "kernel", "line", "devices")
    totals = [sum(each["seconds"] for each in found[name]) for name in tables]
    assert totals == pytest.approx([totals[0]] * 4)
    assert [each["name"] for each in found["devices"]] == ["cpu"]


def test_values_from_the_store_are_told_apart(desk: Path) -> None:
    words = ("--store", "s", "--keep", "all")
    first = _profile(desk, *words)
    assert first["stored_values"] > 0
    assert {source for each in first["line"] for source in each["sources"]} == {"computed", "file"}
    for table in ("primitive", "kernel", "line", "devices"):
        assert 0 < sum(each["stored"] for each in first[table]) <= first["stored_values"]
        assert sum(each["hits"] for each in first[table]) == 0
        assert sum(each["misses"] for each in first[table]) > 0
    dilated = next(each for each in first["line"] if "near(near" in each["name"])
    assert dilated["stored"] >= 1
    (desk / "wide.nii.gz").unlink()
    again = _profile(desk, *words)
    assert all(each["hits"] and not each["misses"] for each in again["devices"])
    assert not any(each["stored"] for each in again["line"])
    assert {source for each in again["line"] for source in each["sources"]} == {"store"}


def test_spilled_bytes_are_told(tmp_path: Path) -> None:
    recorder, spill = Recorder(), SpillFolder(tmp_path)
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    voxels = np.random.default_rng(1).random(grid.shape, np.float32)
    with recording(recorder):
        assert spill.put(ValueId("a" * 64), Image(voxels, grid))
    spill.close()
    assert voxels.nbytes // 2 < profile_of(recorder, 0.0, 1e9).spilled < 2 * voxels.nbytes


def test_the_profile_is_shown_without_a_file(desk: Path) -> None:
    ended = voxgpu("run", "--profile", "p.imgql", "--store", "none", cwd=desk)
    assert ended.status == 0 and ended.out.startswith("bright=")
    assert "by primitive" in ended.err and "starting" in ended.err and "GB/s" in ended.err


def test_a_trace_has_a_lane_for_each_thread(desk: Path) -> None:
    words = ("run", "p.imgql", "--trace", "t.json", "--store", "s", "--threads", "2")
    assert voxgpu(*words, cwd=desk).status == 0
    trace = json.loads((desk / "t.json").read_text())
    events = trace["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    spans = [each for each in events if each["ph"] == "X"]
    assert {each["tid"] for each in spans} == names.keys() and len(set(names.values())) > 1
    assert {each["cat"] for each in spans} <= set(CATEGORIES)
    assert {"computing", "reading", "writing"} <= {each["cat"] for each in spans}
    assert any(each["args"].get("line", "").endswith(PROGRAM.splitlines()[2]) for each in spans)
    # Complete events of a thread lie within one another or apart.
    for lane in names:
        open_until: list[float] = []
        own = [each for each in spans if each["tid"] == lane]
        for each in sorted(own, key=lambda each: (each["ts"], -each["dur"])):
            assert each["ts"] >= 0 and each["dur"] >= 0
            end = each["ts"] + each["dur"]
            while open_until and open_until[-1] <= each["ts"] + 0.002:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + 0.002
            open_until.append(end)
    counters = [each for each in events if each["ph"] == "C"]
    assert {name for each in counters for name in each["args"]} == {
        "bytes",
        "predicted bytes",
        "resident bytes",
    }


def test_a_program_with_errors_has_no_profile(desk: Path) -> None:
    (desk / "p.imgql").write_text('print "x" y\n')
    ended = voxgpu("run", "p.imgql", "--profile", "--trace", "t.json", cwd=desk)
    assert ended.status == 1 and "by primitive" not in ended.err
    assert not (desk / "t.json").exists()


def test_a_file_that_cannot_be_written_is_told(desk: Path) -> None:
    ended = voxgpu("run", "p.imgql", "--trace", "p.imgql/t.json", cwd=desk)
    assert ended.status == 1 and "p.imgql` is not a folder" in ended.err
    assert "Traceback" not in ended.err and not ended.out  # nothing was run
    assert voxgpu("run", "p.imgql", "--trace", "new/t.json", cwd=desk).status == 0
    assert (desk / "new" / "t.json").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--trace", "p.imgql"), "a trace ends in .json"),
        (("--profile=p.imgql",), "a profile ends in .json"),
        (("--trace", "one.json", "--profile", "./one.json"), "each needs a file of its own"),
    ],
    ids=["trace", "profile", "both"],
)
def test_neither_overwrites_a_program_nor_the_other(
    desk: Path, words: tuple[str, ...], told: str
) -> None:
    before = (desk / "p.imgql").read_bytes()
    ended = voxgpu("run", "p.imgql", *words, cwd=desk)
    assert ended.status == 2 and told in ended.err and not ended.out
    assert (desk / "p.imgql").read_bytes() == before and not (desk / "one.json").exists()


@pytest.mark.slow
def test_spilled_bytes_are_of_the_line_whose_value_it_was(desk: Path) -> None:
    shape = (64, 256, 256)
    grid = sitk.GetImageFromArray(np.random.default_rng(1).integers(0, 9, shape, np.int16))
    sitk.WriteImage(grid, str(desk / "v.nii.gz"))
    text = ['load v = "v.nii.gz"', *(f"let d{n} = dt(v > {n})" for n in range(6))]
    # All six distances are needed after the last one was computed.
    text += [f'print "{n}" max(d{n} - d{(n + 1) % 6})' for n in range(6)]
    (desk / "p.imgql").write_text("\n".join(text) + "\n")
    found = _profile(desk, "--store", "none", "--memory", "260M")
    assert found["spilled_bytes"] > 0
    for table in ("primitive", "kernel", "line", "devices"):
        assert sum(each["spilled_bytes"] for each in found[table]) == found["spilled_bytes"]
    lines = {each["name"].split("  ")[1] for each in found["line"] if each["spilled_bytes"]}
    assert lines and all(line.startswith(("let d", "load v")) for line in lines)


#: A primitive that takes seconds without taking the processor from other tests.
SLEEP = '''
import time
from voxgpu.primitives.define import NumberImage, whole_image

@whole_image(scratch=8)
def patient(v: NumberImage) -> NumberImage:
    """The image, after a while.

    >>> patient([1, 2])
    [1, 2]
    """
    if v.ndim == 3:
        time.sleep(5)
    return v.astype("float32")
'''


@pytest.mark.slow
def test_shares_are_the_time_of_the_whole_process(desk: Path) -> None:
    (desk / "own.py").write_text(SLEEP)
    (desk / "p.imgql").write_text('load v = "v.nii.gz"\nprint "max" max(patient(v))\n')
    words = ["run", "p.imgql", "--primitives", "own.py", "--profile", "p.json", "--store", "none"]
    parts = []
    # The end of Python, which no profile has, may take a busy computer longer once.
    for _ in range(3):
        start = perf_counter()
        subprocess.run([*COLD, *words], cwd=desk, check=True)
        wall = perf_counter() - start
        found = json.loads((desk / "p.json").read_text())
        parts.append(sum(found["shares"].values()) / wall)
        if 0.97 < parts[-1] < 1.01:
            break
    else:
        pytest.fail(f"of the wall time: {parts}")
    assert found["shares"]["computing"] > 5 and found["shares"]["profiling"] > 0


@pytest.mark.parametrize("text", ["", "let a = 1\n"])
def test_a_program_that_computes_nothing_has_no_tables(desk: Path, text: str) -> None:
    (desk / "empty.imgql").write_text(text)
    ended = voxgpu("run", "empty.imgql", "--profile", cwd=desk)
    assert ended.status == 0 and "nothing was computed" in ended.err
    assert "wall ms" not in ended.err and "in all" in ended.err
