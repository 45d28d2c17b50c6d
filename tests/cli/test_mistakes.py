"""The message for each mistake: its position, its line with a caret, and the reason."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import run_text


@dataclass(frozen=True)
class Mistake:
    """A program and its only error.

    place   line:column
    marked  the part of the line above the carets
    texts   texts that the message must contain
    """

    name: str
    program: str
    code: str
    place: str
    marked: str
    texts: tuple[str, ...]
    arguments: tuple[str, ...] = ()


LOAD = 'load a = "ramp.nii.gz"\n'

BEFORE_RUNNING = [
    Mistake(
        "missing file",
        'load a = "rump.nii.gz"\n',
        *("E201", "1:10", '"rump.nii.gz"', ("rump.nii.gz", "no such file", "`ramp.nii.gz`")),
    ),
    Mistake(
        "missing folder",
        'load a = "sacns/a.nii.gz"\n',
        *("E201", "1:10", '"sacns/a.nii.gz"', ("no folder", "`scans`")),
    ),
    Mistake(
        "folder instead of file",
        'load a = "scans"\n',
        *("E201", "1:10", '"scans"', ("scans", "directory")),
    ),
    Mistake(
        "text instead of image",
        'load a = "notes.nii.gz"\n',
        *("E201", "1:10", '"notes.nii.gz"', ("notes.nii.gz", "text file")),
    ),
    Mistake(
        "program instead of image",
        'load a = "shared.imgql"\n',
        *("E201", "1:10", '"shared.imgql"', ("shared.imgql", "text file")),
    ),
    Mistake(
        "empty file",
        'load a = "empty.nii.gz"\n',
        *("E201", "1:10", '"empty.nii.gz"', ("empty.nii.gz", "empty")),
    ),
    Mistake(
        "device",
        'load a = "/dev/zero"\n',
        *("E201", "1:10", '"/dev/zero"', ("/dev/zero", "neither a file nor a folder")),
    ),
    Mistake(
        "dangling link",
        'load a = "dangling.nii.gz"\n',
        *("E201", "1:10", '"dangling.nii.gz"', ("is a link to", "nowhere.nii.gz")),
    ),
    Mistake(
        "4-D image",
        'load a = "four.nii.gz"\nprint "max" max(a)\n',
        *("E102", "2:17", "a", ("sequence of image of numbers", "for v in xs do max(v)")),
    ),
    Mistake(
        "terabytes that the header claims",
        'load a = "claims.nii.gz"\n',
        *("E201", "1:10", '"claims.nii.gz"', ("108,000,000,000,000 bytes",)),
    ),
    Mistake(
        "terabytes without gzip",
        'load a = "claims.nii"\n',
        *("E201", "1:10", '"claims.nii"', ("truncated", "108,000,000,000,352 bytes")),
    ),
    Mistake(
        "terabytes in another format",
        'load a = "claims.mha"\n',
        *("E201", "1:10", '"claims.mha"', ("truncated", "108,000,000,000,")),
    ),
    Mistake(
        "wrong type of argument",
        LOAD + 'save "n.nii.gz" near(a)\n',
        *("E102", "2:22", "a", ("`near`", "image of true/false", "image of numbers")),
    ),
    Mistake(
        "unknown name",
        LOAD + 'print "v" volum(a > 1)\n',
        *("E101", "2:11", "volum", ("`volum`", "`volume`")),
    ),
    Mistake(
        "too many arguments",
        LOAD + 'print "v" volume(a > 1, a > 2)\n',
        *("E103", "2:11", "volume", ("takes 1 argument, got 2",)),
    ),
    Mistake(
        "no text in the place of a label",
        LOAD + "print max(a)\n",
        *("E100", "2:7", "max", ("expected a string",)),
    ),
    Mistake(
        "function without arguments",
        LOAD + 'print "v" volume\n',
        *("E102", "2:11", "volume", ("is a function",)),
    ),
    Mistake(
        "different grids",
        LOAD + 'load b = "shifted.nii.gz"\nsave "s.nii.gz" a + b\n',
        *("E105", "3:17", "a + b", ("5×4×3 voxels", "(0, 0, 0)", "(10, 0, 0)")),
    ),
    Mistake(
        "undefined variable",
        LOAD + 'print "v" volume(a > $HI)\n',
        *("E104", "2:22", "$HI", ("`$HI`", "-D HI=VALUE")),
    ),
    Mistake(
        "misspelled variable",
        LOAD + 'print "v" volume(a > $HIGH)\n',
        *("E104", "2:22", "$HIGH", ("`$HIGH`", "`HIGHT`")),
        ("-D", "HIGHT=1"),
    ),
    Mistake(
        "undefined variable in a string",
        'load a = "data/${CASE}_flair.nii.gz"\n',
        *("E104", "1:16", "${CASE}", ("`$CASE`", "-D CASE=VALUE")),
    ),
    Mistake(
        "image printed",
        LOAD + 'print "v" a\n',
        *("E102", "2:11", "a", ("`print`", "image of numbers")),
    ),
    Mistake(
        "number saved",
        LOAD + 'save "v.nii.gz" max(a)\n',
        *("E102", "2:17", "max(a)", ("`save` writes images", "a number")),
    ),
    Mistake(
        "unknown format",
        LOAD + 'save "v.xyz" a\n',
        *("E202", "2:6", '"v.xyz"', (".xyz", "v.nii.gz")),
    ),
    Mistake("no suffix", LOAD + 'save "v" a\n', *("E202", "2:6", '"v"', ("no suffix", ".nii.gz"))),
    Mistake("3-D picture", LOAD + 'save "v.png" a\n', *("E202", "2:6", '"v.png"', ("2-D", "3-D"))),
    Mistake(
        "file where a folder should be",
        LOAD + 'save "v.nii.gz" a\n',
        *("E202", "2:6", '"v.nii.gz"', ("notes.nii.gz", "not a folder")),
        ("-o", "notes.nii.gz"),
    ),
    Mistake(
        "device where a folder should be",
        LOAD + 'save "v.nii.gz" a\n',
        *("E202", "2:6", '"v.nii.gz"', ("/dev/full", "not a folder")),
        ("-o", "/dev/full"),
    ),
    Mistake(
        "place where nothing can be written",
        LOAD + 'save "v.nii.gz" a\n',
        *("E202", "2:6", '"v.nii.gz"', ("`/proc`", "no file can be written")),
        ("-o", "/proc/none"),
    ),
    Mistake(
        "place where nothing can be written, in the program",
        LOAD + 'save "/proc/none/v.nii.gz" a\n',
        *("E202", "2:6", '"/proc/none/v.nii.gz"', ("`/proc`", "relative name")),
    ),
    Mistake(
        "folder where a file should be",
        LOAD + 'save "folder.nii.gz" a\n',
        *("E202", "2:6", '"folder.nii.gz"', ("folder.nii.gz", "is a folder")),
    ),
    Mistake(
        "missing import",
        'import "other.imgql"\n',
        *("E108", "1:8", '"other.imgql"', ("`other.imgql`", "beside the program")),
    ),
    Mistake(
        "import that is no text",
        'import "latin.imgql"\n',
        *("E109", "1:8", '"latin.imgql"', ("UTF-8", "0xe9")),
    ),
    Mistake(
        "no image to give the grid",
        'print "v" volume(tt)\n',
        *("E110", "1:11", "volume(tt)", ("grid", "load an image")),
    ),
    Mistake(
        "string that does not end",
        'load a = "ramp.nii.gz\nprint "v" 1\n',
        *("E100", "1:10", '"', ("not closed",)),
    ),
    Mistake(
        "parenthesis that is not closed",
        LOAD + 'print "v" max(a\n',
        *("E100", "2:16", "", ("expected `)`", "opened here")),
    ),
    Mistake(
        "nothing after an operator",
        'print "v" 3 +\n',
        *("E100", "1:14", "", ("expected an expression",)),
    ),
    Mistake(
        "characters wider than a byte before the mistake",
        'print "größe λ 日" missing\n',
        *("E101", "1:19", "missing", ("`missing`",)),
    ),
]

WHILE_RUNNING = [
    Mistake(
        "gzip that ends early",
        'load a = "cut.nii.gz"\nprint "v" max(a)\n',
        *("E201", "1:10", '"cut.nii.gz"', ('print "v"', "cut.nii.gz", "truncated")),
    ),
    Mistake(
        "gzip that is damaged",
        'load a = "damaged.nii.gz"\nprint "v" max(a)\n',
        *("E201", "1:10", '"damaged.nii.gz"', ("damaged.nii.gz", "damaged")),
    ),
    Mistake(
        "empty mask",
        LOAD + 'print "mean" avg(a, a > 1000)\n',
        *("E301", "2:14", "avg(a, a > 1000)", ('print "mean"', "no true voxel")),
    ),
    Mistake(
        "folder that another save makes a file",
        LOAD + 'save "w.nii.gz" a\nsave "w.nii.gz/v.nii.gz" a\n',
        *("E303", "3:6", '"w.nii.gz/v.nii.gz"', ('save "w.nii.gz/v.nii.gz"', "not a folder")),
        ("--quiet",),
    ),
]


@pytest.fixture
def broken(desk: Path) -> Path:
    """A desk with additional broken files."""
    (desk / "empty.nii.gz").touch()
    (desk / "dangling.nii.gz").symlink_to("nowhere.nii.gz")
    (desk / "folder.nii.gz").mkdir()
    _write_damaged(desk)
    _write_claims(desk)
    return desk


def _write_damaged(desk: Path) -> None:
    """Write images with intact headers and damaged data."""
    noise = np.random.default_rng(0).integers(0, 30_000, (40, 40, 40), np.int16)
    whole = desk / "whole.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(whole))
    content = bytearray(whole.read_bytes())
    (desk / "cut.nii.gz").write_bytes(content[: len(content) // 2])
    content[-8] ^= 0xFF  # of the checksum
    (desk / "damaged.nii.gz").write_bytes(content)


def _write_claims(desk: Path) -> None:
    """Write headers of 30000×30000×30000 voxels of 4 bytes, without data."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 16, 32)
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<f", header, 108, 352.0)
    header[344:348] = b"n+1\0"
    (desk / "claims.nii").write_bytes(header)
    (desk / "claims.nii.gz").write_bytes(gzip.compress(bytes(header)))
    (desk / "claims.mha").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 30000 30000 30000\n"
        "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("mistake", BEFORE_RUNNING, ids=lambda each: each.name)
