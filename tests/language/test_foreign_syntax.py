"""What is written as in another language has a hint of its own, and nothing else is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.cli.command import voxgpu as run_voxgpu

COMMENT = "a comment goes from `//` to the end of the line"
LEAVE_OUT = "leave it out: the next command begins by itself"

#: Text, where the mistake is, and the help.
CASES = [
    ('load f = flair.nrrd\nprint "a" max(f)', "1:10", 'write "flair.nrrd"'),
    ('load f = ./flair.nrrd\nprint "a" max(f)', "1:10", 'write "./flair.nrrd"'),
    ("load f = 'flair.nrrd'\nprint \"a\" max(f)", "1:10", 'write "flair.nrrd"'),
    ("load f = “flair.nrrd”\nprint “a” max(f)", "1:10", 'write "flair.nrrd"'),
    ("load f = \"flair.nrrd\"\nprint 'a b' max(f)", "2:7", 'write "a b"'),
    ('load f = "flair.nrrd"\nprint most max(f)', "2:7", 'write "most"'),
    ('load f = "flair.nrrd"\nprint most 3', "2:7", 'write "most"'),
    ('load f = "flair.nrrd"\nsave out/a-1.nii.gz f', "2:6", 'write "out/a-1.nii.gz"'),
    ('load f = "flair.nrrd"\nprint max(f)', "2:7", 'a label comes first: print "label" max …'),
    ('import simpleitk\nprint "a" 1', "1:8", 'write "simpleitk"'),
    ('# all\nload f = "flair.nrrd"\nprint "a" max(f)', "1:1", COMMENT),
    ('#!/usr/bin/env voxgpu\nprint "a" 1', "1:1", COMMENT),
    ('load f = "flair.nrrd" # don\'t say "this"\nprint "a" max(f)', "1:23", COMMENT),
    ('let a = 3 # above\nlet b = a * 2 ## twice\nprint "a" b', "1:11", COMMENT),
    ('/* of\nseveral lines; with # all */\nprint "a" 1', "1:1", COMMENT),
    ('load f = "flair.nrrd";\nlet a = f > 3;\nprint "a" volume(a);', "1:22", LEAVE_OUT),
    ('let a = 1; let b = 2;; print "a" a + b;', "1:10", LEAVE_OUT),
    ('let a(x) = x + 1;\nprint "a" a(2)', "1:17", LEAVE_OUT),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    voxels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "flair.nrrd"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("text", "place", "help"), CASES)
def test_a_habit_is_told_once_with_what_to_write(
    text: str, place: str, help: str, folder: Path
) -> None:
    found = voxgpu.check(text + "\n")
    assert {(each.code, each.message) for each in found} == {("E100", found[0].message)}, found
    (error,) = [each for each in found if each.help == help] or found
    assert error.help == help
    assert error.span is not None
    assert ":".join(map(str, error.span.source.line_and_column(error.span.start))) == place


def test_what_is_wrong_besides_is_told_too(folder: Path) -> None:
    found = voxgpu.check("load f = 'none.nrrd';\nlet a = nothing; # no\nprint 'a' 1;\n")
    assert [each.code for each in found] == ["E100", "E201", "E100", "E101", "E100"]
    quotes = next(each for each in found if "double quotes" in each.message)
    ends = next(each for each in found if "`;`" in each.message)
    assert quotes.notes[0].message == "1 more of it in this text"
    assert ends.notes[0].message == "2 more of it in this text"


def test_operators_that_programs_declare_are_no_habits(folder: Path) -> None:
    text = "let # (a, b) = a + b\nlet ;(a, b) = a * b\n' (a) = a - 1\n"
    result = voxgpu.run(text + 'print "a" 1 # 2\nprint "b" 2 ; 3\nprint "c" \' 3\n')
    assert [str(each) for each in result.prints] == ["a=3", "b=6", "c=2"]


def test_what_is_in_strings_and_comments_is_no_habit(folder: Path) -> None:
    text = 'print "a;# \'b\'" 1 // it\'s; # fine\nprint "b" "c \'d\'; #"\n'
    assert [str(each) for each in voxgpu.run(text).prints] == ["a;# 'b'=1", "b=c 'd'; #"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tumor.imgql"], "to run the program, write voxgpu run tumor.imgql"),
        (["tumor.imgql", "-D", "CASE=head"], "to run the program, write voxgpu run tumor.imgql"),
        (["flair.nrrd"], "voxgpu run flair.nrrd"),
        (["runn", "x"], "there is no command `runn`: did you mean `run`?"),
        (["xyzzy"], "voxgpu --help lists the commands"),
    ],
)
def test_a_program_without_a_command(arguments: list[str], said: str, folder: Path) -> None:
    ended = run_voxgpu(*arguments, cwd=folder)
    assert ended.status == 2
    assert said in ended.err
