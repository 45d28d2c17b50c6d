"""The programs of the gallery give the numbers of its page, on the images of its page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Drawing

from benchmarks.gallery import pictures
from benchmarks.gallery.entries import ENTRIES, FOLDER, Entry
from benchmarks.gallery.page import RECORDED, page
from benchmarks.gallery.run import run

EVERY = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images, written by the command of the page."""
    folder = tmp_path_factory.mktemp("gallery")
    command, _ = _commands()
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parents[1])}
    subprocess.run([sys.executable, *command[1:]], cwd=folder, env=environment, check=True)
    return folder / "images"


def _commands() -> tuple[list[str], list[str]]:
    """The commands of the page: one makes the images, the other runs a program."""
    text = (FOLDER.parent / "gallery.md").read_text("utf-8")
    make, run_one = re.findall(r"`((?:python -m|voxgpu run) [^`]+)`", text)
    return make.split(), run_one.split()


def _recorded() -> dict[str, Any]:
    return json.loads(RECORDED.read_text("utf-8"))


@pytest.mark.slow
@EVERY
def test_a_program_prints_the_numbers_of_the_page(
    entry: Entry, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its picture can be drawn of what it saved, too."""
    prints, _ = run(entry, data, tmp_path)
    expected = _recorded()["programs"][entry.name]["prints"]
    assert list(prints) == list(expected)
    for label, value in expected.items():
        assert prints[label] == pytest.approx(value, rel=1e-6), label
    monkeypatch.setattr(Entry, "picture", property(lambda _: tmp_path / "picture.png"))
    pictures.draw(entry, data, tmp_path, prints)
    with (
        Drawing.open(tmp_path / "picture.png") as drawn,
        Drawing.open(FOLDER / f"{entry.name}.png") as shown,
    ):
        width, height = drawn.size
        # Fonts of other versions differ in size by little.
        assert shown.size == (pytest.approx(width, rel=0.1), pytest.approx(height, rel=0.1))


@pytest.mark.slow
def test_the_command_of_the_page_runs_a_program(data: Path, tmp_path: Path) -> None:
    _, command = _commands()
    images = Path(shutil.copytree(data, tmp_path / "images"))
    (tmp_path / "docs").symlink_to(FOLDER.parent)
    arguments = [sys.executable, "-m", *command]
    done = subprocess.run(arguments, cwd=images, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (images / "results" / "tumor.nii.gz").exists()
    dice = _recorded()["programs"]["tumor"]["prints"]["Dice"]
    assert re.search(rf"^Dice={str(dice)[:6]}", done.stdout, re.MULTILINE)


def test_the_page_is_that_of_the_programs_and_of_the_recorded_run() -> None:
    text = (FOLDER.parent / "gallery.md").read_text("utf-8")
    assert text == page(_recorded()), "run `make gallery`"


def test_every_program_and_picture_is_on_the_page() -> None:
    names = {entry.name for entry in ENTRIES}
    assert len(ENTRIES) == len(names) >= 12
    assert {path.stem for path in FOLDER.glob("*.imgql")} == names
    assert {path.stem for path in FOLDER.glob("*.png")} == names
    assert {*_recorded()["programs"]} == names


@EVERY
def test_a_picture_is_small_and_not_uniform(entry: Entry) -> None:
    assert entry.picture.stat().st_size <= pictures.MOST_BYTES
    with Drawing.open(entry.picture) as drawn:
        assert len(drawn.convert("RGB").getcolors(1 << 24)) > 5