def test_before_running(mistake: Mistake, broken: Path) -> None:
    before = set(broken.rglob("*"))
    ended = run_text(mistake.program, *mistake.arguments, cwd=broken)
    assert (ended.status, ended.out) == (1, "")
    _check(mistake, ended.err)
    assert {path.name for path in set(broken.rglob("*")) - before} == {"p.imgql"}


@pytest.mark.parametrize("mistake", WHILE_RUNNING, ids=lambda each: each.name)
def test_while_running(mistake: Mistake, broken: Path) -> None:
    text = f'print "first" 1\n{mistake.program}print "last" 2\n'
    line, column = mistake.place.split(":")
    ended = run_text(text, *mistake.arguments, cwd=broken)
    assert (ended.status, ended.out) == (1, "first=1\nlast=2\n")
    _check(mistake, ended.err, f"{int(line) + 1}:{column}")


def test_every_goal_that_a_damaged_file_fails_is_named(broken: Path) -> None:
    text = 'load a = "cut.nii.gz"\nprint "x" max(a)\nprint "y" 1\nsave "z.nii.gz" a\n'
    ended = run_text(text, cwd=broken)
    assert (ended.status, ended.out) == (1, "y=1\n")
    assert 'print "x"' in ended.err and 'save "z.nii.gz"' in ended.err
    assert not (broken / "z.nii.gz").exists()


def _check(mistake: Mistake, err: str, place: str = "") -> None:
    lines = err.splitlines()
    assert [line for line in lines if line.startswith("error[")] == lines[:1], err
    assert lines[0].startswith(f"error[{mistake.code}]: "), err
    place = place or mistake.place
    assert lines[1] == f"  ┌─ p.imgql:{place}", err
    line, column = map(int, place.split(":"))
    number, bar, shown = lines[2].partition(" │ ")
    assert (number, bar) == (str(line), " │ ")
    carets = lines[3].partition("│ ")[2]
    assert carets.strip() == "^" * max(len(mistake.marked), 1), err
    start = len(carets) - len(carets.lstrip())
    assert start == column - 1
    assert shown[start : start + len(mistake.marked)] == mistake.marked, err
    for text in mistake.texts:
        assert text in err, err
