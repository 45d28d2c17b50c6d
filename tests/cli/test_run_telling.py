"""Messages of a run besides its results: saved files, details, a log."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from tests.cli.command import run_text, voxgpu

TEXT = 'load a = "ramp.nii.gz"\nprint "m" max(a)\nsave "o.nii.gz" a > 3\nsave "sub/p.nrrd" a > 5\n'


def test_what_was_saved_is_told_unless_it_is_to_be_quiet(desk: Path) -> None:
    options = ("--store", "kept", "-o", "out")
    ended = run_text(TEXT, *options, cwd=desk)
    files = [desk / "out" / "o.nii.gz", desk / "out" / "sub" / "p.nrrd"]
    assert sorted(ended.err.splitlines()) == [f"saved {each}" for each in files]
    assert ended.out == "m=234\n"
    again = run_text(TEXT, *options, cwd=desk)
    assert sorted(again.err.splitlines()) == [f"saved {each}, unchanged" for each in files]
    assert run_text(TEXT, *options, "-q", cwd=desk).err == ""
    assert run_text(TEXT, *options, "--json", cwd=desk).err == ""
    assert f"saved {files[0]}" in run_text(TEXT, *options, "-v", cwd=desk).err


def test_only_what_was_saved_is_told(desk: Path) -> None:
    text = TEXT + 'save "q.nii.gz" a > avg(a, a > 1000)\n'
    ended = run_text(text, "-o", "out", cwd=desk)
    assert ended.status == 1
    assert ended.err.count("saved ") == 2 and "error[E301]" in ended.err


def test_a_log_has_everything_however_quiet_it_is(desk: Path) -> None:
    text = TEXT + 'print "e" avg(a, a > 1000)\nprint "w" dice(a > 1000, a > 2000)\n'
    ended = run_text(text, "-q", "--log", "run.log", "-D", "X=1", cwd=desk)
    assert ended.err.startswith("error[E301]")
    lines = (desk / "run.log").read_text("utf-8").splitlines()
    for line in lines:
        datetime.fromisoformat(line.split("  ")[0])
    told = "\n".join(line.partition("  ")[2] for line in lines)
    for expected in (
        r"^voxgpu \d",
        r"^program .*p\.imgql -D X=1, SHA-256 [0-9a-f]{64}$",
        r"^device: cpu",
        r"^print m=234$",
        r"^saved .*/o\.nii\.gz$",
        r"^error\[E301\]",
        r"^warning\[W302\]",
        r"^input .*ramp\.nii\.gz, SHA-256 [0-9a-f]{64}$",
        r"nodes computed",
    ):
        assert re.search(expected, told, re.MULTILINE), expected
    run_text(TEXT, "--json", "--log", "run.log", cwd=desk)
    more = (desk / "run.log").read_text("utf-8").splitlines()
    assert more[: len(lines)] == lines and len(more) > len(lines)


def test_mistakes_are_in_the_log(desk: Path) -> None:
    run_text("let a = missing\n", "--log", "run.log", cwd=desk)
    assert "error[E101]: nothing is called `missing`" in (desk / "run.log").read_text("utf-8")


def test_a_log_that_cannot_be_written(desk: Path) -> None:
    (desk / "p.imgql").write_text(TEXT)
    ended = voxgpu("run", "p.imgql", "--log", "ramp.nii.gz/x.log", cwd=desk)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "error: cannot write `ramp.nii.gz/x.log`: not a directory\n"
        "  help: name another file with --log, in a folder that is there and takes files\n"
    )
    assert not (desk / "o.nii.gz").exists()


def test_no_log_and_no_measurement_goes_into_a_program_or_an_image(desk: Path) -> None:
    program = desk / "kept.imgql"
    program.write_text('print "one" 1\n')
    for words, told in (
        (("run", "kept.imgql", "--log", "./kept.imgql"), "is a program"),
        (("run", "kept.imgql", "--log", "a.nii.gz"), "has the name of an image"),
        (("bench", "kept.imgql", "--json", "kept.imgql"), "is a program"),
    ):
        ended = voxgpu(*words, cwd=desk)
        assert ended.status == 2 and told in ended.err and not ended.out
    assert program.read_text() == 'print "one" 1\n' and not (desk / "a.nii.gz").exists()
