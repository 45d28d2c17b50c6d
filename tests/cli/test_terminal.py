"""Colors and progress: only on a terminal, and only on stderr."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.command import check_text, in_terminal, run_text

ESCAPE = "\x1b"

#: One goal of each kind, one of which fails.
PROGRAM = """load a = "ramp.nii.gz"
print "voxels" volume(!(a > 199) & (a > 99))
print "mean" avg(a, a > 1000)
save "grown.nii.gz" smoothen(2, a > 99)
print "last" max(a)
"""


@pytest.fixture
def program(desk: Path) -> Path:
    (desk / "p.imgql").write_text(PROGRAM)
    return desk


@pytest.mark.slow
def test_no_escape_sequences_where_there_is_no_terminal(program: Path) -> None:
    for arguments in ([], ["-v"], ["--json"]):
        ended = run_text(PROGRAM, *arguments, cwd=program)
        assert ended.status == 1
        assert ESCAPE not in ended.out + ended.err
        assert "\r" not in ended.out + ended.err


@pytest.mark.slow
def test_colors_and_progress_on_a_terminal_but_not_on_stdout(program: Path) -> None:
    status, out, shown = in_terminal("run", "p.imgql", cwd=program)
    assert (status, out) == (1, "voxels=20\nlast=234\n")
    assert f"{ESCAPE}[1;31merror[E301]:" in shown
    assert f"{ESCAPE}[1;33mwarning[W101]:" in shown
    assert f"{ESCAPE}[?25l" in shown, "progress hides the cursor"
    assert shown.rindex(f"{ESCAPE}[?25h") > shown.rindex(f"{ESCAPE}[?25l"), "and shows it again"
    check_text(shown)


@pytest.mark.slow
def test_quiet_shows_no_progress(program: Path) -> None:
    status, out, shown = in_terminal("run", "p.imgql", "-q", cwd=program)
    assert (status, out) == (1, "voxels=20\nlast=234\n")
    assert f"{ESCAPE}[?25l" not in shown and "warning" not in shown
    assert "error[E301]" in shown


@pytest.mark.slow
def test_no_color_is_respected(program: Path) -> None:
    _, _, shown = in_terminal("run", "p.imgql", cwd=program, variables={"NO_COLOR": "1"})
    assert "error[E301]:" in shown
    assert f"{ESCAPE}[1;31m" not in shown and f"{ESCAPE}[34m" not in shown


@pytest.mark.slow
def test_a_terminal_without_abilities_gets_plain_text(program: Path) -> None:
    _, _, shown = in_terminal("run", "p.imgql", cwd=program, variables={"TERM": "dumb"})
    assert "error[E301]:" in shown
    assert ESCAPE not in shown


@pytest.mark.slow
def test_json_on_stdout_stays_json_with_a_terminal_beside(program: Path) -> None:
    status, out, _ = in_terminal("run", "p.imgql", "--json", cwd=program)
    assert status == 1 and out.startswith("{") and out.endswith("}\n")
    assert ESCAPE not in out


@pytest.mark.slow
def test_a_program_with_mistakes_shows_no_progress(desk: Path) -> None:
    (desk / "p.imgql").write_text('print "v" missing\n')
    status, out, shown = in_terminal("run", "p.imgql", cwd=desk)
    assert (status, out) == (1, "")
    assert "error[E101]:" in shown
    assert f"{ESCAPE}[?25l" not in shown


@pytest.mark.slow
def test_results_and_progress_on_one_terminal_do_not_mix(program: Path) -> None:
    """A result begins in the first column of an empty line."""
    status, _, shown = in_terminal("run", "p.imgql", cwd=program, stdout=True)
    assert status == 1
    screen = screen_of(shown)
    assert "voxels=20" in screen and "last=234" in screen, "\n".join(screen)


@pytest.mark.slow
def test_check_tells_in_color_on_a_terminal(program: Path) -> None:
    status, out, shown = in_terminal("check", "p.imgql", cwd=program)
    assert (status, out) == (0, "")
    assert f"{ESCAPE}[1;33mwarning[W101]:" in shown and "no errors, 1 warning" in shown


def test_the_screen_of_the_tests_does_what_terminals_do() -> None:
    assert screen_of("one\rtw\ntext\x1b[2K\rx\x1b[31mred\x1b[0m\n\x1b[1A\x1b[2Kend") == [
        "twe",
        "end",
        "",
    ]


def screen_of(shown: str) -> list[str]:
    """The lines that a terminal shows in the end; handles the escape sequences that rich uses."""
    lines, row, column = [""], 0, 0
    for sequence, text in re.findall(r"(\x1b\[[?\d;]*[A-Za-z]|[\r\n])|([^\x1b\r\n]+)", shown):
        if sequence == "\r":
            column = 0
        elif sequence == "\n":  # the terminal driver adds the carriage return
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif sequence.endswith("A"):
            row = max(row - int(sequence[2:-1] or 1), 0)
        elif sequence == "\x1b[2K":
            lines[row] = ""
        elif text:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + text + line[column + len(text) :]
            column += len(text)
    return [line.rstrip() for line in lines]
