"""Warning W101 is given exactly for chains that VoxLogicA 1 or 2 may evaluate differently."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

import voxgpu
from tests.strategies import law

BEGIN = """load f = "f.nrrd"
let g = f + 1
let a = f > 3
let b = f > 4
let c = f > 5
let n = max(f)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    voxels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "f.nrrd"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _warnings(expression: str, measure: str = "max") -> list[str]:
    shown = f"{measure}({expression})" if measure else expression
    text = f'{BEGIN}print "x" {shown}\n'
    diagnostics = voxgpu.check(text)
    assert {each.code for each in diagnostics} <= {"W101"}, diagnostics
    return [each.message for each in diagnostics]


@pytest.mark.parametrize(
    ("measure", "expression"),
    [
        ("", "1 + 2 + 3 + 4"),
        ("", "2 * 3 * 4 / 2"),
        ("", "n + 1 - 3"),
        ("", "-n * 3"),
        ("", "n + 1 > 3"),
        ("", "3 < n * 2"),
        ("", "true && false && true"),
        ("max", "f * 2 + 1"),
        ("max", "2 * f - 1"),
        ("max", "f + g + f + g"),
        ("max", "f *. 2 +. 1"),
        ("volume", "f > 0.8 * n"),
        ("volume", "f > 3 & g < 5"),
        ("volume", "f >. 3 & g <. 5 | a"),
        ("volume", "a | b & a | b"),
        ("volume", "a & b \\ c"),
    ],
)
def test_equivalent_readings_give_no_warning(measure: str, expression: str, folder: Path) -> None:
    assert not _warnings(expression, measure)


@pytest.mark.parametrize(
    ("measure", "expression", "reading"),
    [
        ("", "100 / 5 / 2", "1 reads `100 / (5 / 2)`"),
        ("", "n - 1 - 1", "1 reads `n - (1 - 1)`"),
        ("", "1 + 2 * 3", "2 reads `(1 + 2) * 3`"),
        ("", "n * 2 + 1", "1 reads `n * (2 + 1)`"),
        ("max", "f - g + f", "1 reads `f - (g + f)`"),
        ("max", "f - 0.5 * n", "2 reads `(f - 0.5) * n`"),
        ("max", "f + g * f", "2 reads `(f + g) * f`"),
        ("volume", "!a & b", "1 reads `! (a & b)`"),
        ("volume", "a | b & c", "2 reads `(a | b) & c`"),
        ("volume", "a \\ b \\ c", "1 reads `a \\ (b \\ c)`"),
        ("volume", "!a | b & c & a & b & c & (f > 9) & (f > 8) & (f > 7)", "1 reads `! (a | (b"),
        ("volume", "a ~> b & c", "1 reads `a ~> (b & c)`"),
    ],
)
def test_different_readings_warn(measure: str, expression: str, reading: str, folder: Path) -> None:
    (message,) = _warnings(expression, measure)
    assert reading in message


@pytest.mark.slow
@law(150)
@given(
    st.lists(st.integers(0, 5), min_size=3, max_size=6),
    st.lists(st.sampled_from("+-*"), min_size=5, max_size=5),
)
def test_warns_exactly_if_values_differ(values: list[int], signs: list[str]) -> None:
    """Sums and products of integers are exact, so the value of each reading can be computed."""
    pieces = [str(each) for each in values]
    text = pieces[0] + "".join(f" {s} {p}" for s, p in zip(signs, pieces[1:], strict=False))
    of = {each: _value(text, each) for each in ("imgql", "imgql1", "imgql2")}
    output = any(each.code == "W101" for each in voxgpu.check(f'print "x" {text}\n'))
    assert output == (len(set(of.values())) > 1), (text, of)


def _value(text: str, dialect: str) -> object:
    chosen = None if dialect == "imgql" else dialect
    return voxgpu.run(f'print "x" {text}\n', dialect=chosen).values["x"]


def _run(folder: Path, text: str, *options: str) -> str:
    (folder / "p.imgql").write_text(text)
    command = [sys.executable, "-m", "voxgpu", *options, "p.imgql"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.slow
def test_a_run_shows_one_warning_and_counts_the_others(folder: Path) -> None:
    text = 'print "a" 9 - 2 - 1\nprint "b" 9 - 3 - 1\nprint "c" 9 - 4 - 1\n'
    output = _run(folder, text, "run")
    assert output.count("W101") == 1 and "note: 2 more expressions are read otherwise" in output
    assert _run(folder, text, "run", "-v").count("W101") == 3
    assert _run(folder, text, "check").count("W101") == 3
    assert "W101" not in _run(folder, "// dialect: voxgpu\n" + text, "check")
    assert "W101" not in _run(folder, text, "check", "--dialect", "voxgpu")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("// dialect: imgql3", "there is no dialect `imgql3`"),
        ("//dialect:voxlogica", "there is no dialect `voxlogica`"),
        ("// dialect: imgql1 please", "there is no dialect `imgql1 please`"),
        ("// Dialect:", "this names no dialect"),
    ],
)
def test_an_unknown_dialect_is_an_error(line: str, message: str) -> None:
    (error,) = voxgpu.check(f'{line}\nprint "a" 1\n')
    assert (error.code, error.message) == ("E100", message)
    assert error.span is not None and error.span.source.line_and_column(error.span.start)[0] == 1
    assert "the dialects are voxgpu, imgql1 and imgql2" in error.help


@pytest.mark.parametrize("line", ["// dialect: imgql1", "//DIALECT: ImgQL1  ", "// dialect:imgql1"])
def test_dialect_comments_ignore_case_and_blanks(line: str) -> None:
    assert voxgpu.run(f'{line}\nprint "a" 9 - 2 - 1\n').values == {"a": 8.0}
