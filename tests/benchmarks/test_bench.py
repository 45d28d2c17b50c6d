"""``voxgpu bench``: equal results first, then times; nothing of the user's is touched."""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import SimpleITK as sitk

from tests.backends.cuda.emulated_cli import environment_of_workers
from tests.cli.command import Ended, in_terminal, voxgpu
from tests.cuda_emulator.module import requires_emulation
from voxgpu import __version__
from voxgpu.bench.comparison import assert_equal
from voxgpu.bench.results import Delivered
from voxgpu.bench.worker import Checked
from voxgpu.diagnostics import Diagnostic, ImgqlError, Source, Span

PROGRAM = """load v = "v.nii.gz"
let wide = near(v > 90)
print "volume" volume(wide)
print "grown" volume(near(wide))
save "v.nii.gz" v * 2
save "{other}/wide.nii.gz" wide
"""

#: A primitive whose value differs between processes.
RANDOM = '''
import os
import numpy as np
from voxgpu.primitives.define import NumberImage, whole_image

@whole_image(scratch=8)
def noisy(v: NumberImage) -> NumberImage:
    """The image, with one voxel that depends on the process.

    >>> noisy([1, 2])
    [1, 2]
    """
    found = v.astype(np.float32)
    if v.ndim == 3:
        found[1, 2, 3] = os.getpid()
    return found
'''


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small image and a program, and an empty one for temporary files."""
    folder = tmp_path / "desk"
    folder.mkdir()
    voxels = np.random.default_rng(1).integers(0, 100, (12, 14, 16), np.int16)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([1.0, 1.0, 2.0])
    sitk.WriteImage(image, str(folder / "v.nii.gz"))
    (folder / "p.imgql").write_text(PROGRAM.format(other=tmp_path / "other"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return folder


def _left(desk: Path) -> list[str]:
    return [each.name for each in (desk.parent / "temporary").iterdir()]


def _bench(desk: Path, *words: object) -> Ended:
    before = {each: each.read_bytes() for each in desk.iterdir()}
    ended = voxgpu("bench", *words, cwd=desk)
    assert {each: each.read_bytes() for each in before} == before
    assert not _left(desk) and not (desk.parent / "other").exists()
    return ended


def _json(desk: Path) -> Any:
    return json.loads((desk / "found.json").read_text())


def test_a_program_is_timed_on_all_devices_that_are_there(desk: Path) -> None:
    words = ("--device", "cpu,cuda:7,reference", "--mode", "warm,warm-store", "--repeat", 2)
    ended = _bench(desk, "p.imgql", *words, "--json", "found.json", "--threads", "1")
    assert ended.status == 0, ended.err
    assert "cuda:7, 1 thread is left out: cuda:7 cannot be used" in ended.err
    assert ended.lines[0].startswith("4 results are the same on cpu, 1 thread, reference")
    found = _json(desk)
    assert [each["name"] for each in found["columns"]] == ["cpu, 1 thread", "reference"]
    assert "cuda:7, 1 thread" in found["absent"] and found["machine"]["versions"]["numpy"]
    assert found["machine"]["voxgpu"] == __version__ and "commit" not in found["machine"]
    assert found["timings"].keys() == found["modes"].keys() == {"warm", "warm-store"}
    for mode, rows in found["timings"].items():
        for name, row in rows.items():
            assert 0 < row["shortest"] <= row["wall"] <= row["longest"]
            assert row["speed_up"] == rows["cpu, 1 thread"]["wall"] / row["wall"]
            assert row["peak"] > 20e6 or sys.platform != "linux"
            assert f"{row['wall']:.3f}" in "".join(
                line for line in ended.lines if line.startswith(f"{mode} ") and name in line
            )
    # The image is read, compared, dilated and doubled: at least twice its bytes on each device.
    assert min(found["bytes_of_steps"].values()) > 2 * 12 * 14 * 16
    assert found["timings"]["warm-store"]["cpu, 1 thread"]["bytes_per_second"] is None


@pytest.mark.slow
def test_a_cold_run_has_nothing_that_a_warm_one_has(desk: Path) -> None:
    (desk / "p.imgql").write_text('load v = "v.nii.gz"\nprint "n" volume(v > 1)\n')
    words = ("--device", "cpu", "--threads", 1, "--repeat", 1, "--plot", "found.png")
    pytest.importorskip("matplotlib")
    ended = _bench(desk, "p.imgql", *words, "--json", "found.json", "-q")
    assert ended.status == 0, ended.err
    for rows in zip(*(each.values() for each in _json(desk)["timings"].values()), strict=True):
        cold, cold_store, warm, warm_store = rows
        # Starting Python and compiling kernels take much longer than this small program.
        assert min(cold["wall"], cold_store["wall"]) > 3 * max(warm["wall"], warm_store["wall"])
        assert cold["peak"] > 20e6
    assert sitk.ReadImage(str(desk / "found.png")).GetWidth() > 100


def test_a_difference_is_told_with_its_voxel_and_nothing_is_timed(desk: Path) -> None:
    (desk / "noisy.py").write_text(RANDOM)
    (desk / "p.imgql").write_text(
        'load v = "v.nii.gz"\nprint "n" volume(v > 1)\nsave "n.nii" noisy(v)\n'
    )
    ended = _bench(desk, "p.imgql", "--primitives", "noisy.py", "--json", "found.json")
    assert ended.status == 1 and not ended.out and not (desk / "found.json").exists()
    assert "error[E306]: `n.nii` on reference is " in ended.err
    assert "at voxel (3, 2, 1), and " in ended.err and ended.err.count(" on cpu") == 1
    assert "p.imgql:3" in ended.err


def test_a_program_with_errors_is_not_measured(desk: Path) -> None:
    (desk / "found.json").write_text("before")
    (desk / "p.imgql").write_text('print "x" nothing\n')
    ended = _bench(desk, "p.imgql", "--device", "cpu", "--json", "found.json")
    assert ended.status == 1 and "p.imgql:1" in ended.err and "`nothing`" in ended.err
    assert (desk / "found.json").read_text() == "before"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("p.imgql", "--device", "gpu7"), "there is no device 'gpu7'"),
        (("p.imgql", "--device", ","), "--device names no device"),
        (("p.imgql", "--threads", "1,x"), "'x' is no number of threads"),
        (("p.imgql", "--threads", "0"), "'0' is no number of threads"),
        (("p.imgql", "--mode", "hot"), "there is no --mode hot; there are cold"),
        (("p.imgql", "--against", "itk"), "there is no peer 'itk'"),
        (("p.imgql", "--only", "near"), "--only needs --operators"),
        (("p.imgql", "--operators"), "--operators takes no PROGRAM"),
        (("--operators", "--only", "xyz"), "no operator has xyz in its name; there are comparison"),
        (("--operators", "--threads", "1,2"), "takes one number of --threads"),
        ((), "name a PROGRAM"),
        (("none.imgql",), "none.imgql"),
        (("p.imgql", "--json", "p.imgql/found.json"), "p.imgql"),
        (("p.imgql", "--plot", "p.imgql/found.png"), "p.imgql"),
    ],
)
def test_wrong_usage_is_told(desk: Path, words: tuple[str, ...], text: str) -> None:
    ended = _bench(desk, *words)
    assert ended.status in (1, 2) and text in ended.err and not ended.out


@pytest.mark.slow
def test_an_interrupted_comparison_leaves_nothing(desk: Path) -> None:
    command = [sys.executable, "-m", "voxgpu", "bench", "p.imgql", "--repeat", "500"]
    process = subprocess.Popen(
        [*command, "--json", "found.json"], cwd=desk, stderr=subprocess.PIPE, text=True
    )
    started = psutil.Process(process.pid)
    while not started.children(recursive=True):
        time.sleep(0.05)
    children = started.children(recursive=True)
    time.sleep(1)
    children += started.children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 128 + signal.SIGINT and "interrupted" in told
    assert "Traceback" not in told
    psutil.wait_procs(children, timeout=30)
    assert not [each for each in children if each.is_running() and each.status() != "zombie"]
    assert not _left(desk) and not (desk / "found.json").exists()
    assert not [each for each in desk.iterdir() if each.name.startswith(".")]


def test_goals_of_one_operator_are_timed_beside_peers(desk: Path) -> None:
    text = """load v = "v.nii.gz"
