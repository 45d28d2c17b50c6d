"""``voxgpu repl`` through a pipe and through a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import COMMAND, check_text


def _piped(text: str, cwd: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, "repl", *arguments],
        cwd=cwd,
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    check_text(done.stderr)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    (tmp_path / "p.imgql").write_text('let a = 40\nprint "a" a\nsave "out.nii.gz" 0 * v\n')
    (tmp_path / "q.imgql").write_text('load w = "v.nii.gz"\nprint "max" max(w)\n')
    return tmp_path


def test_lines_from_a_pipe(folder: Path) -> None:
    status, out, err = _piped("let a = 1\na + 1\n\n[a,\n 2]\n", folder)
    assert (status, out, err) == (0, "2\n[1, 2]\n", "")


@pytest.mark.slow
def test_images_are_described(folder: Path) -> None:
    _, out, _ = _piped('load v = "v.nii.gz"\nv\nv > 20\nfor i in [1] do v > i\n', folder)
    assert "image of numbers, int16, 5×4×3 voxels of 1×1×1 mm" in out
    assert "min 0, max 59, mean 29.5" in out
    assert "39 of 60 voxels are true (65 %)" in out
    assert "sequence of image of true/false, length 1; [0] is\nimage of true/false" in out
    assert "▀" not in out


@pytest.mark.slow
def test_mistakes_are_told_and_forgotten(folder: Path) -> None:
    status, out, err = _piped("let a = missing\na\nlet a = 2\na\n", folder)
    assert status == 1
    assert out == "2\n"
    assert err.count("error[E101]") == 2
    assert "input 1:1:9" in err


@pytest.mark.slow
def test_names_are_explained(folder: Path) -> None:
    lines = [
        ":type grow",
        ":type length",
        ":type +",
        ":type simpleitk.Median",
        ":type print",
        ":help T",
        ":help for",
        ":help grwo",
    ]
    status, out, err = _piped("\n".join(lines) + "\n", folder)
    region = "image of true/false"
    assert f"function grow(a: {region}, b: {region}) -> {region}\n" in out
    assert "function length(xs: sequence of T) -> number\n" in out
    assert "+(a: number, b: image of numbers) -> image of numbers\n" in out
    assert "function simpleitk.Median(" in out
    assert "\nprint LABEL EXPR\n" in out
    assert f"touch(a: {region}, b: {region}) -> {region}\n\n    The parts of a" in out
    assert "for NAME in SEQUENCE do EXPR" in out
    assert "nothing is called `grwo`: did you mean `grow`?" in err
    assert status == 1


@pytest.mark.slow
def test_every_word(folder: Path) -> None:
    lines = [
        ":help",
        'load v = "v.nii.gz"',
        ":load p.imgql",
        "a + 2",
        ":run q.imgql",
        ":type v > a",
        ":type near",
        "f(x, y) = x + y",
        ":type f",
        "let v = v",
        ":show",
        ":show max(v) + 1",
        ":reset",
        "a",
        ":nonsense",
        ":rest",
        ":load",
        ":load none.imgql",
        ":quit",
        "1",
    ]
    status, out, err = _piped("\n".join(lines) + "\n", folder)
    shown = out.splitlines()
    assert "  :reset         forget everything" in shown
    assert "a=40" in shown
    assert "42" in shown
    assert "max=59" in shown
    assert any(line.startswith("saved ") and line.endswith("out.nii.gz") for line in shown)
    assert "image of true/false, bool, 5×4×3 voxels of 1×1×1 mm, origin (0, 0, 0) mm" in shown
    assert "function near(b: image of true/false) -> image of true/false" in shown
    assert "function f(x, y)" in shown
    # In the order of the last bindings, each name once.
    assert [line for line in shown if line in ("v: image of numbers", "a: number", "f(x, y)")] == [
        "a: number",
        "f(x, y)",
        "v: image of numbers",
    ]
    assert any(": number = .+.(" in line for line in shown)
    assert "there is no `:nonsense`: :help tells what there is" in err
    assert "there is no `:rest`: did you mean `:reset`?" in err
    assert ":load needs FILE" in err
    assert shown[-1] != "1"
    assert "nothing is called `a`" in err
    assert "none.imgql" in err
    assert status == 1


def test_options_hold(folder: Path) -> None:
    status, out, _ = _piped(
        "$LEVEL + 1\n1 - 2 - 3\n", folder, "-D", "LEVEL=4", "--dialect", "imgql1"
    )
    assert (status, out) == (0, "5\n2\n")


@pytest.mark.slow
@pytest.mark.parametrize("text", [":nonsense", ":load", ":load none.imgql", ":run none.imgql", "a"])
def test_the_status_tells_that_something_went_wrong(text: str, folder: Path) -> None:
    assert _piped(text + "\n", folder)[0] == 1


def test_a_pipe_needs_no_prompt(folder: Path) -> None:
    code = (
        "import sys; from voxgpu.cli.main import main\n"
        "try: main(['repl'])\n"
        "except SystemExit: pass\n"
        "print({'prompt_toolkit', 'SimpleITK', 'PIL'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, input="1 + 1\n", capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\nset()\n"


def test_an_interrupted_pipe_ends(folder: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "repl"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("1 + 1\nfold + for i in range(0, 3000000) do i\n3 + 3\n")
    process.stdin.flush()
    assert process.stdout.readline() == "2\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "interrupted" in err and "Traceback" not in err


class Terminal:
    """The prompt on a terminal of its own."""

    def __init__(self, folder: Path, state: str = "state") -> None:
        self._master, end = pty.openpty()
        variables = {"TERM": "xterm-256color", "XDG_STATE_HOME": str(folder / state)}
        self.process = subprocess.Popen(
            [*COMMAND, "repl"],
            cwd=folder,
            env={**os.environ, **variables},
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        os.close(end)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str, times: int = 1) -> None:
        """Read until the terminal shows a text; fail if the output ends before."""
        patience = time.monotonic() + 300
        while self.shown.count(text) < times:
            assert time.monotonic() < patience, self.shown
            if select.select([self._master], [], [], 0.2)[0]:
                self.shown += os.read(self._master, 65536).decode("utf-8", "replace")
            # Answer requests for the cursor position.
            if "\x1b[6n" in self.shown:
                self.shown = self.shown.replace("\x1b[6n", "")
                os.write(self._master, b"\x1b[1;1R")

    def end(self, keys: str) -> int:
        """Type until the prompt has ended: keys typed while no prompt is shown may be lost."""
        for _ in range(300):
            self.type(keys)
            try:
                status = self.process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
            os.close(self._master)
            return status
        raise AssertionError(self.shown)


@pytest.mark.slow
def test_a_dialog_on_a_terminal(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_for("voxgpu>")
    terminal.type('load v = "v.nii.gz"\r')
    terminal.type("v > 20\r")
    terminal.wait_for("39 of 60 voxels are true")
    terminal.wait_for("▀")
    terminal.type("[1,\r")
    terminal.wait_for("...>")
    terminal.type("20 + 3]\r")
    terminal.wait_for("[1, 23]")
    terminal.type("let nothing = ")
    terminal.wait_for("let nothing")
    terminal.type("\x03")
    terminal.type("1000 + 1\r")
    terminal.wait_for("1001")
    assert terminal.end("\x04") == 0
    history = folder / "state" / "voxgpu" / "history"
    assert "v > 20" in history.read_text()


@pytest.mark.slow
def test_no_history_where_it_cannot_be_written(folder: Path) -> None:
    terminal = Terminal(folder, state="v.nii.gz")
    terminal.wait_for("voxgpu>")
    terminal.type("1000 + 1\r")
    terminal.wait_for("1001")
    assert terminal.end("\x04") == 0
    assert "Traceback" not in terminal.shown


@pytest.mark.slow
def test_names_are_completed(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_for("voxgpu>")
    terminal.type("format_s\t")
    terminal.wait_for("tring")
    terminal.type('("{}!", 1000 + 7)\r')
    terminal.wait_for('"1007!"')
    assert terminal.end("\x04") == 0


@pytest.mark.slow
def test_several_lines_are_pasted(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_for("voxgpu>")
    terminal.type('\x1b[200~let a = 1000\nlet b = a +\n  8\nprint "b" b\x1b[201~\r')
    terminal.wait_for("b=1008")
    assert terminal.end("\x04") == 0


@pytest.mark.slow
def test_an_interrupted_computation_leaves_the_rest(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.wait_for("voxgpu>")
    terminal.type("let a = 5\r")
    terminal.type("fold + for i in range(0, 3000000) do i * a\r")
    time.sleep(3)
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.wait_for("interrupted")
    terminal.type("a + 2000\r")
    terminal.wait_for("2005")
    assert terminal.end(":quit\r") == 0
