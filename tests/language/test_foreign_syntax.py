"""Syntax from other languages is reported with a specific hint and causes no follow-up errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.cli.command import voxgpu as run_voxgpu

COMMENT = "a comment goes from `//` to the end of the line"
LEAVE_OUT = "leave it out: the next command begins by itself"

#: Text, location of the error, help.
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


@pytest.mark.parametrize(("text", "location", "help"), CASES)
def test_foreign_syntax_is_reported_once_with_its_replacement(
    text: str, location: str, help: str, folder: Path
) -> None:
    diagnostics = voxgpu.check(text + "\n")
    assert {(each.code, each.message) for each in diagnostics} == {
        ("E100", diagnostics[0].message)
    }, diagnostics
    (error,) = [each for each in diagnostics if each.help == help] or diagnostics
    assert error.help == help
    assert error.span is not None
    assert ":".join(map(str, error.span.source.line_and_column(error.span.start))) == location


def test_other_errors_are_still_reported(folder: Path) -> None:
    diagnostics = voxgpu.check("load f = 'none.nrrd';\nlet a = nothing; # no\nprint 'a' 1;\n")
    assert [each.code for each in diagnostics] == ["E100", "E201", "E100", "E101", "E100"]
    quotes = next(each for each in diagnostics if "double quotes" in each.message)
    ends = next(each for each in diagnostics if "`;`" in each.message)
    assert quotes.notes[0].message == "1 more of it in this text"
    assert ends.notes[0].message == "2 more of it in this text"


def test_declared_operators_are_not_foreign_syntax(folder: Path) -> None:
    text = "let # (a, b) = a + b\nlet ;(a, b) = a * b\n' (a) = a - 1\n"
    result = voxgpu.run(text + 'print "a" 1 # 2\nprint "b" 2 ; 3\nprint "c" \' 3\n')
    assert [str(each) for each in result.prints] == ["a=3", "b=6", "c=2"]


def test_strings_and_comments_are_not_examined(folder: Path) -> None:
    text = 'print "a;# \'b\'" 1 // it\'s; # fine\nprint "b" "c \'d\'; #"\n'
    assert [str(each) for each in voxgpu.run(text).prints] == ["a;# 'b'=1", "b=c 'd'; #"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tumor.imgql"], "to run the program, write voxgpu run tumor.imgql"),
        (["tumor.imgql", "-D", "CASE=head"], "to run the program, write voxgpu run tumor.imgql"),
        (["flair.nrrd"], "voxgpu run flair.nrrd"),
        (["runn", "x"], "there is no command `runn`: did you mean `run`?"),
        (["xyzzy"], "voxgpu --help lists the commands"),
    ],
)
def test_a_program_without_a_command(arguments: list[str], message: str, folder: Path) -> None:
    ended = run_voxgpu(*arguments, cwd=folder)
    assert ended.status == 2
    assert message in ended.err
