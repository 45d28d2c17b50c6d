"""The report of a run: values beside lines, figures, errors in their places, and no script."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.report.parsed_page import Element, check_safe, parsed
from tests.report.test_planes import pixels
from voxgpu.report.region_colors import COLORS

PROGRAM = """load v = "v.nii.gz" // the image
let low = min(v) + 50
let bright = v > low
let count = volume(bright)
let twice = count + count
print "bright" twice
print "mean" avg(v, bright)
save "bright.nii.gz" bright
save "v2.nii.gz" v + 1
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    voxels = np.zeros((20, 24, 28), np.int16)
    voxels[5:15, 6:12, 6:12] = 90
    voxels[5:15, 16:20, 16:22] = 80
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 1.0, 2.0))
    sitk.WriteImage(image, str(folder / "v.nii.gz"))
    (folder / "p.imgql").write_text(PROGRAM)
    return folder


def report(desk: Path, program: str, *words: str, status: int = 0) -> tuple[Element, str]:
    (desk / "tried.imgql").write_text(program)
    ended = voxgpu("run", "tried.imgql", "--report", "r.html", "-o", "out", *words, cwd=desk)
    assert ended.status == status, ended.err
    text = (desk / "r.html").read_text("utf-8")
    check_safe(text)
    return parsed(text), text


def beside(page: Element) -> dict[int, str]:
    """What is beside each line of the program."""
    (listing,) = page.all("table", class_="listing")
    rows = [row for row in listing.all("tr") if row.attributes.get("id", "").startswith("line-")]
    return {int(row.attributes["id"][5:]): row.all("td")[1].text for row in rows}


@pytest.fixture(scope="module")
def page(desk: Path) -> Element:
    return report(desk, PROGRAM, "--store", "none")[0]


def test_the_source_is_there_line_by_line(page: Element) -> None:
    (listing,) = page.all("table", class_="listing")
    assert [each.text for each in listing.all("code")] == PROGRAM.splitlines()
    kinds = {each.attributes["class"] for each in listing.all("span") if each.attributes}
    assert {"keyword", "string", "number", "comment", "operator"} <= kinds


def test_values_are_beside_their_lines(page: Element) -> None:
    lines = beside(page)
    voxels = 10 * 6 * 6 + 10 * 4 * 6
    assert "image of numbers, 28×24×20" in lines[1] and "read in" in lines[1]
    assert lines[2].startswith("50")
    assert "image of true/false" in lines[3]
    assert lines[4].startswith(str(voxels)) and lines[5].startswith(str(2 * voxels))
    assert f"bright = {2 * voxels}" in lines[6]
    assert f"{voxels} voxels, 1,200 mm³" in lines[8]


def test_values_of_parts_are_not_beside_the_line(desk: Path) -> None:
    """Nor are numbers that another line has in it, too."""
    program = (
        'load v = "v.nii.gz"\nlet two = 2\nlet low = 2 * 25\nlet xs = [1, 2, volume(v > low)]\n'
        "let last = xs[2] + two\nlet f(a) = volume(a > 60) * 2\nlet g = f(v)\n"
        'print "xs" xs\nprint "last" last\nprint "g" g\n'
    )
    lines = beside(report(desk, program)[0])
    assert lines[3] in ("", "50")
    assert not lines[4].startswith("600") and not lines[4].startswith("1")
    assert lines[5].startswith("602") and lines[7].startswith("1200")
    assert lines[6] == ""


def test_printed_values_are_in_a_table(page: Element) -> None:
    (values,) = page.all("table", class_="values")
    cells = [each.text for each in values.all("td")]
    assert cells[:2] == ["bright", "1200"] and float(cells[3]) == pytest.approx(86)


def test_figures_have_planes_layers_and_numbers(page: Element) -> None:
    mask, image = page.all("article")
    assert len(mask.all("img", class_="background")) == len(image.all("img")) == 3
    assert len(mask.all("img", class_="fill")) == len(mask.all("img", class_="outline")) == 3
    names = [each.text for each in mask.all("dt")]
    told = dict(zip(names, (each.text for each in mask.all("dd")), strict=True))
    assert told["voxels"] == "600 of 13,440"
    assert told["volume"] == "1,200 mm³"
    assert told["components"] == "2"
    assert told["spacing"] == "1×1×2 mm"
    assert "v.nii.gz" in mask.all("div", class_="legend")[0].text
    assert mask.all("svg", class_="histogram") and image.all("svg", class_="histogram")


