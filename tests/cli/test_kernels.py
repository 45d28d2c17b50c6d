"""``voxgpu kernels`` and ``voxgpu doctor`` on a computer without a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cuda_library import libraries
from voxgpu.gpu import driver

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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build"], "Missing option '--arch'"),
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
    if not driver.found()[0]:
        assert "gpu        none: " in ended.out


def test_doctor_in_a_hurry_tries_nothing(desk: Path) -> None:
    ended = voxgpu("doctor", "--quick", cwd=desk)
    assert ended.status == 0 and "trial" not in ended.out


def test_doctor_without_gpus_for_workers(desk: Path) -> None:
    if driver.found()[0]:
        pytest.skip("there are GPUs here")
    ended = voxgpu("doctor", "--workers", cwd=desk)
    assert ended.status == 1 and "error[E501]" in ended.err
