"""Printed sequences with failed items: the others are printed, the failed ones are named."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxgpu
from tests.cli.command import run_text

VOXELS = np.arange(1, 721, dtype=np.float32).reshape(8, 9, 10)
IMAGES = {"v": VOXELS}
NONE = 'load v = ""\nlet none = v > 1000\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, of which ``b`` is truncated, and four volumes in a truncated file."""
    for name in ("a.nii.gz", "b.nii.gz", "c.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(VOXELS, np.eye(4)), tmp_path / name)
    whole = np.random.default_rng(0).random((8, 9, 10, 4)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(whole, np.eye(4)), tmp_path / "four.nii.gz")
    for name in ("b.nii.gz", "four.nii.gz"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 5 // 8])
    return tmp_path


@pytest.mark.parametrize(
    ("expression", "shown", "plain", "where"),
    [
        ("[1, avg(v, none), 3]", "[1, nan, 3]", [1, None, 3], "item [1]"),
        ("[1, avg(v, none), 0 / 0]", "[1, nan, nan]", [1, None, "nan"], "item [1]"),
        ("[stdev(v, none), max(v), avg(v, none)]", "[nan, 720, nan]", [None, 720, None], ""),
        (
            "[[1, 0], [avg(v, none), 2], [avg(v, none), avg(v, none)]]",
            "[[1, 0], [nan, 2], [nan, nan]]",
            [[1, 0], [None, 2], [None, None]],
            "items [1][0], [2][0] and [2][1]",
        ),
        ("[true, avg(v, none) < 1]", "[true, failed]", [True, None], "item [1]"),
        ('["x", format_string("{}", avg(v, none))]', '["x", failed]', ["x", None], "item [1]"),
        (
            "for t in [0, 1000, 1] do avg(v, v > t)",
            "[360.5, nan, 361]",
            [360.5, None, 361],
            "item [1]",
        ),
        (  # detected while the program is being lowered
            'for t in [0, 1000] do (if avg(v, v > t) > 1 then "yes" else "no")',
            '["yes", failed]',
            ["yes", None],
            "item [1]",
        ),
        (
            "for t in [0, 1000] do [t, if avg(v, v > t) > 1 then 1 else avg(v, none)]",
            "[[0, 1], [1000, nan]]",
            [[0, 1], [1000, None]],
            "item [1][1]",
        ),
    ],
)
def test_the_others_are_printed(
    expression: str, shown: str, plain: list[object], where: str
) -> None:
    text = f'{NONE}print "w" {expression}\nprint "after" 1'
    result = voxgpu.run(text, images=IMAGES, on_error="collect")
    assert [str(each) for each in result.prints] == [f"w={shown}", "after=1"]
    assert result.as_json()["print"][0]["value"] == plain
    assert not result.ok and {each.code for each in result.errors} == {"E301"}
    assert f'`print "w"` failed in {where}' in result.errors[0].message
    assert all(each.span is not None for each in result.errors)
    with pytest.raises(voxgpu.GoalsFailed, match="no true voxel"):
        voxgpu.run(text, images=IMAGES)


def test_each_reason_is_told_once_with_its_items() -> None:
    text = f'{NONE}print "w" for i in range(20) do (if i == 3 then i else avg(v, none))'
    (error,) = voxgpu.run(text, images=IMAGES, on_error="collect").errors
    items = "items [0], [1], [2], [4], [5], [6], [7] and 12 more"
    assert error.message.startswith(f'`print "w"` failed in {items}: `mask` has')
    text = f'{NONE}print "w" [avg(v, none), 1, stdev(v, none)]'
    errors = voxgpu.run(text, images=IMAGES, on_error="collect").errors
    assert [each.message.split(":")[0] for each in errors] == [
        '`print "w"` failed in item [0]',
        '`print "w"` failed in item [2]',
    ]


def test_nothing_is_printed_where_all_items_failed() -> None:
    text = f'{NONE}print "w" [avg(v, none), avg(v, none)]\nprint "n" 1'
    result = voxgpu.run(text, images=IMAGES, on_error="collect")
    assert result.printed == {"n": 1}
    (error,) = result.errors
    assert error.message.startswith('`print "w"` failed: `mask`')


def test_what_is_computed_of_a_sequence_needs_all_of_it() -> None:
    text = f'{NONE}let xs = [1, avg(v, none)]\nprint "xs" xs\nprint "s" fold(+, xs)\n'
    result = voxgpu.run(text + 'print "n" length(xs)', images=IMAGES, on_error="collect")
    assert [str(each) for each in result.prints] == ["xs=[1, nan]", "n=2"]
    (error,) = result.errors
    assert error.message.startswith('`print "xs"` in item [1] and another goal failed: `mask`')
    assert error.notes[-1].message == 'it took along `print "s"`'
    assert error.goals == ('print "xs"', 'print "s"')


def test_a_sequence_with_gaps_is_not_kept(tmp_path: Path) -> None:
    text = f'{NONE}print "w" [max(v), avg(v, none)]'
    with voxgpu.Session(store=tmp_path / "store") as session:
        for _ in range(2):
            result = session.run(text, images=IMAGES, on_error="collect")
            assert [str(each) for each in result.prints] == ["w=[720, nan]"]
            assert len(result.errors) == 1


def test_a_file_that_ends_early_fails_its_items_only(folder: Path) -> None:
    text = """import "simpleitk"
    load x = "four.nii.gz"
    print "m" for f in dir(".", "[abc].nii.gz") do max(ReadImage(f))
    print "x" for v in x do max(v)
    print "n" length(x)
    """
    ended = run_text(text, cwd=folder)
    assert (ended.status, ended.out) == (1, "m=[720, nan, 720]\nn=4\n")
    assert '`print "m"` failed in item [1]: cannot read' in ended.err
    assert '`print "x"` failed: cannot read' in ended.err and ended.err.count("error[") == 2


def test_paths_of_files_are_printed_where_they_were_written(folder: Path) -> None:
    text = """import "simpleitk"
    load v = "a.nii.gz"
    let name(f) = concat("new_", f)
    print "w" for f in dir(".", "[abc].nii.gz") do WriteImage(ReadImage(f) + v, name(f))
    print "one" WriteImage(v + avg(v, v > 1000), "one.nii.gz")
    print "other" WriteImage(v, "other.nii.gz")
    print "later" for t in [0, 1000] do
        WriteImage(if avg(v, v > t) > 1 then v else v + 1, format_string("later{}.nii.gz", t))
    """
    ended = run_text(text, cwd=folder)
    assert ended.status == 1
    assert ended.lines == [
        'w=["new_a.nii.gz", failed, "new_c.nii.gz"]',
        "other=other.nii.gz",
        'later=["later0.nii.gz", failed]',
    ]
    there = {each.name for each in folder.glob("*.nii.gz")}
    assert {"new_a.nii.gz", "new_c.nii.gz", "other.nii.gz", "later0.nii.gz"} <= there
    assert not {"new_b.nii.gz", "one.nii.gz", "later1000.nii.gz"} & there
    # `one` and an item of `later` share one cause; a path that is not printed has its own.
    assert ended.err.count("error[") == 2


def test_hundreds_of_goals_that_fail_alike_are_all_told(folder: Path) -> None:
    lines = [f'print "p{each}" max(gaussian(b, {each}))' for each in range(1, 200)]
    text = "\n".join(['load b = "b.nii.gz"', 'load a = "a.nii.gz"', *lines, 'print "m" max(a)'])
    ended = run_text(text, cwd=folder)
    assert (ended.status, ended.out) == (1, "m=720\n")
    assert ended.err.count("error[") == 1
    assert '`print "p1"` and 198 other goals failed: cannot read' in ended.err
    assert '`print "p21"` and 178 more' in ended.err
