"""Golden texts of ``voxgpu show`` after each pass, so that every change is deliberate.

``pytest tests/optimize --update-golden`` rewrites them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from voxgpu.cli.show import command

GOLDEN = Path(__file__).parent / "golden"

PROGRAM = """
load v = "v.nii.gz"
let bright = between(10, 40, v) & !(v =. 20)
let grown = grow(smoothen(2.5, bright), (v * 2) > 30)
print "volume" volume(grown)
print "mean" avg(v, bright)
save "grown.nii.gz" near(near(grown))
save "edge.nii.gz" border | (x > y)
"""

STAGES = ["plan", "simplified", "fused", "schedule", "source"]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that shows the program with the given options."""
    import numpy as np
    import SimpleITK as sitk

    monkeypatch.chdir(tmp_path)
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), "v.nii.gz")
    Path("program.imgql").write_text(PROGRAM)

    def show(*options: str) -> str:
        done = CliRunner().invoke(command, ["program.imgql", *options], standalone_mode=False)
        assert done.exception is None, done.exception
        return done.output

    return show


def assert_golden(name: str, shown: str, update_golden: bool) -> None:
    """Compares the text, with hashes in names replaced, with the golden text."""
    found = re.sub(r"sha256:\w+|(?<=%\d )\w{12}|(?<=%\d\d )\w{12}", "…", shown)
    golden = GOLDEN / name
    if update_golden:
        golden.write_text(found)
    assert found == golden.read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_text(stage: str, shown: Any, update_golden: bool) -> None:
    assert_golden(f"{stage}.txt", shown("--stage", stage), update_golden)


@pytest.mark.parametrize("stage", ["fused", "source"])
def test_text_for_an_absent_gpu(stage: str, shown: Any, update_golden: bool) -> None:
    found = shown("--stage", stage, "--device", "cuda:0")
    assert_golden(f"{stage}_cuda.txt", found, update_golden)


@pytest.mark.parametrize("stage", STAGES)
def test_the_same_as_data_and_as_a_graph(stage: str, shown: Any) -> None:
    found = json.loads(shown("--stage", stage, "--format", "json"))
    assert found["stage"] == stage
    names = {node["id"] for node in found["nodes"]}
    assert all(each in names for node in found["nodes"] for each in node["inputs"])
    assert [goal["action"] for goal in found["goals"]] == ["print", "print", "save", "save"]
    assert all(goal["value"] in names for goal in found["goals"])
    dot = shown("--stage", stage, "--format", "dot")
    assert dot.startswith(f"digraph {stage} {{") and dot.count("shape=ellipse") == 4


def test_the_reference_fuses_nothing(shown: Any) -> None:
    assert "kernel(" not in shown("--stage", "fused", "--device", "reference")
    assert "kernel(" in shown("--stage", "fused", "--device", "cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "reference"])
def test_steps_that_have_no_kernel_are_marked(device: str, shown: Any) -> None:
    Path("program.imgql").write_text(
        'import "simpleitk"\nload v = "v.nii.gz"\nsave "a.nii.gz" near(gaussian(v, 2) > 10)\n'
        'print "b" dice(simpleitk.Median(v) > 5, otsu(v, v > 3, 9))\n'
        'print "p" volume(percentiles(v, v > 20, 0.5) > (min(v) / 300 + 0.5))'
    )
    where = ", on the host" if device == "cuda:0" else ""
    expected = {f"gaussian: SciPy filter{where}", f"simpleitk.Median: SimpleITK filter{where}"}
    if device == "cpu":
        expected.add("dice: NumPy")
    if device == "reference":  # all steps are its own
        expected = set()
    text = shown("--stage", "schedule", "--device", device)
    marks = re.findall(r" = (\S+)   no kernel: (.*?)(?:   frees .*)?$", text, re.MULTILINE)
    assert {f"{name}: {reason}" for name, reason in marks} == expected
    found = json.loads(shown("--stage", "schedule", "--device", device, "--format", "json"))
    details = [each["details"] for each in found["nodes"] if "no kernel: " in each["details"]]
    assert len(details) == len(expected)


@pytest.mark.parametrize("stage", ["fused", "schedule", "source"])
def test_json_and_dot_contain_the_details_of_the_stage(stage: str, shown: Any) -> None:
    """Every expression, cost or kernel in the text appears in the details of some node."""
    text = shown("--stage", stage)
    nodes = json.loads(shown("--stage", stage, "--format", "json"))["nodes"]
    details = [each["details"] for each in nodes if each["details"]]
    if stage == "source":
        assert all(each.rstrip() in text for each in details)
        kernels = re.findall(r"^define .*", text, re.MULTILINE)
        assert kernels and all(any(each in told for told in details) for each in kernels)
    elif stage == "fused":
        expressions = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        assert expressions == "\n".join(details).splitlines()
    else:
        assert len(details) == len(nodes)
        assert all("MB live" in each for each in details)
    drawn = shown("--stage", stage, "--format", "dot")
    assert details[0].splitlines()[0].replace('"', '\\"') in drawn
