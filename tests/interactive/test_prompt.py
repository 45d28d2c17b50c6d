"""Completion at the end of a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manual.inventory import foreign_names, own_names
from voxgpu.interactive.prompt import completions
from voxgpu.manual import manual
from voxgpu.primitives.catalogue import standard_primitives

KNOWN = [name for each in manual(standard_primitives()) for name in each.names]


def _texts(text: str, folder: Path) -> list[str]:
    found = completions(text, ["flair", "truth"], KNOWN, folder)
    return [text[: len(text) + back] + each for each, back in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("volume(fla", ["volume(flair"]),
        ("let a = thr", ["let a = through"]),
        ("tr", ["true", "truth"]),
        ("simpleitk.OtsuT", ["simpleitk.OtsuThreshold"]),
        ("erod", ["erode"]),
        (":l", [":load"]),
        ('load v = "ca', ['load v = "case/', 'load v = "case.nii.gz']),
        (":run case/", [":run case/p.imgql"]),
        ('load v = "none/x', []),
        ("fold + rang", ["fold + range"]),
        ("1 + ", []),
    ],
)
def test_completions(text: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "p.imgql").touch()
    (tmp_path / "case.nii.gz").touch()
    assert sorted(_texts(text, tmp_path)) == sorted(expected)


def test_every_name_is_completed(tmp_path: Path) -> None:
    for name in {*own_names(), *foreign_names()}:
        begun = name[:-1]
        if len(begun) > 1 and begun.replace(".", "").isidentifier():
            assert name in _texts(begun, tmp_path), name
