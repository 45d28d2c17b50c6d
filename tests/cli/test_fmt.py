"""``voxgpu fmt``: what is written, shown and told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, voxgpu

_LOOSE = 'let a=1   // one\nprint "a"a\n'
_NEAT = 'let a = 1 // one\nprint "a" a\n'


def test_files_are_laid_out(tmp_path: Path) -> None:
    (tmp_path / "loose.imgql").write_text(_LOOSE)
    (tmp_path / "neat.imgql").write_text(_NEAT)
    (tmp_path / "loose.imgql").chmod(0o640)
    ended = voxgpu("fmt", "loose.imgql", "neat.imgql", cwd=tmp_path)
    assert ended.status == 0
    assert ended.err == "formatted loose.imgql\n"
    assert (tmp_path / "loose.imgql").read_text() == _NEAT
    assert (tmp_path / "loose.imgql").stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["loose.imgql", "neat.imgql"]


def test_check_and_diff_write_nothing(tmp_path: Path) -> None:
    (tmp_path / "loose.imgql").write_text(_LOOSE)
    ended = voxgpu("fmt", "loose.imgql", "--check", cwd=tmp_path)
    assert (ended.status, ended.err) == (1, "loose.imgql would be formatted\n")
    ended = voxgpu("fmt", "loose.imgql", "--diff", cwd=tmp_path)
    assert ended.status == 0
    assert ended.lines[:2] == ["--- loose.imgql", "+++ loose.imgql (formatted)"]
    assert '-print "a"a' in ended.lines and '+print "a" a' in ended.lines
    assert (tmp_path / "loose.imgql").read_text() == _LOOSE


def test_standard_input(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*COMMAND, "fmt", "-"], input=_LOOSE, capture_output=True, text=True, cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, _NEAT, "")


def test_mistakes_are_told_and_files_left_alone(tmp_path: Path) -> None:
    (tmp_path / "wrong.imgql").write_text("let a = (1\nlet b=2\n")
    (tmp_path / "loose.imgql").write_text(_LOOSE)
    (tmp_path / "latin.imgql").write_bytes(b"// caf\xe9\n")
    ended = voxgpu("fmt", "wrong.imgql", "none.imgql", "latin.imgql", "loose.imgql", cwd=tmp_path)
    assert ended.status == 1
    assert "error[E100]" in ended.err and "wrong.imgql:" in ended.err
    assert ended.err.count("error[E109]") == 2
    assert (tmp_path / "wrong.imgql").read_text() == "let a = (1\nlet b=2\n"
    assert (tmp_path / "loose.imgql").read_text() == _NEAT


def test_operators_of_imports_are_known(tmp_path: Path) -> None:
    (tmp_path / "parts.imgql").write_text("let ++(a, b) = a + b\nlet +++(a) = a\n")
    (tmp_path / "p.imgql").write_text('import "parts"\nprint "n" 1++ +++2\n')
    assert voxgpu("fmt", "p.imgql", cwd=tmp_path).status == 0
    assert (tmp_path / "p.imgql").read_text() == 'import "parts"\nprint "n" 1 ++ +++ 2\n'


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_the_byte_order_mark_stay(tmp_path: Path, end: str, mark: str) -> None:
    neat = (mark + _NEAT.replace("\n", end)).encode()
    loose = (mark + _LOOSE.replace("\n", end)).encode()
    (tmp_path / "loose.imgql").write_bytes(loose)
    (tmp_path / "neat.imgql").write_bytes(neat)
    assert voxgpu("fmt", "neat.imgql", "--check", cwd=tmp_path).status == 0
    shown = voxgpu("fmt", "neat.imgql", "loose.imgql", "--diff", cwd=tmp_path)
    assert [line for line in shown.lines if line[:1] in "+-"][2:] == [
        "-let a=1   // one",
        '-print "a"a',
        "+let a = 1 // one",
        '+print "a" a',
    ]
    assert voxgpu("fmt", "loose.imgql", "neat.imgql", cwd=tmp_path).err == "formatted loose.imgql\n"
    assert (tmp_path / "loose.imgql").read_bytes() == neat
    assert (tmp_path / "neat.imgql").read_bytes() == neat
    piped = subprocess.run([*COMMAND, "fmt", "-"], input=loose, capture_output=True, cwd=tmp_path)
    assert piped.stdout == neat


def test_mixed_line_ends_become_those_of_most_lines(tmp_path: Path) -> None:
    (tmp_path / "mixed.imgql").write_bytes(b"let a = 1\r\nlet b = 2\r\nlet c = 3\n")
    assert voxgpu("fmt", "mixed.imgql", "--check", cwd=tmp_path).status == 1
    assert voxgpu("fmt", "mixed.imgql", cwd=tmp_path).status == 0
    assert (tmp_path / "mixed.imgql").read_bytes() == b"let a = 1\r\nlet b = 2\r\nlet c = 3\r\n"
