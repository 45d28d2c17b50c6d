"""The answers to the questions of docs/contributing.md about places, held to the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _rows() -> list[str]:
    page = (ROOT / "docs" / "contributing.md").read_text("utf-8")
    (section,) = re.findall(r"^## Where is …\?\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    return [line.split("|")[2] for line in section.splitlines() if line.startswith("| Where")]


def test_there_are_seventeen_answers() -> None:
    assert len(_rows()) == 17


@pytest.mark.parametrize("answer", _rows())
def test_an_answer_names_what_there_is(answer: str) -> None:
    folders: list[Path] = []
    seen = ""
    for name in re.findall(r"`([^`]+)`", answer):
        if re.fullmatch(r"[\w/]+/", name):
            assert any((each / name).is_dir() for each in [ROOT, *folders]), name
            folders.append(ROOT / name)
        elif re.fullmatch(r"[\w/]+\.(py|cu|lark|json)", name):
            if "/" in name:
                folders.append((ROOT / name).parent)
            last = [ROOT / f for f in re.findall(r"`(voxgpu/[\w/]+/)`", answer)]
            found = [each / name for each in [ROOT, *folders, *last] if (each / name).is_file()]
            assert found, name
            seen += found[0].read_text("utf-8")
        elif re.fullmatch(r"@?\w+", name):
            assert name.lstrip("@") in seen + _later(answer), name


def _later(answer: str) -> str:
    """The texts of the files of an answer, which may be named after what is in them."""
    names = re.findall(r"`([\w/]+/[\w/]+\.py)`", answer)
    return "".join((ROOT / each).read_text("utf-8") for each in names)
