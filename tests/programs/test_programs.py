"""Every program in ``cases/`` states its expected results in comments, which are checked here.

    // define: NAME=VALUE          a program variable
    // option: dialect=imgql1      or same_grid=adopt
    // print: label=value          what is printed, in order, to the letter
    // saved: file.nii.gz sum=N count=N element=E shape=Z,Y,X
                                   a file that is written: sum of its voxels, number of voxels
                                   that are not 0, element type and shape; all but the name optional
    // error: E102 3:14 text       an error or warning at line:column whose text has this in it;
    // warning: W101 3:9 text      `-` for no place; a program with errors prints nothing
    // failed: E301 3:9 text       an error of a goal while running; the others are delivered

Anything that is not expected must not happen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.programs.inputs import write_inputs

CASES = sorted((Path(__file__).parent / "cases").glob("*.imgql"))


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


class Expectation:
    """The expectations in the comments of a program."""

    def __init__(self, text: str) -> None:
        self.lines: dict[str, list[str]] = {}
        for line in text.splitlines():
            key, colon, rest = line.removeprefix("// ").partition(": ")
            if line.startswith("// ") and colon and key.isidentifier():
                self.lines.setdefault(key, []).append(rest)
        unknown = set(self.lines) - {
            *("define", "option", "print", "saved", "error", "warning", "failed", "about")
        }
        assert not unknown, unknown

    def __getitem__(self, key: str) -> list[str]:
        return self.lines.get(key, [])

    def pairs(self, key: str) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self[key])


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_program(path: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Expectation(path.read_text())
    monkeypatch.chdir(inputs)
    define, options = expected.pairs("define"), expected.pairs("option")
    try:
        result = voxgpu.run(path, define, tmp_path, on_error="collect", **options)  # type: ignore[arg-type]
    except voxgpu.ImgqlError as error:
        diagnostics = error.diagnostics
        assert expected["error"], f"unexpected:\n{error}"
        assert not expected["print"] and not expected["saved"] and not expected["failed"]
        _match(expected["error"], [each for each in diagnostics if each.is_error], path)
        _match(expected["warning"], [each for each in diagnostics if not each.is_error], path)
        return
    assert not expected["error"], "the program ran"
    assert [str(each) for each in result.prints] == expected["print"]
    _match(expected["failed"], list(result.errors), path)
    _match(expected["warning"], list(result.warnings), path)
    assert [each.label for each in result.saved] == [s.split()[0] for s in expected["saved"]]
    for line in expected["saved"]:
        _check_file(tmp_path, line)


def _match(expected: list[str], found: list[voxgpu.Diagnostic], path: Path) -> None:
    everything = "\n".join(map(str, found))
    assert len(expected) == len(found), everything
    for line in expected:
        code, place, text = line.split(maxsplit=2)
        assert any(
            each.code == code and _place(each, path) == place and text in each.message
            for each in found
        ), f"{line}\nnot in\n{everything}"


def _place(diagnostic: voxgpu.Diagnostic, path: Path) -> str:
    span = diagnostic.span
    if span is None or span.source.name != str(path):
        return "-"
    return ":".join(map(str, span.source.line_and_column(span.start)))


def _check_file(folder: Path, line: str) -> None:
    name, *facts = line.split()
    image = sitk.ReadImage(str(folder / name))
    voxels = sitk.GetArrayFromImage(image)
    found = {
        "sum": f"{float(voxels.astype(np.float64).sum()):g}",
        "count": str(np.count_nonzero(voxels)),
        "element": str(voxels.dtype),
        "shape": ",".join(map(str, voxels.shape)),
    }
    for fact in facts:
        key, value = fact.split("=")
        assert found[key] == value, f"{name}: {key} is {found[key]}"


def test_there_are_many_programs() -> None:
    assert len(CASES) >= 450
