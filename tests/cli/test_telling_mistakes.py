"""Reporting of mistakes: all at once, in order, and without control characters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import run_text, voxgpu


def test_all_mistakes_are_told_at_once_in_the_order_of_the_program(desk: Path) -> None:
    text = (
        'load a = "missing.nii.gz"\nload b = "ramp.nii.gz"\nprint "x" nothing(b)\n'
        'save "x.xyz" b\nprint "y" near(b)\n'
    )
    ended = run_text(text, cwd=desk)
    assert ended.status == 1
    places = [line[5:] for line in ended.err.splitlines() if line.startswith("  ┌─ ")]
    codes = [line[6:10] for line in ended.err.splitlines() if line.startswith("error[")]
    assert codes == ["E201", "E101", "E202", "E102"]
    assert places[:4] == [f"p.imgql:{place}" for place in ("1:10", "3:11", "4:6", "5:16")]


def test_what_follows_from_a_mistake_is_not_told(desk: Path) -> None:
    text = 'load a = "missing.nii.gz"\nlet b = a > 1\nlet c = near(b) & b\nprint "x" volume(c)\n'
    assert run_text(text, cwd=desk).err.count("error[") == 1


def test_a_mistake_in_an_import_is_told_in_the_import(desk: Path) -> None:
    ended = run_text('import "flawed.imgql"\nprint "x" 1\n', cwd=desk)
    assert (ended.status, ended.out) == (1, "")
    assert "flawed.imgql:2:12" in ended.err and "`missing`" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("missing.imgql", ("`missing.imgql`", "o such file")),
        ("scans", ("`scans`", "irectory")),
        ("latin.imgql", ("`latin.imgql`", "UTF-8", "0xe9")),
        ("ramp.nii.gz", ("`ramp.nii.gz`", "UTF-8")),
    ],
)
@pytest.mark.parametrize("command", ["run", "check", "show"])
def test_programs_that_cannot_be_read(
    command: str, name: str, texts: tuple[str, ...], desk: Path
) -> None:
    ended = voxgpu(command, name, cwd=desk)
    assert (ended.status, ended.out) == (1, "")
    for text in ("error[E109]", *texts):
        assert text in ended.err, ended.err


@pytest.mark.slow
@pytest.mark.parametrize("character", ["\0", "\x1b", "\x07", "\x9b"])
def test_what_would_command_the_terminal_is_not_repeated(character: str, tmp_path: Path) -> None:
    """A program, or the name of a file in it, may come from anyone."""
    ended = run_text(f'load a = "x{character}[31mred" {character}\n', cwd=tmp_path)
    assert (ended.status, ended.out) == (1, "")
    assert "p.imgql:1:" in ended.err
    assert character not in ended.err


def test_a_long_line_is_not_repeated_whole(tmp_path: Path) -> None:
    ended = run_text(f'print "{"long " * 10_000}" missing\n', cwd=tmp_path)
    assert ended.status == 1 and "p.imgql:1:50010" in ended.err
    assert "`missing`" in ended.err and len(ended.err) < 2000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "circle.nii.gz"])
def test_impossible_file_names_are_mistakes(name: str, desk: Path) -> None:
    (desk / "circle.nii.gz").symlink_to("circle.nii.gz")
    for text in (
        f'load a = "{name}"\n',
        'load a = "ramp.nii.gz"\n' + f'save "{name}/x.nii.gz" a\n',
    ):
        ended = run_text(text, cwd=desk)
        assert ended.status == 1 and "error[E" in ended.err and "p.imgql:" in ended.err
