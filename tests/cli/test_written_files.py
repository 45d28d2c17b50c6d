"""Files that options write damage none that is read: they are refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu

_COHORT = ("cohort", "p.imgql", "--cases", "cases.csv", "--workers", 0, "--store", "none", "-q")
_RUN = ("run", "p.imgql", "-D", "T=1", "--primitives", "extra.py", "-q")
_BENCH = ("bench", "p.imgql", "-D", "T=1", "--device", "cpu", "--mode", "warm", "--repeat", 1)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A program, its cases, images: one named as plots are, and one that no suffix tells."""
    picture = sitk.GetImageFromArray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    sitk.WriteImage(picture, str(tmp_path / "v.png"))
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "p.imgql").write_text('load v = "v.png"\nprint "n" volume(v > $T)\n')
    (tmp_path / "extra.py").write_text("# 1 line\n")
    (tmp_path / "cases.csv").write_text("NAME,T\na,1\nb,2\n")
    (tmp_path / "sweep.csv").write_text("T\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*_RUN, "--log", "IM0001"), "IM0001 is no log"),
        ((*_RUN, "--log", "cases.csv"), "cases.csv is no log"),
        ((*_RUN, "--log", "extra.py"), "is read by this command"),
        ((*_RUN, "--log", "v.png"), "has the name of an image"),
        ((*_RUN, "--log", "t.json", "--trace", "./t.json"), "that of --log, too"),
        ((*_RUN, "--report", "r.html", "--log", "r.html"), "each needs a file of its own"),
        ((*_BENCH, "--plot", "x.gz"), "a plot ends in .png"),
        ((*_BENCH, "--plot", "v.png"), "v.png is read by this command"),
        ((*_BENCH, "--json", "cases.csv"), "what is measured ends in .json"),
        (("bench", "--operators", "--image", "v.png", "--plot", "v.png"), "is read by this"),
        ((*_COHORT, "--table", "cases.csv"), "cases.csv is read by this command"),
        ((*_COHORT, "--sweep-file", "sweep.csv", "--table", "./sweep.csv"), "is read by this"),
        ((*_COHORT, "--summary-file", "cases.csv"), "cases.csv is read by this command"),
        ((*_COHORT, "--table", "t.csv", "--summary-file", "t.csv"), "that of --summary-file, too"),
        ((*_COHORT, "--log", "cases.csv"), "is read by this command"),
        ((*_COHORT, "--log", "IM0001"), "IM0001 is no log"),
        ((*_COHORT, "--log", "v.png"), "has the name of an image"),
        ((*_COHORT, "--table", "t.csv", "--log", "t.csv.journal"), "that of --log, too"),
    ],
    ids=lambda value: " ".join(map(str, value[-4:])) if isinstance(value, tuple) else None,
)
def test_nothing_that_is_read_is_damaged(desk: Path, words: tuple[object, ...], told: str) -> None:
    before = {path.name: path.read_bytes() for path in desk.iterdir()}
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 2 and told in ended.err and not ended.out
    assert {path.name: path.read_bytes() for path in desk.iterdir()} == before


def test_logs_are_appended_to_again(desk: Path) -> None:
    for _ in range(2):
        words = ("run", "p.imgql", "-D", "T=1", "--log", "run.log")
        assert voxgpu(*words, cwd=desk).status == 0
        assert voxgpu(*_COHORT, "--log", "log.jsonl", "--no-resume", cwd=desk).status == 0
    assert (desk / "run.log").read_text().count("print n=") == 2
    assert (desk / "log.jsonl").read_text().count('"run begins"') == 2
    # A table that exists may be summarized, although a cohort would write its table there.
    assert voxgpu("cohort", "cohort.csv", "--summary", cwd=desk).status == 0
