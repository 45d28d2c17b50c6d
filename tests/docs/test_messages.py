"""Each message on the page of messages matches the actual one, word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.mistakes import CASES, Case, write_images
from voxgpu.backends.cuda.detect import detect_gpus
from voxgpu.cli.main import _status

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"

#: The page's name for the working folder.
_FOLDER = "/home/ada/study"

_MESSAGE = re.compile(r"^(?:error|warning)\[.*?(?=^(?:error|warning)\[|^saved |\Z)", re.M | re.S)
_BLOCK = re.compile(r"^```\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: Text that depends on the computer: the amount of memory, and its reason.
_BYTES = re.compile(r"\d+(?:\.\d+)? [MG]iB|(?<= available: ).*")


def _section(code: str) -> re.Match[str]:
    section = re.search(rf"^## {code}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.S | re.M)
    assert section, f"{code} has no section"
    return section


def test_every_block_has_a_case() -> None:
    headings = re.findall(r"^## ([EW]\d+)$", PAGE.read_text("utf-8"), re.M)
    for code in headings:
        blocks = _BLOCK.findall(_section(code)[1])
        assert len(blocks) == len(CASES.get(code, [])), code


_EVERY = [(code, number) for code, cases in CASES.items() for number in range(len(cases))]


@pytest.mark.slow
@pytest.mark.parametrize(("code", "number"), _EVERY, ids=lambda each: str(each))
def test_a_message_is_what_is_told(
    code: str,
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    update_golden: bool,
) -> None:
    if code == "E501" and detect_gpus()[0]:
        pytest.skip("there is a GPU")
    if code == "W402" and not Path("/proc/self").exists():
        pytest.skip("needs a folder that nobody can write in")
    case = CASES[code][number]
    write_images(tmp_path)
    (tmp_path / "tumor.imgql").write_text(case.program)
    for name, text in case.files.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    told = _told(case, tmp_path, monkeypatch, capfd)
    messages = [each.rstrip("\n") + "\n" for each in _MESSAGE.findall(told)]
    mine = [each for each in messages if f"[{code}]" in each.split("\n")[0]]
    assert mine, told
    shown = _BLOCK.findall(_section(code)[1])[number]
    if update_golden:
        text = PAGE.read_text("utf-8")
        PAGE.write_text(text.replace(shown, mine[0]), "utf-8")
        return
    assert _BYTES.sub("N bytes", shown) == _BYTES.sub("N bytes", mine[0])


def _told(
    case: Case,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> str:
    """The message, with folders named as on the page."""
    monkeypatch.chdir(folder)
    if case.prepare:
        case.prepare(folder, monkeypatch)
    if case.python or case.home:
        command = [sys.executable, "-c", case.python]
        if case.home:
            command = [sys.executable, "-m", "voxgpu", *case.typed]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", env=_environment(case, folder)
        )
        told = done.stdout + done.stderr
        told = told.replace("/proc/nobody", case.home).replace(f"{folder}/voxgpu-", "/tmp/voxgpu-")
        told = re.sub(r"(?<=/tmp/voxgpu-)\d+", "1000", told)
        return told.replace("`/proc`", f"`{Path(case.home).parent}`")
    capfd.readouterr()
    _status(case.typed)
    told = capfd.readouterr().err.replace(str(folder), _FOLDER)
    return re.sub(r"^saved .*\n", "", told, flags=re.MULTILINE)


def _environment(case: Case, folder: Path) -> dict[str, str]:
    """The environment of a process, of a user without a home if the case requires it."""
    if not case.home:
        return dict(os.environ)
    dropped = ("VOXGPU_CACHE", "VOXGPU_STORE", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "HOME": "/proc/nobody", "TMPDIR": str(folder)}
