"""``voxgpu kernels`` and ``voxgpu doctor`` on a computer without a GPU."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.conftest import REPOSITORY
from voxgpu.backends.cuda import detect
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cuda_kernels import libraries
from voxgpu.codegen.numba_kernels import kernels_of_library

PROGRAM = 'load v = "v.nii"\nprint "n" max((v + 3) * v)\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.int16)), str(tmp_path / "v.nii"))
    (tmp_path / "p.imgql").write_text(PROGRAM)
    return tmp_path


@pytest.fixture
def compiler() -> None:
    if nvrtc.missing():
        pytest.skip(f"needs NVIDIA's compiler: {nvrtc.missing()}")


@pytest.mark.slow
def test_what_is_built_once_is_there(desk: Path, compiler: None) -> None:
    variables = {"VOXGPU_CACHE": str(desk / "cache")}
    words = ("kernels", "build", "--arch", "sm_80", "p.imgql")
    first = voxgpu(*words, "-v", cwd=desk, variables=variables)
    assert first.status == 0, first.err
    assert len(first.lines) == len(libraries()) + 1
    assert all(line.endswith(": compiled") for line in first.lines)
    assert "registers" in first.err and "0 bytes of spills" in first.err
    second = voxgpu(*words, cwd=desk, variables=variables)
    assert [line.split(": ")[1] for line in second.lines] == ["there already"] * len(first.lines)
    files = list((desk / "cache" / "kernels").glob("*.cubin"))
    assert len(files) == len(first.lines)


#: Runs a command and prints how many kernels were compiled.
COUNTED = """
import sys
from voxgpu.cli.main import main
from voxgpu.codegen.jit import jit_compiler
try:
    main(sys.argv[1:])
finally:
    print("compiled", jit_compiler().compiled)
"""


@pytest.mark.slow
def test_after_building_for_the_cpu_nothing_is_compiled(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for the given program, nor for others that apply single primitives in sequence."""
    (desk / "cache").mkdir()
    (desk / "cache").chmod(0o755)
    variables = {"VOXGPU_CACHE": str(desk / "cache")}
    words = ("kernels", "build", "--cpu", "p.imgql")
    first = voxgpu(*words, cwd=desk, variables=variables)
    assert first.status == 0 and first.out.count(" compiled") >= 2, first.err
    second = voxgpu(*words, cwd=desk, variables=variables)
    assert [line.split(": ")[1] for line in second.lines] == ["there already"] * 3
    for file in (desk / "cache").rglob("*"):
        assert file.stat().st_mode & 0o044 == 0o044  # whoever can see the folder may read it
    (desk / "other.imgql").write_text(
        'load v = "v.nii"\nsave "a.nii" near(v > 1)\nsave "b.nii" percentiles(v, v > -1, 0.5)\n'
        'save "c.nii" dt(v > 3)\nprint "n" volume(lcc(v > 1))\n'
    )
    monkeypatch.setattr("tests.cli.command.COMMAND", [sys.executable, "-c", COUNTED])
    for program in ("p.imgql", "other.imgql"):
        ended = voxgpu("run", program, cwd=desk, variables=variables)
        assert ended.lines[-1] == "compiled 0", ended


#: Compiles the generated kernels of a program, and prints how many running it still compiles,
#: without hand-written kernels.
AHEAD = """
import sys
import re
import subprocess
import sys
from pathlib import Path
from voxgpu.codegen.jit import set_cache_folder, jit_compiler
set_cache_folder(Path("kept"))
from voxgpu.codegen.compile import prepare
from voxgpu.backends.cpu.precompile import kernels_of
from voxgpu.session import execute
from voxgpu.compile import Options, compile_program, read_source
path = Path("p.imgql")
compiled = compile_program(read_source(path), path, Options())
for each in kernels_of(compiled.plan):
    prepare(each)
before = jit_compiler().compiled
assert not execute(compiled, None, device="cpu").errors
from voxgpu.codegen.numba_kernels import kernel
print(before, jit_compiler().compiled - before - kernel.cache_info().currsize)
"""


@pytest.mark.slow
def test_generated_kernels_are_known_ahead(desk: Path) -> None:
    (desk / "p.imgql").write_text(
        PROGRAM + 'save "a.nii" near(v > 1)\nsave "b.nii" border | near(v + 1 > 2)\n'
    )
    ended = subprocess.run(
        [sys.executable, "-c", AHEAD], cwd=desk, capture_output=True, text=True, check=True
    )
    before, after = map(int, ended.stdout.split())
    assert before > 1 and after == 0


def test_every_hand_written_kernel_is_known() -> None:
    found = list(kernels_of_library())
    assert len(found) == len(set(found)) > 30
    used = set()
    for file in (REPOSITORY / "voxgpu").rglob("*.py"):
        used |= set(re.findall(r'kernel\("(\w+)", "(\w+)"\)', file.read_text("utf-8")))
    assert len(used) > 10 and used <= set(found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build"], "Missing option '--arch' or '--cpu'"),
        (["build", "--arch", "volta"], "write sm_80,sm_90"),
        (["build", "--arch", "sm_80", "missing.imgql"], "cannot read the program"),
    ],
)
def test_mistakes(desk: Path, compiler: None, words: list[str], said: str) -> None:
    ended = voxgpu("kernels", *words, cwd=desk)
    assert ended.status != 0 and said in ended.err


def test_an_architecture_that_the_compiler_does_not_know(desk: Path, compiler: None) -> None:
    ended = voxgpu("kernels", "build", "--arch", "sm_12", cwd=desk)
    assert ended.status == 1
    assert "makes no code for sm_12" in ended.err and "it knows sm_" in ended.err


def test_a_program_with_a_mistake(desk: Path, compiler: None) -> None:
    (desk / "p.imgql").write_text('load v = "v.nii"\nprint "n" near(v)\n')
    ended = voxgpu("kernels", "build", "--arch", "sm_80", "p.imgql", cwd=desk)
    assert ended.status == 1 and "E102" in ended.err


def test_doctor_says_what_there_is_and_tries_the_cpu(desk: Path) -> None:
    ended = voxgpu("doctor", cwd=desk)
    assert ended.status == 0, ended.out + ended.err
    topics = [line.split()[0] for line in ended.lines]
    assert topics[:3] == ["voxgpu", "packages", "cpu"] and topics[-1] == "trial"
    assert "cpu: all" in ended.lines[-1] and "are those of the reference" in ended.lines[-1]
    if not detect.detect_gpus()[0]:
        assert "gpu        none: " in ended.out


def test_doctor_in_a_hurry_tries_nothing(desk: Path) -> None:
    ended = voxgpu("doctor", "--quick", cwd=desk)
    assert ended.status == 0 and "trial" not in ended.out


def test_doctor_without_gpus_for_workers(desk: Path) -> None:
    if detect.detect_gpus()[0]:
        pytest.skip("there are GPUs here")
    ended = voxgpu("doctor", "--workers", cwd=desk)
    assert ended.status == 1 and "error[E501]" in ended.err