def test_figures_tell_how_the_image_came_about(page: Element) -> None:
    mask, _ = page.all("article")
    (origin,) = mask.all("details")
    (code,) = origin.all("pre")
    assert "let bright = v > low" in code.text and "v + 1" not in code.text
    assert "v.nii.gz" in origin.text and "bright.json" in origin.text


def test_the_plan_is_a_picture_with_times(page: Element) -> None:
    (plan,) = page.all("svg", class_="plan")
    labels = [each.text for each in plan.all("text")]
    assert "v.nii.gz" in labels and "volume" in labels and 'print "bright"' in labels
    assert any(each.endswith(" ms") for each in labels)
    assert page.all("table", class_="shares")


def test_provenance_has_digests_and_versions(page: Element, desk: Path) -> None:
    from hashlib import sha256

    digest = sha256((desk / "v.nii.gz").read_bytes()).hexdigest()
    (section,) = (each for each in page.all("section") if each.attributes["id"] == "provenance")
    assert digest in section.text and "voxgpu" in section.text
    assert sha256(PROGRAM.encode()).hexdigest() in section.text


def test_results_that_were_there_already_are_shown(desk: Path, page: Element) -> None:
    words = ("--store", "s", "--keep", "all")
    report(desk, PROGRAM, *words)
    again, _ = report(desk, PROGRAM, *words)
    assert len(again.all("article")) == 2
    assert "bright = 1200" in beside(again)[6]


def test_a_failed_goal_is_at_its_line_and_others_are_there(desk: Path) -> None:
    program = 'load v = "v.nii.gz"\nprint "none" avg(v, v > 1000)\nprint "one" 1\n'
    page, _ = report(desk, program, status=1)
    (row,) = page.all("tr", class_="error")
    assert row.attributes["id"] == "line-2"
    (message,) = page.all("div", class_="message")
    assert "E301" in message.text
    assert "one = 1" in beside(page)[3]
    assert "1 error" in page.all("span", class_="badge")[0].text


def test_a_program_with_errors_is_shown_with_them(desk: Path) -> None:
    page, _ = report(desk, 'load v = "v.nii.gz"\nprint "x" near(v)\n', status=1)
    assert page.all("tr", class_="error")[0].attributes["id"] == "line-2"
    assert "E102" in page.all("div", class_="message")[0].text
    assert not page.all("svg", class_="plan")


