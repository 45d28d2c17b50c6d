"""Destinations of the results of ``voxgpu run``, and its exit status."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import run_text, voxgpu

PROGRAM = """load a = "ramp.nii.gz"
let b = a > 99
print "voxels" volume(b)
print "largest" max(a)
save "b.nii.gz" b
save "deep/er/sum.nii.gz" a + 0.5
"""

EMPTY_MASK = """load a = "ramp.nii.gz"
print "before" max(a)
print "mean" avg(a, a > 1000)
print "after" min(a)
save "after.nii.gz" a
"""


def voxels(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_each_print_is_a_line_and_each_save_a_file(desk: Path) -> None:
    ended = run_text(PROGRAM, cwd=desk)
    assert (ended.status, ended.out) == (0, "voxels=40\nlargest=234\n")
    ramp = voxels(desk / "ramp.nii.gz")
    assert np.array_equal(voxels(desk / "b.nii.gz"), ramp > 99)
    assert np.array_equal(voxels(desk / "deep" / "er" / "sum.nii.gz"), ramp + np.float32(0.5))


def test_saved_files_go_to_the_output_folder_and_nowhere_else(desk: Path) -> None:
    (desk / "p.imgql").write_text(PROGRAM)
    before = set(desk.rglob("*"))
    ended = voxgpu("run", "p.imgql", "-o", "new/out", cwd=desk)
    assert ended.status == 0
    new = {str(path.relative_to(desk)) for path in set(desk.rglob("*")) - before if path.is_file()}
    images = {"new/out/b.nii.gz", "new/out/deep/er/sum.nii.gz"}
    assert new == images | {each.replace(".nii.gz", ".json") for each in images}
    again = voxgpu("run", "p.imgql", "-o", "bare", "--no-sidecar", cwd=desk)
    assert again.status == 0 and not list((desk / "bare").rglob("*.json"))


def test_files_to_read_are_relative_to_the_current_folder_not_to_the_program(desk: Path) -> None:
    (desk / "programs").mkdir()
    (desk / "programs" / "p.imgql").write_text(PROGRAM)
    assert voxgpu("run", "programs/p.imgql", cwd=desk).status == 0
    from_programs = voxgpu("run", "p.imgql", cwd=desk / "programs")
    assert from_programs.status == 1 and "no such file" in from_programs.err


def test_imports_are_relative_to_the_program(desk: Path) -> None:
    (desk / "programs").mkdir()
    shutil.move(desk / "shared.imgql", desk / "programs" / "shared.imgql")
    text = 'import "shared.imgql"\nload a = "ramp.nii.gz"\nprint "m" max(twice(a))\n'
    (desk / "programs" / "p.imgql").write_text(text)
    ended = voxgpu("run", "programs/p.imgql", cwd=desk)
    assert (ended.status, ended.out) == (0, "m=468\n")


def test_absolute_names_are_saved_where_they_say(desk: Path, tmp_path: Path) -> None:
    there = tmp_path / "there" / "b.nii.gz"
    text = f'load a = "{desk / "ramp.nii.gz"}"\nsave "{there}" a\n'
    assert run_text(text, "-o", "out", cwd=desk).status == 0
    assert np.array_equal(voxels(there), voxels(desk / "ramp.nii.gz"))


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("1 / 3", "0.3333333333333333"),
        ("0.1", "0.1"),
        ("-3", "-3"),
        ("1 / 0", "inf"),
        ("0 / 0", "nan"),
        ("2 < 3", "true"),
        ('"some text"', "some text"),
        ("123456789012", "123456789012"),
        ("1e300", "1e+300"),
    ],
)
def test_values_are_printed_so_that_they_read_back(
    expression: str, shown: str, tmp_path: Path
) -> None:
    assert run_text(f'print "v" {expression}\n', cwd=tmp_path).out == f"v={shown}\n"


def test_labels_and_texts_of_any_script_are_printed(tmp_path: Path) -> None:
    ended = run_text('print "größe λ" "日本"\n', cwd=tmp_path)
    assert (ended.status, ended.out) == (0, "größe λ=日本\n")


@pytest.mark.parametrize("text", ["", "\n\n", "// nothing but a comment", "let a = 1\n"])
def test_a_program_without_goals_does_nothing(text: str, tmp_path: Path) -> None:
    ended = run_text(text, cwd=tmp_path)
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["p.imgql"]


def test_a_goal_that_fails_leaves_the_others(desk: Path) -> None:
    ended = run_text(EMPTY_MASK, cwd=desk)
    assert (ended.status, ended.out) == (1, "before=234\nafter=0\n")
    assert "error[E301]" in ended.err and "p.imgql:3:14" in ended.err
    assert np.array_equal(voxels(desk / "after.nii.gz"), voxels(desk / "ramp.nii.gz"))


def test_a_program_with_a_mistake_runs_no_goal_at_all(desk: Path) -> None:
    before = set(desk.rglob("*"))
    ended = run_text('print "one" 1\nload a = "ramp.nii.gz"\nsave "x.nii.gz" b\n', cwd=desk)
    assert (ended.status, ended.out) == (1, "")
    assert {path.name for path in set(desk.rglob("*")) - before} == {"p.imgql"}


def test_warnings_do_not_fail_a_run_and_quiet_hides_them(desk: Path) -> None:
    text = 'load a = "ramp.nii.gz"\nprint "v" volume(a > 99) - 2 - 1\n'
    ended = run_text(text, cwd=desk)
    assert ended.status == 0 and "warning[W101]" in ended.err
    quiet = run_text(text, "-q", cwd=desk)
    assert (quiet.status, quiet.out, quiet.err) == (0, ended.out, "")


def test_quiet_does_not_hide_errors(desk: Path) -> None:
    ended = run_text(EMPTY_MASK, "-q", cwd=desk)
    assert ended.status == 1 and "error[E301]" in ended.err


def test_verbose_tells_on_stderr_what_was_done(desk: Path) -> None:
    ended = run_text(PROGRAM, "-v", cwd=desk)
    assert ended.out == "voxels=40\nlargest=234\n"
    assert "device: " in ended.err and "nodes computed, 0 from the store" in ended.err


@pytest.mark.parametrize("device", ["auto", "cpu", "reference"])
def test_every_device_gives_the_same(device: str, desk: Path) -> None:
    ended = run_text(PROGRAM, "--device", device, "--threads", 1, cwd=desk)
    assert (ended.status, ended.out) == (0, "voxels=40\nlargest=234\n")


def test_a_second_run_writes_the_same_bytes(desk: Path) -> None:
    run_text(PROGRAM, "-o", "one", cwd=desk)
    run_text(PROGRAM, "-o", "two", cwd=desk)
    for name in ("b.nii.gz", "deep/er/sum.nii.gz"):
        assert (desk / "one" / name).read_bytes() == (desk / "two" / name).read_bytes()


def test_an_input_may_be_saved_over(desk: Path) -> None:
    before = voxels(desk / "ramp.nii.gz")
    text = 'load a = "ramp.nii.gz"\nsave "ramp.nii.gz" a + 1\n'
    assert "E204" in run_text(text, cwd=desk).err
    ended = run_text(text, "--overwrite-inputs", cwd=desk)
    assert ended.status == 0, ended.err
    assert np.array_equal(voxels(desk / "ramp.nii.gz"), before + np.float32(1))
