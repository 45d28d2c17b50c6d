"""The report of a cohort: rows as data, thumbnails, failures, heat maps, and no script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.report.parsed_page import Element, check_safe, parsed
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.summary import collected
from voxgpu.diagnostics import Source
from voxgpu.report import cohort_page
from voxgpu.report.case_pictures import CasePicture
from voxgpu.report.cohort_page import CohortContents, write_cohort_report

PROGRAM = """load v = "${CASE}/v.nii.gz"
let bright = v > $T
print "bright" volume(bright)
print "top" max(v) + $S
save "bright.nii.gz" bright
"""

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "p.imgql").write_text(PROGRAM)
    for number in range(4):
        case = folder / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.random.default_rng(number).integers(0, 100, (9, 10, 11), np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii.gz"))
    (folder / "data" / "case2" / "v.nii.gz").unlink()
    return folder


def data_of(page: Element) -> dict[str, Any]:
    (script,) = page.all("script", id="data")
    found: dict[str, Any] = json.loads(script.text)
    return found


@pytest.fixture(scope="module")
def page(desk: Path) -> Element:
    ended = voxgpu(
        *("cohort", "p.imgql", "--cases", "data/*/", "-o", "out", "--workers", "0"),
        *("--sweep", "T=30:90:30", "--sweep", "S=0,1", "--report", "c.html", "--store", "none"),
        cwd=desk,
    )
    assert ended.status == 3, ended.err
    assert "saved c.html" in ended.err
    text = (desk / "c.html").read_text("utf-8")
    check_safe(text)
    return parsed(text)


def test_all_rows_are_there_with_thumbnails_of_those_that_succeeded(page: Element) -> None:
    data = data_of(page)
    assert data["columns"] == ["case", "T", "S", "bright", "top", "seconds", "status", "error"]
    assert len(data["rows"]) == 4 * 6
    for row in data["rows"]:
        is_done = row[1] != "case2"
        assert (row[0] is not None) == is_done, row
        assert row[7] == ("done" if is_done else "failed")
        if is_done:
            assert row[0][0].startswith("data:image/webp;base64,") and row[0][1] == "bright.nii.gz"
            assert isinstance(row[4], float)
    assert len({row[0][0] for row in data["rows"] if row[0]}) == 9, "three cases, three thresholds"


def test_failures_are_told_once_with_their_cases(page: Element) -> None:
    (failure,) = page.all("div", class_="message")
    assert "6 rows" in failure.text and "case2" in failure.text and "E201" in failure.text


def test_two_swept_variables_give_a_heat_map_of_each_label(page: Element) -> None:
    first, second = page.all("table", class_="heat")
    assert "mean of bright over 3 cases" in first.text
    assert [each.text for each in first.all("th")[1:4]] == ["30", "60", "90"]
    rows = data_of(page)["rows"]
    numbers = [row[4] for row in rows if row[2] == "30" and row[3] == "0" and row[7] == "done"]
    assert float(first.all("td")[0].text) == pytest.approx(np.mean(numbers), rel=1e-5)
    assert "background" in second.all("td")[0].attributes["style"]


def test_labels_have_distributions(page: Element) -> None:
    (section,) = (each for each in page.all("section") if each.attributes["id"] == "distributions")
    assert [each.text for each in section.all("h3")] == ["bright", "top"]
    assert len(section.all("svg", class_="distribution")) == 2
    assert len(section.all("svg", class_="boxes")) == 2
    assert "n 18" in section.text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("p.imgql", "--cases", "data/*/", "--check"), "leave --report out"),
        (("p.imgql", "--cases", "data/*/", "--write-sbatch", "j.sh"), "leave --report out"),
        (("--merge", "x.journal"), "leave --report out"),
        (("x.csv", "--summary"), "needs cases"),
    ],
)
def test_a_report_without_a_run_is_refused(desk: Path, words: tuple[str, ...], reason: str) -> None:
    ended = voxgpu("cohort", *words, "--report", "n.html", cwd=desk)
    assert ended.status == 2 and reason in ended.err
    assert not (desk / "n.html").exists()


def test_a_report_that_cannot_be_written_is_refused_before_the_run(desk: Path) -> None:
    words = ("--cases", "data/*/", "--report", "p.imgql/c.html", "--table", "never.csv")
    ended = voxgpu("cohort", "p.imgql", *words, cwd=desk)
    assert ended.status == 1 and "is not a folder" in ended.err
    assert not (desk / "never.csv").exists()


def contents(count: int, picture: int = 0) -> CohortContents:
    """A cohort of some cases, each with a thumbnail of some bytes."""
    generator = np.random.default_rng(0)
    rows = [
        Row(
            f"case{number} {EVIL}",
            (),
            {"size": float(number), f"label {EVIL}": EVIL, "xs": [1.0, "nan"]},
            1.0,
            status=FAILED if number % 10 == 3 else "done",
            error=f"case{number}: {EVIL}" if number % 10 == 3 else "",
            place=(number, 0),
        )
        for number in range(count)
    ]
    pictures = {row.place: CasePicture(EVIL, generator.bytes(picture)) for row in rows if picture}
    return CohortContents(Source("p.imgql", f"// {EVIL}"), rows, collected(rows), pictures)


def test_names_labels_and_messages_run_no_script(tmp_path: Path) -> None:
    write_cohort_report(tmp_path / "c.html", contents(20, 50))
    text = (tmp_path / "c.html").read_text("utf-8")
    check_safe(text)
    page = parsed(text)
    assert not any("alert" in each.text for each in page.all("script") if not each.attributes)
    row = data_of(page)["rows"][3]
    assert row[1] == f"case3 {EVIL}" and row[0][1] == EVIL


def test_a_thousand_cases_give_a_page_of_less_than_25_mb(tmp_path: Path) -> None:
    write_cohort_report(tmp_path / "c.html", contents(1000, 4000))
    assert (tmp_path / "c.html").stat().st_size < 8_000_000
    assert not (tmp_path / "c_files").exists()


def test_thumbnails_go_beside_the_page_where_asked_or_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cohort_report(tmp_path / "a.html", contents(5, 100), beside=True)
    monkeypatch.setattr(cohort_page, "MOST_BYTES", 499)
    write_cohort_report(tmp_path / "b.html", contents(5, 100))
    for name in ("a", "b"):
        links = [r[0][0] for r in data_of(parsed((tmp_path / f"{name}.html").read_text()))["rows"]]
        assert len(set(links)) == 5
        assert all((tmp_path / each).stat().st_size == 100 for each in links)


def test_no_rows_give_a_page(tmp_path: Path) -> None:
    write_cohort_report(tmp_path / "c.html", contents(0))
    assert data_of(parsed((tmp_path / "c.html").read_text("utf-8")))["rows"] == []
