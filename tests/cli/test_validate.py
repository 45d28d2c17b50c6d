"""``voxgpu run --validate``: the same prints and files, and nothing of the store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.cuda.emulated_cli import environment
from tests.backends.cuda.programs import write_image
from tests.cli.command import voxgpu
from tests.cuda_emulator.module import requires_emulation

PROGRAM = """load v = "v.nii"
let bright = v > 60
print "n" volume(near(bright))
print "means" for k in [10, 20, 1e9] do avg(v, v > k)
save "grown.nii" grow(bright, v > 30)
save "slope.nii" gradient(v) / max(v)
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write_image(tmp_path / "v.nii")
    (tmp_path / "p.imgql").write_text(PROGRAM)
    return tmp_path


@pytest.mark.slow
def test_a_run_that_is_validated_prints_and_saves_the_same(desk: Path) -> None:
    plain = voxgpu("run", "p.imgql", "-o", "plain", "--store", "kept", "--keep", "all", cwd=desk)
    held = voxgpu("run", "p.imgql", "-o", "held", "--validate", "--store", "other", cwd=desk)
    assert plain.lines[0].startswith("n=") and plain.status == 1  # a mean of nothing
    assert (held.status, held.out) == (plain.status, plain.out)
    err = held.err.replace("held/", "plain/")
    assert sorted(err.splitlines()) == sorted(plain.err.splitlines())  # files in any order
    for name in ("grown.nii", "slope.nii"):
        assert (desk / "held" / name).read_bytes() == (desk / "plain" / name).read_bytes()
    assert (desk / "kept").exists() and not (desk / "other").exists()
    found = voxgpu("run", "p.imgql", "-o", "held", "--validate", "--json", cwd=desk).json
    assert found["computed"] > 5 and found["reused"] == 0


@pytest.mark.slow
def test_on_a_gpu(desk: Path) -> None:
    requires_emulation()
    words = ["run", "p.imgql", "--device", "cuda:0", "--validate", "-o", "held"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.backends.cuda.emulated_cli", *words],
        cwd=desk, env=environment(1), capture_output=True, text=True,
    )  # fmt: skip
    plain = voxgpu("run", "p.imgql", "-o", "plain", "--device", "cpu", cwd=desk)
    assert (done.returncode, done.stdout) == (plain.status, plain.out), done.stderr
    assert (desk / "held" / "slope.nii").read_bytes() == (desk / "plain/slope.nii").read_bytes()
