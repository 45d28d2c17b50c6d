"""Cohorts as a whole: tables that are right whatever fails and wherever cases run, and sweeps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu as voxgpu_module
from tests.cli import command
from tests.cli.command import Ended, voxgpu
from tests.cohorts.tables import comparable, csv_rows
from tests.conftest import REPOSITORY
from voxgpu.demo.phantom import make_phantom, natural_spacing
from voxgpu.files.write import write_image

pytestmark = pytest.mark.slow

REAL = ("BraTS19_2013_10_1", "BraTS19_CBICA_AAP_1")

#: The tumor program up to growTum, with a second modality.
PROGRAM = """
import "stdlib.imgql"

load flair = "${CASE}_flair.nii.gz"
load t1 = "${CASE}_t1.nii.gz"
load seg = "${CASE}_seg.nii.gz"

let f = intensity(flair)
let truth = intensity(seg) >. 0
let brain = !touch(f <. 0.1, border)
let pflair = percentiles(f, brain, 0.5)
let growTum = grow(smoothen(5.0, pflair >. $HI), smoothen(2.0, pflair >. $VI))

print "volume" volume(growTum)
print "dice" dice(growTum, truth)
print "t1" avg(intensity(t1), growTum)
"""

WORDS = ("cohort", "p.imgql", "--cases", "data/*/", "-D", "CASE={path}/{name}", "--store", "none")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 phantoms of different sizes, three of them with a fault, and the real cases if any."""
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "p.imgql").write_text(PROGRAM)
    for number in range(20):
        shape = (12 + number, 30 - number // 2, 14 + 3 * (number % 5))
        phantom = make_phantom(shape, number, natural_spacing(shape))
        case = folder / "data" / f"phantom{number:02}"
        case.mkdir(parents=True)
        for name, image in (("flair", phantom.flair), ("t1", phantom.t1), ("seg", phantom.truth)):
            write_image(case / f"{case.name}_{name}.nii.gz", image)
    _plant(folder / "data")
    real = REPOSITORY.parent / "shared" / "data" / "brats19"
    for name in REAL if real.is_dir() else ():
        (folder / "data" / name).symlink_to(real / name)
    return folder


def _plant(data: Path) -> None:
    truncated = data / "phantom03" / "phantom03_flair.nii.gz"
    truncated.write_bytes(truncated.read_bytes()[:-500])
    moved = data / "phantom11" / "phantom11_t1.nii.gz"
    image = sitk.ReadImage(str(moved))
    image.SetOrigin((30.0, 0.0, 0.0))
    sitk.WriteImage(image, str(moved))
    (data / "phantom17" / "phantom17_t1.nii.gz").unlink()


def _run(folder: Path, table: str, *words: str) -> Ended:
    return voxgpu(*WORDS, "-D", "HI=0.93", "-D", "VI=0.86", "--table", table, *words, cwd=folder)


@pytest.fixture(scope="module")
def table(cohort: Path) -> list[dict[str, str]]:
    """The rows of a run in one process."""
    ended = _run(cohort, "here.csv", "--workers", "0")
    assert ended.status == 3, ended.err
    return comparable(csv_rows(cohort / "here.csv"))


def test_three_planted_failures_are_three_rows(cohort: Path, table: list[dict[str, str]]) -> None:
    names = sorted(each.name for each in (cohort / "data").iterdir())
    assert sorted(row["case"] for row in table) == names and len(names) in (20, 22)
    failed = {row["case"]: row["error"] for row in table if row["status"] != "done"}
    assert failed.keys() == {"phantom03", "phantom11", "phantom17"}
    # Each with its place, what is wrong, and in which file.
    assert all("p.imgql:" in each for each in failed.values())
    assert "phantom03_flair.nii.gz" in failed["phantom03"] and "truncated" in failed["phantom03"]
    assert "grid" in failed["phantom11"]
    assert "phantom17_t1.nii.gz" in failed["phantom17"] and "no such file" in failed["phantom17"]
    for row in table:
        if row["case"] in failed:
            assert (row["volume"], row["dice"]) == ("", "")
            continue
        case = cohort / "data" / row["case"] / row["case"]
        result = voxgpu_module.run(PROGRAM, {"CASE": case, "HI": "0.93", "VI": "0.86"})
        assert {each.label: str(each.value) for each in result.prints} == {
            label: row[label] for label in ("volume", "dice", "t1")
        }


@pytest.mark.parametrize("workers", ["1", "4"])
def test_workers_give_the_table_of_one_process(
    cohort: Path, table: list[dict[str, str]], workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    # Workers are spawned, which needs the program that was started, not a fork of the tests.
    monkeypatch.setattr(command, "COMMAND", [sys.executable, "-m", "voxgpu"])
    ended = _run(cohort, f"workers{workers}.csv", "--workers", workers)
    assert ended.status == 3, ended.err
    assert comparable(csv_rows(cohort / f"workers{workers}.csv")) == table


def test_parts_give_the_table_of_one_process(cohort: Path, table: list[dict[str, str]]) -> None:
    for part in ("2/3", "3/3", "1/3"):
        ended = _run(cohort, "parts.csv", "--workers", "0", "--part", part)
        assert ended.status in (0, 3), ended.err
    journals = sorted(each.name for each in cohort.glob("parts.part-*.journal"))
    merged = voxgpu("cohort", "--merge", *journals, "--table", "all.csv", cwd=cohort)
    assert len(journals) == 3 and merged.status == 3, merged.err
    assert comparable(csv_rows(cohort / "all.csv")) == table


def test_a_sweep_is_as_many_single_runs(shared_data: Path, tmp_path: Path) -> None:
    """7 x 11 combinations of a real case, value by value."""
    (tmp_path / "p.imgql").write_text(PROGRAM)
    (tmp_path / "data").mkdir()
    case = tmp_path / "data" / REAL[0]
    case.symlink_to(shared_data / "brats19" / REAL[0])
    sweep = ("--sweep", "HI=0.91:0.97:0.01", "--sweep", "VI=0.82:0.92:0.01")
    ended = voxgpu(*WORDS, *sweep, "--workers", "0", cwd=tmp_path)
    assert ended.status == 0, ended.err
    rows = comparable(csv_rows(tmp_path / "cohort.csv"))
    his = [f"0.{number}" for number in range(91, 98)]
    vis = [f"0.{number}" for number in range(82, 93)]
    assert [(row["HI"], row["VI"]) for row in rows] == [(hi, vi) for hi in his for vi in vis]
    assert len({row["volume"] for row in rows}) > 20
    for row in rows:
        define = {"CASE": case / case.name, "HI": row["HI"], "VI": row["VI"]}
        result = voxgpu_module.run(PROGRAM, define)
        assert {each.label: str(each.value) for each in result.prints} == {
            label: row[label] for label in ("volume", "dice", "t1")
        }


def test_a_sweep_computes_once_what_its_combinations_share(tmp_path: Path) -> None:
    """7 x 11 combinations have 7 + 11 masks, and a plan that grows with their number alone."""
    from voxgpu.cohorts.cases import Case
    from voxgpu.cohorts.combined import combined
    from voxgpu.cohorts.evaluate import Program
    from voxgpu.compile import Options
    from voxgpu.diagnostics import Source

    voxels = np.random.default_rng(0).integers(0, 100, (9, 10, 11), np.int16)
    for name in ("flair", "t1", "seg"):
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / f"c_{name}.nii.gz"))
    program = Program(Source("p.imgql", PROGRAM), None, Options())
    case = Case("c", str(tmp_path), {"CASE": str(tmp_path / "c")})

    def nodes(his: int, vis: int) -> int:
        combinations = [
            (("HI", f"0.{91 + hi}"), ("VI", f"0.{70 + vi}"))
            for hi in range(his)
            for vi in range(vis)
        ]
        compiled = [program.compiled(case, each, None) for each in combinations]
        assert not any(each.errors for each in compiled)
        return len(combined(compiled, ["" for _ in compiled]).plan.nodes)

    one, more_his, more_vis, both = nodes(1, 1), nodes(2, 1), nodes(1, 2), nodes(2, 2)
    for_hi, for_vi = more_his - one, more_vis - one
    of_pair = both - one - for_hi - for_vi
    assert 0 < of_pair <= for_hi and 0 < of_pair <= for_vi
    alone = one - (for_hi - of_pair) - (for_vi - of_pair) - of_pair
    assert alone > 5  # files, brain and ranks: once
    expected = alone + 7 * (for_hi - of_pair) + 11 * (for_vi - of_pair) + 77 * of_pair
    assert nodes(7, 11) == expected < 77 * one / 2
