"""Ids stay the same when Python code is renamed or moved, so that stored results remain valid.

``pytest tests/plan/test_pinned_ids.py --update-golden`` rewrites the list. An entry may change only
together with the ``version`` of a primitive, or with what the primitive computes.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.primitives import internal
from voxgpu.primitives.catalogue import primitives_of, standard_primitives

GOLDEN = Path(__file__).parent / "golden" / "ids.json"
PRIMITIVES = Path(internal.__file__).parent

PROGRAM = """
load v = "v.nii"
let T = percentiles(v, v > 2, 0.5) > 0.9
let bright = between(10, 40, v) & !(v =. 20)
let grown = grow(smoothen(2.5, bright), (v * 2) > 30)
print "volume" volume(grown) + max(v) / 3
print "mean" avg(v, bright)
print "each" for t in [1, 2, 3] do volume(v > t)
save "grown.nii" near(through(grown, T))
save "edge.nii" border | (x > y)
save "like.nii" crossCorrelation(2, v, v, bright, min(v), max(v), 10) > 0.6
save "smooth.nii" gaussian(v, 2)
"""


def _found(folder: Path) -> dict[str, dict[str, str]]:
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    sitk.WriteImage(image, str(folder / "v.nii"))
    source = Source(str(folder / "program.imgql"), PROGRAM)
    compiled = compile_program(source, folder, Options(), digest=lambda header: "of v")
    assert not compiled.errors, compiled.errors
    meanings = {}
    for each in [*standard_primitives(), *primitives_of(internal)]:
        types = ", ".join(str(parameter.type) for parameter in each.parameters)
        name = each.names[0] if each.names else each.meaning
        meanings[f"{name}({types}) {each.dialect}".strip()] = str(each.meaning)
    goals = {goal.label: str(goal.value) for goal in compiled.plan.goals}
    return {"meanings": dict(sorted(meanings.items())), "goals": goals}


def test_meanings_and_ids_are_those_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    found = _found(tmp_path)
    assert len(found["meanings"]) > 150 and len(found["goals"]) == 7
    if update_golden:
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("path", sorted(PRIMITIVES.glob("*.py")), ids=lambda path: path.stem)
def test_no_meaning_is_the_name_of_a_function(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Name) and called.id in ("scalar", "whole_image"):
                assert isinstance(decorator, ast.Call), node.name
                assert "id" in [each.arg for each in decorator.keywords], node.name
