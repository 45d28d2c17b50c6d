"""Programs of ``cases/``, each step held to the reference: none has a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

import voxgpu
from tests.programs.inputs import write_inputs
from tests.programs.test_programs import CASES, Expectation

#: One in eight: all of them take half a minute.
SOME = CASES[::8]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


@pytest.mark.parametrize("path", SOME, ids=lambda path: path.stem)
def test_no_step_differs(path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Expectation(path.read_text())
    monkeypatch.chdir(inputs)
    define, options = expected.pairs("define"), expected.pairs("option")
    options.update(device="cpu", on_error="collect")
    try:
        result = voxgpu.run(path, define, validate=True, **options)  # type: ignore[arg-type]
    except voxgpu.ImgqlError as error:
        assert "E306" not in {each.code for each in error.diagnostics}, str(error)
        return
    assert [str(each) for each in result.prints] == expected["print"]
