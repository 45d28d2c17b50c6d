"""Terminals are asked what they can show, and the answer is taken; over a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from voxgpu.interactive.picture_protocol import answered
from voxgpu.interactive.sixel import sixels

ABILITIES = b"\x1b[?62;22c"
KITTY = b"\x1b_Gi=31;OK\x1b\\"
ANSWERS = {
    "kitty": KITTY + b"\x1bP>|ghostty 1.1\x1b\\" + ABILITIES,
    "iterm": b"\x1bP>|iTerm2 3.5.1\x1b\\" + ABILITIES,
    "sixel": b"\x1bP>|foot(1.16)\x1b\\\x1b[?62;4;22c",
    "": b"\x1b_Gi=31;EINVAL\x1b\\" + ABILITIES,
}

#: Asks once for each answer; tells what came and whether the terminal is as it was.
_ASKING = """
import sys, termios
from voxgpu.interactive.picture_protocol import ask
before = termios.tcgetattr(0)
for number in range(int(sys.argv[1])):
    answer = ask(0, 1, 0.25 if number == 0 else 20.0)
    print("answer", number, answer.hex() or "none", termios.tcgetattr(0) == before, flush=True)
"""


class Terminal:
    """A process on a terminal of its own, which answers like one.

    answer  returns what the terminal sends back, from all that it has received so far
    """

    def __init__(
        self, words: list[str], variables: dict[str, str], answer: Callable[[bytes], bytes]
    ) -> None:
        self.process, self._end = pty.fork()
        if not self.process:
            os.execvpe(words[0], words, {**os.environ, **variables})
        self.received, self._answer = b"", answer

    def until(self, text: bytes, times: int = 1) -> bytes:
        """All that was received when the text has come, or the process has ended."""
        end = monotonic() + 120
        while self.received.count(text) < times and monotonic() < end:
            if not select.select([self._end], [], [], 1.0)[0]:
                continue
            try:
                part = os.read(self._end, 65536)
            except OSError:
                break
            if not part:
                break
            self.received += part
            back = self._answer(self.received)
            if back:
                os.write(self._end, back)
        return self.received

    def send(self, text: bytes) -> None:
        os.write(self._end, text)

    def end(self) -> int:
        self.until(b"\0nothing")
        os.close(self._end)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def answering(answers: list[bytes]) -> Callable[[bytes], bytes]:
    """Answers each time when the terminal is asked for its abilities with the next of these."""
    count = 0

    def answer(received: bytes) -> bytes:
        nonlocal count
        if received.count(b"\x1b[c") <= count:
            return b""
        count += 1
        return answers[min(count, len(answers)) - 1]

    return answer


@pytest.mark.parametrize("expected", ANSWERS)
def test_answers_of_terminals(expected: str) -> None:
    assert answered(ANSWERS[expected]) == expected


def test_answers_that_say_nothing() -> None:
    assert answered(b"") == "" == answered(b"\x1b[?4c") == answered(b"\x1b[?64;14;44c")


def test_a_terminal_is_asked_and_left_as_it_was() -> None:
    """The first one does not answer; what the others say is read up to its end."""
    answers = [b"", *ANSWERS.values()]
    words = [sys.executable, "-c", _ASKING, str(len(answers))]
    terminal = Terminal(words, {}, answering(answers))
    assert terminal.end() == 0
    told = re.findall(rb"answer (\d) (\w+) (\w+)", terminal.received)
    assert told == [
        (str(n).encode(), answer.hex().encode() or b"none", b"True")
        for n, answer in enumerate(answers)
    ]


def test_what_was_typed_is_not_taken_for_an_answer() -> None:
    script = "input()\nimport time\nprint('ready', flush=True)\ntime.sleep(0.2)\n" + _ASKING
    terminal = Terminal([sys.executable, "-c", script, "1"], {}, answering([KITTY + ABILITIES]))
    terminal.send(b"first\n")
    terminal.until(b"ready")
    terminal.send(b"second\n")
    assert terminal.end() == 0
    assert b"answer 0 none True" in terminal.received and b"\x1b[c" not in terminal.received


def _read(text: str) -> npt.NDArray[np.uint8]:
    """The picture of a sixel sequence, by an interpreter of its own."""
    head = re.match(r'\x1bP0;1;0q"1;1;(\d+);(\d+)', text)
    assert head and text.endswith("\x1b\\")
    width, height = int(head[1]), int(head[2])
    picture = np.zeros((height + 6, width, 3), np.uint8)
    colors: dict[int, list[int]] = {}
    top = column = color = 0
    for token in re.findall(r"#\d+(?:;2(?:;\d+){3})?|!\d+.|[$-]|[?-~]", text[head.end() : -2]):
        if token[0] == "#":
            number, *parts = map(int, token[1:].split(";"))
            color = number
            if parts:
                colors[number] = [round(each * 2.55) for each in parts[1:]]
        elif token == "$":
            column = 0
        elif token == "-":
            top, column = top + 6, 0
        else:
            times = int(token[1:-1]) if token[0] == "!" else 1
            for bit in range(6):
                if (ord(token[-1]) - 63) >> bit & 1:
                    picture[top + bit, column : column + times] = colors[color]
            column += times
    return picture[:height]


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (24, 40)])
def test_sixels_are_the_picture(shape: tuple[int, int]) -> None:
    colors = np.array([[0, 0, 0], [255, 0, 0], [51, 102, 204], [255, 255, 255]], np.uint8)
    pixels = colors[np.random.default_rng(0).integers(0, 4, shape)]
    pixels[:, : shape[1] // 2] = colors[1]
    assert np.array_equal(_read(sixels(pixels)), pixels)


def test_a_grey_picture_in_sixels_has_its_shades() -> None:
    pixels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    read = _read(sixels(pixels)).astype(int)
    assert np.abs(read - pixels).max() <= 4


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    voxels = np.arange(6 * 20 * 20, dtype=np.int16).reshape(6, 20, 20)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    return tmp_path / "v.nii.gz"


def _plain(**variables: str) -> dict[str, str]:
    """A terminal whose variables tell only of colors."""
    names = ("TMUX", "TERM_PROGRAM", "KITTY_WINDOW_ID", "NO_COLOR", "COLORTERM")
    unknown = dict.fromkeys(names, "")
    return {**unknown, "TERM": "xterm-256color", "COLUMNS": "100", **variables}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "variables", "sign"),
    [
        ("kitty", {}, b"\x1b_Ga=T,f=100,"),
        ("iterm", {}, b"\x1b]1337;File=inline=1:"),
        ("sixel", {}, b'\x1bP0;1;0q"1;1;'),
        ("", {}, b"\x1b[0m\r\n\x1b[38;5;"),
        ("kitty", {"VOXGPU_PICTURES": "blocks"}, b"\x1b[38;2;"),
    ],
    ids=["kitty", "iterm", "sixel", "colors", "as asked"],
)
def test_a_picture_is_shown_by_the_best_protocol(
    scan: Path, answer: str, variables: dict[str, str], sign: bytes
) -> None:
    words = [sys.executable, "-m", "voxgpu", "picture", str(scan), "--size", "60"]
    terminal = Terminal(words, _plain(**variables), answering([ANSWERS[answer]]))
    assert terminal.end() == 0
    assert sign in terminal.received
    assert (b"\x1b[c" in terminal.received) == (not variables)


@pytest.mark.slow
def test_the_prompt_shows_a_picture_of_an_image(scan: Path) -> None:
    asked = answering([ANSWERS["sixel"]])
    places = 0

    def answer(received: bytes) -> bytes:
        nonlocal places
        back = asked(received)
        while received.count(b"\x1b[6n") > places:  # where the cursor is
            places += 1
            back += b"\x1b[1;1R"
        return back

    words = [sys.executable, "-m", "voxgpu", "repl", "--store", "none"]
    terminal = Terminal(words, _plain(), answer)
    for number, text in enumerate((f'load v = "{scan}"', "v > 100", "v", ":quit")):
        terminal.until(b"\x1b[6n", number + 1)  # once for each prompt
        terminal.send(f"{text}\r".encode())
    assert terminal.end() == 0
    assert terminal.received.count(b'\x1bP0;1;0q"1;1;20;20') == 2
    assert terminal.received.count(b"\x1b[>q") == 1
