"""Damaged files of every format give values or messages.

`python tests/faults/damaged_files.py 5000` reads that many of each.
"""

from __future__ import annotations

import pytest

from . import damaged_files
from .damaged_files import BAD, FORMATS, outcomes

COUNT = 30


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_damaged_files_end_in_values_or_messages(name, tmp_path):
    said = dict(outcomes(name, COUNT, tmp_path, seed=1))
    assert {number: each for number, each in said.items() if each.startswith(BAD)} == {}
    assert any(each.startswith("message") for each in said.values())


def test_a_reader_that_dies_is_noticed_and_started_again(tmp_path):
    reader = damaged_files.Reader()
    reader._process.kill()
    assert reader.read(tmp_path / "missing.nii")[0] == "died with -9"
    assert reader.read(tmp_path / "missing.nii")[0].startswith("message")
    reader.close()
