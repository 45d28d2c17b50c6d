"""Programs from other editors and systems, and unreasonable numbers of histogram bins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.diagnostics import ImgqlError, Source


@pytest.fixture(autouse=True)
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of 60 voxels."""
    monkeypatch.chdir(tmp_path)
    array = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(array), "v.nrrd")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_accepted(end: str, tmp_path: Path) -> None:
    lines = ["// a comment", 'load v = "v.nrrd"', 'print "n" volume(v > 10)', "// end", ""]
    (tmp_path / "p.imgql").write_bytes(end.join(lines).encode())
    for program in (tmp_path / "p.imgql", end.join(lines)):
        (printed,) = voxgpu.run(program).prints
        assert printed.value == 49
    with pytest.raises(ImgqlError) as failed:
        voxgpu.run(end.join([*lines[:2], 'print "n" volume(w)', ""]))
    (diagnostic,) = failed.value.diagnostics
    assert diagnostic.span is not None
    assert diagnostic.span.source.line_and_column(diagnostic.span.start)[0] == 3


def test_composed_and_decomposed_letters_are_the_same_name() -> None:
    text = 'let gro\u0308\u00dfe = 2\nprint "gro\u0308" gr\u00f6\u00dfe\n'
    (printed,) = voxgpu.run(text).prints
    assert (printed.label, printed.value) == ("gro\u0308", 2)


def test_strings_are_not_normalized() -> None:
    text = 'print "o\u0308" 1 // "o\u0308'
    assert Source("p", text).text.startswith('print "o\u0308"')


@pytest.mark.parametrize("count", [30, 300, 2000])
def test_a_program_of_one_line_is_a_program(count: int) -> None:
    (printed,) = voxgpu.run('print "x" ' + "+".join(["1"] * count)).prints
    assert printed.value == count


def test_a_missing_program_file_is_reported() -> None:
    with pytest.raises(ImgqlError):
        voxgpu.run("missing.imgql")


@pytest.mark.parametrize(
    "call",
    [
        "otsu(v, v > 1, 1e9)",
        "otsu(v, v > 1, inf)",
        "otsu(v, v > 1, max(v) * 1e9)",
        "crossCorrelation(1, v, v, v > 1, 0, 9, 1e9)",
        "crossCorrelation(1, v, v, v > 1, 0, 9, max(v) * 1e9)",
    ],
)
def test_unreasonable_numbers_of_bins_are_refused(call: str) -> None:
    text = f'load v = "v.nrrd"\nsave "o.nrrd" {call}\n'
    try:
        result = voxgpu.run(text, on_error="collect")
    except ImgqlError as error:
        assert "bins" in str(error)
    else:
        assert "bins" in str(result.errors)


@pytest.mark.parametrize(
    "line", ['save "res\\tumor.nrrd" v', 'save "res\\new.nrrd" v', 'load w = "data\\tumor.nrrd"']
)
def test_backslashes_in_paths_are_reported(line: str, tmp_path: Path) -> None:
    with pytest.raises(ImgqlError, match="write `/` between folders"):
        voxgpu.run(f'load v = "v.nrrd"\n{line}\nprint "n" max(v)\n', output=tmp_path / "out")
    assert not list(tmp_path.glob("**/res*"))
