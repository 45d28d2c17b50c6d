"""The demo's program finds the phantom's tumor, in its printed numbers and its saved images."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import voxgpu
from voxgpu.compile import Options, compile_program, read_source
from voxgpu.demo.phantom import make_phantom, natural_spacing, write_phantom
from voxgpu.image import Image
from voxgpu.session import Result, execute

PARAMETERS = {"HI": "0.93", "VI": "0.89", "BINS": "20", "SIM": "0.6"}
SAVED = ("brain", "pflair", "hyperIntense", "veryIntense", "growTum", "tumStatCC", "gtv")


def find(folder: Path, shape: tuple[int, int, int], seed: int) -> tuple[Result, Image]:
    phantom = make_phantom(shape, seed, natural_spacing(shape))
    write_phantom(phantom, str(folder / "head"))
    options = Options({"CASE": str(folder / "head"), **PARAMETERS}, folder)
    with as_file(files("voxgpu.demo").joinpath("tumor.imgql")) as program:
        compiled = compile_program(read_source(program), program, options)
        assert compiled.diagnostics == (), "neither errors nor warnings"
        return execute(compiled, folder), phantom.truth


@pytest.mark.parametrize("seed", [0, 3])
def test_a_small_tumor_is_found(tmp_path: Path, seed: int) -> None:
    result, truth = find(tmp_path, (78, 99, 75), seed)
    values = result.values
    assert set(values) == {f"{name}.nii.gz" for name in SAVED} | {
        "dice_hyperIntense",
        "dice_growTum",
        "dice_gtv",
    }
    assert all((tmp_path / f"{name}.nii.gz").is_file() for name in SAVED)
    gtv = values["gtv.nii.gz"]
    assert isinstance(gtv, Image)
    found, true = gtv.array.astype(bool), truth.array > 0
    dice = 2 * np.count_nonzero(found & true) / (found.sum() + true.sum())
    assert values["dice_gtv"] == pytest.approx(dice, abs=1e-12)
    assert dice > 0.8


def test_the_demo_finds_the_tumor_of_a_head_of_few_voxels(tmp_path: Path) -> None:
    ended = voxgpu("demo", "--size", 48, 48, 40, "-o", "d", cwd=tmp_path)
    found = dict(line.split("=") for line in ended.lines if line.startswith("dice_"))
    assert ended.status == 0 and float(found["dice_gtv"]) > 0.9
    assert (tmp_path / "d" / "gtv.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_tumors_of_natural_size_are_found(tmp_path: Path, seed: int) -> None:
    result, _ = find(tmp_path, (155, 240, 240), seed)
    assert result.values["dice_gtv"] > 0.85
    assert result.values["dice_growTum"] > 0.85
    assert 0.6 < result.values["dice_hyperIntense"] < 0.95, "growing has something to add"
