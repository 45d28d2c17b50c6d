"""Lazy values and programs in ImgQL: one made of the other, and both together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu as vx
from tests.python.test_lazy import EXPRESSIONS, IMAGE, VOXELS, digest_of, ids, lazy
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.python.lazy.evaluate import compiled

TUMOR = """load flair = "no such file.nii"
let bright = flair > $LEVEL
save "mask.nii" bright
print "voxels" volume(bright)"""


@pytest.mark.parametrize("code", [code for code, _ in EXPRESSIONS], ids=lambda each: each[:40])
def test_the_text_of_a_value_has_the_same_nodes(code: str) -> None:
    value = lazy(code, vx.from_array(VOXELS, spacing=(2, 1, 1)))
    text = vx.to_imgql(value)
    images = {"image": IMAGE} if "load image" in text else {}
    options = Options(images=images, output=None)
    program = compile_program(Source("p", text), None, options, digest_of)
    assert not program.errors, text
    plan = compiled([value._term], digest_of).plan
    if len(program.plan.goals) == len(plan.goals) == 1:
        assert ids(plan) == ids(program.plan)
        return
    with vx.Session(device="cpu", threads=1) as session:
        value.compute()
        assert session.run(text, images=images).computed == 0


def test_the_text_is_one_that_people_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    IMAGE.save("x.nii")
    v = vx.load("x.nii")  # the name `x` has a meaning in ImgQL
    bright = v > 300
    found = vx.to_imgql(bright=bright, size=(bright & vx.grow(bright, v > 9)).volume())
    assert found == (
        'load x1 = "x.nii"\n'
        "let bright = (x1 > 300)\n"
        "let size = volume((bright & grow(bright, (x1 > 9))))\n"
        'save "bright.nii.gz" bright\n'
        'print "size" size\n'
    )
    assert vx.run(found).numbers["size"] == (bright & bright.grow(v > 9)).volume().compute()
    assert vx.to_imgql(vx.from_array(VOXELS) + 1).startswith("// image is an image in memory")
    assert vx.to_imgql(vx.load("gone.nii") > 3, 1) == (
        'load gone = "gone.nii"\nlet result1 = (gone > 3)\nlet result2 = 1\n'
        'print "result2" result2\n'
    )
    names = vx.to_imgql(**{"near": v.max(), "let": v.max(), "no name": v.max(), "T": v > 3, "1": 1})
    assert set(vx.run(names).values) == {"near", "let", "no name", "T.nii.gz", "1"}
    with pytest.raises(ValueError, match="choose other names"):
        vx.to_imgql(v, result=v)


def test_a_program_takes_lazy_values_and_shares_what_they_compute() -> None:
    flair = vx.from_array(VOXELS) + 1
    program = vx.program(TUMOR)
    with vx.Session(device="cpu", threads=1) as session:
        result = program.run(flair=flair, LEVEL=100)
        assert result.numbers["voxels"] == (VOXELS + 1 > 100).sum()
        assert np.array_equal(result.images["mask.nii"], VOXELS + 1 > 100)
        assert float((flair > 100).volume()) == result.numbers["voxels"]
        again = session.run('load v = ""\nprint "voxels" volume(v + 1 > 100)', images={"v": VOXELS})
        assert again.computed == 0
        other = program.run({"LEVEL": 200}, images={"flair": IMAGE})
    assert other.numbers["voxels"] == (VOXELS > 200).sum()


def test_a_program_takes_files_and_arrays(tmp_path: Path) -> None:
    path = IMAGE.save(tmp_path / "v.nii")
    given: list[Any] = [path, str(path), VOXELS, IMAGE, IMAGE.to_sitk(), IMAGE.to_nibabel()]
    program = vx.program(TUMOR)
    found = {program.run(flair=each, LEVEL=100).numbers["voxels"] for each in given}
    assert found == {float((VOXELS > 100).sum())}
    (tmp_path / "p.imgql").write_text(TUMOR)
    there = vx.program(tmp_path / "p.imgql").run(flair=path, LEVEL=100, output=tmp_path / "out")
    assert there.numbers["voxels"] in found


def test_mistakes_of_a_program_with_lazy_values() -> None:
    v = vx.from_array(VOXELS)
    program = vx.program(TUMOR)
    with pytest.raises(vx.ImgqlError, match="did you mean `flair`"):
        program.run(fliar=v, LEVEL=3)
    with pytest.raises(vx.ImgqlError, match=r"`\$LEVEL` is not defined"):
        program.run(flair=v)
    with pytest.raises(ValueError, match=r"images\['flair'\]"):
        program.run(flair=3, LEVEL=3)
    with pytest.raises(TypeError, match=r"define\['LEVEL'\]"):
        program.run(flair=v, LEVEL=[3])
    with pytest.raises(vx.ImgqlError, match="`>` takes") as caught:
        program.run(flair=v > 3, LEVEL=3)
    assert "program:2:20" in str(caught.value)
    half = vx.near(v)
    with pytest.raises(vx.ImgqlError, match=r"half = vx\.near"):
        program.run(flair=half, LEVEL=3)
    failing = vx.program('load v = ""\nprint "a" avg(v, v > 1e9)\nprint "b" 1')
    with pytest.raises(vx.GoalsFailed):
        failing.run(v=v)
    assert failing.run(v=v, on_error="collect").numbers == {"b": 1}
    with pytest.raises(vx.ImgqlError, match="E109"):
        vx.program("gone.imgql")
    assert repr(program) == "<voxgpu.Program program>"