let m = v > 90
save "near.nii" near(m)
save "distance.nii" pdt(m)
print "v" volume(m)
print "mean" avg(v, m)
"""
    (desk / "p.imgql").write_text(text)
    words = ("--against", "SimpleITK,scipy,numpy", "--repeat", 1, "--json", "found.json")
    ended = _bench(desk, "p.imgql", *words)
    assert ended.status == 0, ended.err
    assert "`mean` ends with `avg`, which none of these libraries has" in ended.err
    rows = {each["operation"]: each for each in _json(desk)["operators"]}
    assert rows.keys() == {"near (near.nii)", "pdt (distance.nii)", "volume (v)"}
    assert {"voxgpu", "scipy", "SimpleITK"} <= rows["near (near.nii)"]["timings"].keys()
    # With spacings of 1, 1 and 2 mm: the peers are told of them.
    assert "scipy" in rows["pdt (distance.nii)"]["timings"]
    assert not any(each["differ"] for each in rows.values())
    (desk / "p.imgql").write_text('load v = "v.nii.gz"\nprint "mean" avg(v, v > 1)\n')
    ended = _bench(desk, "p.imgql", "--against", "scipy")
    assert ended.status == 1 and "no goal of `p.imgql` ends with an operator" in ended.err


def test_operators_are_timed_on_an_image(desk: Path) -> None:
    words = ("--operators", "--only", "near,volume", "--image", "v.nii.gz", "--repeat", 1)
    ended = _bench(desk, *words, "--against", "scipy,numpy", "--json", "found.json")
    assert ended.status == 0, ended.err
    rows = {each["operation"]: each["timings"].keys() for each in _json(desk)["operators"]}
    assert rows == {
        "volume": {"voxgpu", "numpy", "copy", "reference"},
        "near": {"voxgpu", "scipy", "scipy binary", "copy", "reference"},
        "near near near": {"voxgpu", "scipy", "copy", "reference"},
    }
    assert "near near near" in ended.out and "voxgpu" in ended.out


def test_a_terminal_shows_a_table(desk: Path) -> None:
    words = ("--operators", "--only", "volume", "--image", "v.nii.gz", "--repeat", 1)
    status, _, shown = in_terminal("bench", *words, "--against", "numpy", cwd=desk, stdout=True)
    assert status == 0, shown
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "┃ operation ┃" in plain and "│ volume    │" in plain


def test_a_missing_library_is_told_with_the_command(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from voxgpu.bench import peers
    from voxgpu.cli.bench import command

    monkeypatch.chdir(desk)
    monkeypatch.setattr(peers, "available", lambda name: name != "cc3d")
    ended = CliRunner().invoke(command, ["p.imgql", "--against", "cc3d"])
    assert ended.exit_code == 1
    assert (
        "connected-components-3d, which is not installed: pip install 'voxgpu[bench]'"
        in ended.output
    )


@pytest.mark.slow
def test_a_gpu_is_a_column(desk: Path) -> None:
    """On the emulated GPU, in processes that find it as well."""
    requires_emulation()
    text = 'load v = "v.nii.gz"\nprint "n" volume(v > 1)\nsave "m.nii" v > 9\n'
    (desk / "p.imgql").write_text(text)
    words = ["bench", "p.imgql", "--device", "cpu,cuda:0", "--mode", "warm", "--repeat", "1"]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.backends.cuda.emulated_cli", *words, "--json", "found.json"],
        cwd=desk, env=environment_of_workers(1, desk.parent), capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("2 results are the same on cpu, cuda:0")
    assert _json(desk)["timings"]["warm"].keys() == {"cpu", "cuda:0"}


def test_a_difference_names_the_step_that_differs_from_the_reference(tmp_path: Path) -> None:
    source = Source("p.imgql", 'print "n" 1\nprint "m" 2\n')
    spans = [Span(source, 6, 9), Span(source, 18, 21)]

    class Worker:
        """A process whose device computes something else than the reference in one step."""

        def __init__(self, wrong: tuple[Diagnostic, ...] = ()) -> None:
            self.wrong = wrong

        def ask(self, name: str) -> tuple[Diagnostic, ...]:
            assert name == "validate"
            return self.wrong

    def found(*values: float) -> Checked:
        pairs = zip("nm", values, spans, strict=True)
        return Checked("x", tuple(Delivered("print", *each[::2], each[1]) for each in pairs), 0)

    wrong = Diagnostic("E306", "`sum` on cuda:0 is 4.0, and 2.0 by the reference", spans[1])
    workers: Any = {"cpu": Worker(), "cuda:0": Worker((wrong,))}
    checked = {"cpu": found(math.nan, 2.0), "cuda:0": found(math.nan, 4.0)}
    with pytest.raises(ImgqlError) as raised:
        assert_equal(workers, checked, tmp_path)
    told = str(raised.value.diagnostics[0])
    assert told.startswith("error[E306]: `m` on cuda:0 is 4.0, and 2.0 on cpu\n  ┌─ p.imgql:2:")
    assert "on cuda:0: `sum` on cuda:0 is 4.0, and 2.0 by the reference" in told
    assert_equal(workers, {"cpu": found(math.nan, 2.0), "cuda:0": found(math.nan, 2.0)}, tmp_path)
