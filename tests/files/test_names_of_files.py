"""Suggestions for misspelled names, expansion of `~`, and files that must not be overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.cli.command import voxgpu as run_voxgpu


def _image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def _help(asked: str) -> str:
    (error,) = voxgpu.check(f'load f = "{asked}"\nprint "x" max(f)\n')
    assert error.code == "E201"
    return error.help


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("sub-02_flair.nrrd", "sub-01_flair.nrrd"),
        ("case12/flair.nrrd", "case21/flair.nrrd"),
        ("p003_t1.nrrd", "p003_t2.nrrd"),
        ("2024-01-02.nrrd", "2024-01-03.nrrd"),
        ("sub-02_flair.nrrd", "sub-01_flar.nrrd"),
    ],
)
def test_the_file_of_somebody_else_is_not_proposed(there: str, asked: str, folder: Path) -> None:
    _image(folder / there)
    assert "did you mean" not in _help(asked)


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("sub-02_flair.nrrd", "sub-02_flar.nrrd"),
        ("sub-02_flair.nrrd", "sub-2_flair.nrrd"),
        ("flair.nrrd", "flare.nrrd"),
    ],
)
def test_another_spelling_is_proposed(there: str, asked: str, folder: Path) -> None:
    _image(folder / there)
    assert _help(asked) == f"did you mean `{there}`?"


def test_a_file_beside_the_program_is_found(folder: Path) -> None:
    program = folder.parent / "programs" / "p.imgql"
    _image(program.parent / "flair.nrrd")
    _image(program.parent / "data" / "sub-02.nrrd")

    def told(asked: str) -> str:
        program.write_text(f'load f = "{asked}"\nprint "x" max(f)\n')
        (error,) = voxgpu.check(program)
        return error.help

    assert 'write "$dir/flair.nrrd"' in told("flair.nrrd")
    assert told("flare.nrrd") == 'did you mean "$dir/flair.nrrd", beside the program?'
    Path("flow.nrrd").touch()
    assert told("flare.nrrd") == 'did you mean "$dir/flair.nrrd", beside the program?', "closer"
    Path("flare.nrr").touch()
    assert told("flare.nrrd") == "did you mean `flare.nrr` or `flow.nrrd`?", "closer still"
    assert 'write "$dir/data/sub-02.nrrd"' in told("data/sub-02.nrrd")
    assert "$dir" not in told("data/sub-03.nrrd")
    program.write_text('load f = "$dir/flair.nrrd"\nprint "x" max(f)\n')
    assert voxgpu.run(program).values == {"x": 23.0}


@pytest.mark.slow
def test_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = folder.parent / "home"
    _image(home / "f.nrrd")
    (home / "lib.imgql").write_text("let twice(x) = x + x\n")
    monkeypatch.setenv("HOME", str(home))
    text = (
        'import "~/lib.imgql"\nload f = "~/f.nrrd"\nsave "~/out/g.nrrd" f > 3\n'
        'print "names" dir("~", "*.nrrd")\nprint "x" twice(max(f))\nprint "y" max($G)\n'
    ).replace("max($G)", "$LEVEL")
    result = voxgpu.run(text, define={"LEVEL": 1}, output=folder)
    assert result.values["names"] == ("f.nrrd",) and result.values["x"] == 46
    assert (home / "out" / "g.nrrd").exists()
    (folder / "p.imgql").write_text('load f = "$CASE/f.nrrd"\nsave "h.nrrd" f > 3\n')
    ended = run_voxgpu("run", "p.imgql", "-D", "CASE=~", "--output=~/more", cwd=folder)
    assert ended.status == 0, ended.err
    assert (home / "more" / "h.nrrd").exists()


def test_what_is_called_so_here_is_no_home(folder: Path) -> None:
    _image(folder / "~" / "f.nrrd")
    assert voxgpu.run('load f = "~/f.nrrd"\nprint "x" max(f)\n').values == {"x": 23.0}


OVERWRITING = [
    'load f = "f.nrrd"\nsave "f.nrrd" f > 3\n',
    'load f = "f.nrrd"\nsave "a/../f.nrrd" f > 3\n',
    'load f = "linked/f.nrrd"\nsave "f.nrrd" f > 3\n',
    'let f = simpleitk.ReadImage("f.nrrd")\nsave "f.nrrd" f > 3\n',
    'load g = "g.nrrd"\nload f = "f.nrrd"\nsave "g.nrrd" g > 3\nprint "x" max(f)\n',
    'load f = "f.nrrd"\nprint "x" simpleitk.WriteImage(f > 3, "f.nrrd")\n',
    'load f = "f.nrrd"\nlet n = max(f)\nsave "$NAME.nrrd" for i in range(n - 21) do f > i\n',
]


@pytest.mark.parametrize("text", OVERWRITING)
def test_a_file_that_is_loaded_is_not_overwritten(text: str, folder: Path) -> None:
    _image(folder / "f.nrrd")
    _image(folder / "g.nrrd")
    _image(folder / "h_1.nrrd")
    (folder / "a").mkdir()
    (folder / "linked").symlink_to(folder)
    define = {"NAME": "h"} if "$NAME" in text else {}
    text = text.replace("let n", 'load h = "h_1.nrrd"\nprint "h" max(h)\nlet n')
    before = {path: path.read_bytes() for path in folder.glob("*.nrrd")}
    with pytest.raises(voxgpu.ImgqlError) as caught:
        voxgpu.run(text, define=define, output=folder)
    (error,) = caught.value.diagnostics
    assert error.code == "E204" and error.notes[0].message == "loaded here"
    assert {path: path.read_bytes() for path in folder.glob("*.nrrd")} == before
    result = voxgpu.run(text, define=define, output=folder, overwrite_inputs=True)
    assert [each.code for each in result.warnings] == ["W205"]
    assert len(result.saved) >= 1


@pytest.mark.slow
def test_so_on_the_command_line(folder: Path) -> None:
    _image(folder / "f.nrrd")
    (folder / "p.imgql").write_text('load f = "f.nrrd"\nsave "f.nrrd" f > 3\n')
    ended = run_voxgpu("check", "p.imgql", cwd=folder)
    assert ended.status == 1 and "E204" in ended.err and "--overwrite-inputs" in ended.err
    assert run_voxgpu("run", "p.imgql", "-o", "out", cwd=folder).status == 0
    ended = run_voxgpu("run", "p.imgql", "--overwrite-inputs", cwd=folder)
    assert ended.status == 0 and "W205" in ended.err
