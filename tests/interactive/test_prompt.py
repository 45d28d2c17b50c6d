"""What may stand at the end of a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxgpu.interactive.prompt import completions


def _texts(text: str, folder: Path) -> list[str]:
    found = completions(text, ["flair", "truth"], ["near", "through"], folder)
    return [text[: len(text) + back] + each for each, back in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("volume(fl", ["volume(flair"]),
        ("let a = thr", ["let a = through"]),
        ("t", ["then", "through", "true", "truth"]),
        (":l", [":load"]),
        ('load v = "ca', ['load v = "case/', 'load v = "case.nii.gz']),
        (":run case/", [":run case/p.imgql"]),
        ('load v = "none/x', []),
        ("fold + ran", ["fold + range"]),
        ("1 + ", []),
    ],
)
def test_completions(text: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "p.imgql").touch()
    (tmp_path / "case.nii.gz").touch()
    assert sorted(_texts(text, tmp_path)) == sorted(expected)