def test_names_and_messages_run_no_script(desk: Path) -> None:
    evil = "<script>alert(1)</script>"
    folder = desk / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    (folder / "v.nii.gz").write_bytes((desk / "v.nii.gz").read_bytes())
    program = (
        f'load v = "{folder.name}/v.nii.gz" // </script>{evil}\n'
        f'let text = "$EVIL"\nprint "{evil}" text\nprint "&amp;" avg(v, v > 1000)\n'
        f'save "{evil.replace("/", "")}.nii.gz" v > 1\n'
    )
    page, text = report(desk, program, "-D", f'EVIL=</td>"{evil}', status=1)
    assert text.count("alert(1)") >= 5
    assert not any("alert" in each.text for each in page.all("script") if not each.attributes)
    assert not page.all("img", src="x")
    assert f"{evil} = " in beside(page)[3]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file/r.html", "is not a folder"),
        ("dir.html", "is a folder"),
        ("r.imgql", "ends in .html"),
        ("/proc/r.html", "/proc"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dir.html").mkdir()
    (tmp_path / "p.imgql").write_text('print "x" 1\n')
    ended = voxgpu("run", "p.imgql", "--report", name, cwd=tmp_path)
    assert ended.status in (1, 2) and reason in ended.err
    assert ended.out == ""


def test_volumes_and_flat_and_colored_images_have_figures(desk: Path) -> None:
    program = 'load v = "v.nii.gz"\nsave "a4d.nii.gz" [v + 1, v + 2]\nsave "l.nii.gz" lcc(v > 50)\n'
    page, _ = report(desk, program)
    volumes, labels = page.all("article")[:2]
    assert "2; the first is shown" in volumes.text
    image = np.zeros((20, 24, 3), np.uint8)
    image[4:9, 4:9] = (200, 0, 0)
    sitk.WriteImage(sitk.GetImageFromArray(image, isVector=True), str(desk / "c.png"))
    page, _ = report(desk, 'load c = "c.png"\nsave "m.png" red(c) > 100\nsave "c2.png" c\n')
    mask, colors = page.all("article")
    assert "25 mm²" in mask.text and len(colors.all("img")) == 1
    (fill,) = mask.all("img", class_="fill")
    assert {tuple(each) for each in pixels(fill.attributes["src"])[..., :3].reshape(-1, 3)} == {
        (0, 0, 0),
        COLORS[0],
    }, "files of masks have 255, which is no label"
    assert labels.all("img", class_="fill") and "components2" in labels.text.replace(" ", "")


def test_small_whole_numbers_are_labels_with_the_colors_of_a_picture(desk: Path) -> None:
    """On what they were made from, or on black if they were loaded; other numbers are gray."""
    labels = np.zeros((20, 24, 28), np.uint8)
    labels[5:15, 6:12, 6:12], labels[5:15, 16:20, 16:22] = 2, 4
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(desk / "l.nii.gz"))
    program = (
        'load l = "l.nii.gz"\nsave "same.nii.gz" l\nsave "ranked.nii.gz" relabel(l)\n'
        'save "gray.nii.gz" gaussian(l, 1)\n'
    )
    page, _ = report(desk, program)
    same, ranked, gray = page.all("article")
    for figure, names in ((same, ["2", "4"]), (ranked, ["1", "2"])):
        fill = pixels(figure.all("img", class_="fill")[0].attributes["src"])
        seen = {tuple(color[:3]) for color in fill.reshape(-1, 4) if color[3]}
        assert seen == {*COLORS[:2]}
        swatches = figure.all("div", class_="legend")[0].all("span", class_="swatch")
        styles = [each.attributes["style"] for each in swatches if "style" in each.attributes]
        assert styles == [f"background: rgb{color}" for color in COLORS[:2]]
        assert all(name in figure.all("div", class_="legend")[0].text for name in names)
        assert "components2" in figure.text.replace(" ", "")
    background = same.all("img", class_="background")[0].attributes["src"]
    assert not pixels(background, "RGB").any()
    assert pixels(ranked.all("img", class_="background")[0].attributes["src"], "RGB").any()
    assert not gray.all("img", class_="fill")


def test_a_plan_of_thousands_of_operations_has_a_small_picture(desk: Path) -> None:
    program = 'load v = "v.nii.gz"\n' + "".join(
        f'print "a{number}" volume(v > {number}) + {number}\n' for number in range(400)
    )
    page, text = report(desk, program)
    (plan,) = page.all("svg", class_="plan")
    assert len(plan.all("g")) <= 120
    assert len(text) < 1_500_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_an_interrupted_run_leaves_no_page(desk: Path) -> None:
    program = 'load v = "v.nii.gz"\n' + "".join(
        f'print "a{n}" volume(crossCorrelation(9, v, v, v > {n}, 0, 100, 90) > 0.5)\n'
        for n in range(90)
    )
    (desk / "long.imgql").write_text(program)
    words = [sys.executable, "-m", "voxgpu", "run", "long.imgql", "--report", "i.html"]
    with subprocess.Popen(words, cwd=desk, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert not (desk / "i.html").exists()
    assert not list(desk.glob(".i.html*"))


def test_json_and_the_page_go_together(desk: Path) -> None:
    (desk / "j.imgql").write_text('print "x" 1\n')
    ended = voxgpu("run", "j.imgql", "--json", "--report", "j.html", cwd=desk)
    assert json.loads(ended.out)["print"][0]["value"] == 1
    assert (desk / "j.html").exists()
