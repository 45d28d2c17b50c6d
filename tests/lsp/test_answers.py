"""Editors ask about programs in any state: every place of a damaged one is answered."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.programs.test_programs import CASES
from voxgpu.compile import Options
from voxgpu.lsp.analysis import Analysis, Manual
from voxgpu.migration.differences import as_diagnostics, differences

_PIECES = ['"', "(", ")", "let ", "=", "[", "\x00", "e\u0301", "fold ", "for x in ", "// "]


def _damaged(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    kind = chance.randrange(3)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + chance.choice(_PIECES) + text[at:]
    return text[:at] + text[at + chance.randrange(1, 9) :]


@pytest.mark.slow
def test_damaged_programs_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(3)
    options = Options(writes=False)
    manual = Manual(options)
    for path in chance.sample(CASES, 40):
        text = _damaged(path.read_text("utf-8"), chance)
        analysis = Analysis(text, path, options, manual)
        for version in (1, 2):
            assert all(map(str, as_diagnostics(differences(analysis.compiled, version))))
        length = len(analysis.source.text)
        for offset in (0, length, *(chance.randrange(length + 1) for _ in range(4))):
            for completion in analysis.completions(offset):
                assert completion.name
            found = analysis.hover(offset)
            assert found is None or found[1].start <= offset <= found[1].stop
            analysis.definition(offset)
