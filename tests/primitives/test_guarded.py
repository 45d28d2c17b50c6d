"""User-defined primitives cannot change, corrupt or end the engine's computation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu

HEAD = """
import numpy as np
from voxgpu.primitives.define import *
from voxgpu.primitives.define import scalar, whole_image
kept = []
"""

#: A primitive of images: its name, the type of its result, its body.
PRIMITIVE = '''
@whole_image()
def {name}(v: NumberImage) -> {result}:
    """Anything.

    >>> {name}([1, 2])
    [1, 2]
    """
    {body}
'''

VOXELS = np.random.default_rng(5).normal(0, 50, (5, 6, 7)).astype(np.float32)


def _run(
    folder: Path, body: str, program: str, result: str = "NumberImage", element: str = "float32"
) -> voxgpu.Result:
    """The result of a program on image `f` that may use `mine(f)`."""
    (folder / "mine.py").write_text(HEAD + PRIMITIVE.format(name="mine", result=result, body=body))
    image = sitk.GetImageFromArray(VOXELS.astype(element))
    sitk.WriteImage(image, str(folder / "f.nrrd"))
    text = f'load f = "{folder / "f.nrrd"}"\n{program}'
    return voxgpu.run(text, primitives=[folder / "mine.py"], threads=1, on_error="collect")


@pytest.mark.parametrize("element", ["float32", "int16"])
@pytest.mark.parametrize(
    "body",
    [
        "v += 1; return v",
        "v[0] = 7; return v",
        "v.sort(); return v",
        "np.add(v, 1, out=v); return v",
        "v.view(np.uint8)[:] = 0; return v",
        "memoryview(v)[0, 0, 0] = 1.0; return v",
    ],
)
def test_inputs_cannot_be_changed(tmp_path: Path, body: str, element: str) -> None:
    program = 'print "a" max(mine(f))\nprint "m" max(mine(f + 0))\nsave "f.nrrd" f\n'
    result = _run(tmp_path, body, program, element=element)
    assert len(result.errors) == 2 and all("`mine` fails" in e.message for e in result.errors)
    np.testing.assert_array_equal(result.values["f.nrrd"].array, VOXELS.astype(element))


def test_inputs_cannot_be_made_writable(tmp_path: Path) -> None:
    body = "v.flags.writeable = True; v += 1; return v"
    result = _run(tmp_path, body, 'print "a" max(mine(f))\nsave "f.nrrd" f\n')
    assert len(result.errors) == 1
    np.testing.assert_array_equal(result.values["f.nrrd"].array, VOXELS)


@pytest.mark.parametrize(
    ("body", "result", "reason"),
    [
        ("return v[..., :1]", "NumberImage", "shape (5, 6, 1), not (5, 6, 7)"),
        ("return v.ravel()", "NumberImage", "shape (210,), not (5, 6, 7)"),
        ("return v.astype(np.float64)", "NumberImage", "float64 voxels, not float32"),
        ("return v.astype(np.int16)", "NumberImage", "int16 voxels, not float32"),
        ("return v > 0", "NumberImage", "bool voxels, not float32"),
        ("return v.astype(object)", "NumberImage", "object voxels, not float32"),
        ("return (v > 0).astype(np.uint8)", "BoolImage", "uint8 voxels, not bool"),
        (
            "return np.where(v > 0, 255, 0).astype(np.uint8).view(np.bool_)",
            "BoolImage",
            "bytes other than 0 and 1",
        ),
        ("return v.tolist()", "NumberImage", "type `list`, not an array"),
        ("return None", "NumberImage", "gives nothing"),
        ("return np.ma.masked_less(v, 0)", "NumberImage", "masked array"),
        ("return 'seven'", "NumberValue", "type `str`, not a number"),
        ("return None", "NumberValue", "gives nothing"),
        ("return 1j", "NumberValue", "type `complex`, not a number"),
        ("return 10 ** 400", "NumberValue", "beyond those of 64 bits"),
        ("return 2", "TruthValue", "type `int`, not a bool"),
    ],
)
def test_results_are_checked(tmp_path: Path, body: str, result: str, reason: str) -> None:
    use = "min(g)" if result == "NumberImage" else "volume(g)" if "Image" in result else "g"
    told = _run(tmp_path, body, f'let g = mine(f)\nprint "g" {use}\nprint "n" max(f)\n', result)
    (error,) = told.errors
    assert reason in error.message
    assert told.values == {"n": float(VOXELS.max())}


@pytest.mark.parametrize(
    "body",
    [
        "return np.asfortranarray(v * 2)",
        "return (v * 2).astype('>f4')",
        "return np.repeat(v * 2, 2, axis=2)[..., ::2]",
        "return (v * 2)[::-1][::-1]",
    ],
)
def test_layout_and_order_of_bytes_are_free(tmp_path: Path, body: str) -> None:
    result = _run(tmp_path, body, 'save "g.nrrd" mine(f)\nprint "m" max(mine(f) + 1)\n')
    np.testing.assert_array_equal(result.values["g.nrrd"].array, VOXELS * 2)
    assert result.values["m"] == float((VOXELS * 2 + 1).max()) and not result.errors


@pytest.mark.parametrize(
    ("body", "value"),
    [("return np.float32(2)", 2.0), ("return np.int64(2)", 2.0), ("return np.array(2)", 2.0)],
)
def test_numbers_of_numpy_are_numbers(tmp_path: Path, body: str, value: float) -> None:
    result = _run(tmp_path, body, 'print "g" mine(f)\n', "NumberValue")
    assert result.values == {"g": value} and isinstance(result.values["g"], float)


def test_what_a_primitive_keeps_is_not_the_result(tmp_path: Path) -> None:
    """It returns the same array each time, modified."""
    body = "kept.append(v * 0) if not kept else None; kept[0] += 1; return kept[0]"
    program = 'save "a.nrrd" mine(f)\nsave "b.nrrd" mine(f + 1)\n'
    result = _run(tmp_path, body, program)
    found = sorted(float(result.values[f"{name}.nrrd"].array.max()) for name in "ab")
    assert found == [1.0, 2.0]
    assert all(np.ptp(result.values[f"{name}.nrrd"].array) == 0 for name in "ab")


def test_an_input_that_is_returned_is_a_value_of_its_own(tmp_path: Path) -> None:
    result = _run(tmp_path, "return v", 'save "g.nrrd" mine(f)\nsave "f.nrrd" f\n')
    given, made = result.values["f.nrrd"].array, result.values["g.nrrd"].array
    np.testing.assert_array_equal(given, made)
    assert not np.shares_memory(given, made)


@pytest.mark.parametrize(
    "raised", ["SystemExit(7)", "GeneratorExit()", "BaseException('x')", "ValueError('no')"]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_what_it_raises_fails_its_goals_alone(tmp_path: Path, raised: str, threads: int) -> None:
    body = f"raise {raised}"
    result = _run(tmp_path, body, 'print "g" max(mine(f))\nprint "n" max(f)\n')
    (error,) = result.errors
    assert f"`mine` fails: {raised.partition('(')[0]}" in error.message
    assert result.values == {"n": float(VOXELS.max())}


def test_what_numbers_raise_while_the_program_is_read_fails_its_goals_alone(tmp_path: Path) -> None:
    text = '''
@scalar()
def ends(x: NumberValue) -> NumberValue:
    """Ends.

    >>> ends(1)
    1
    """
    raise SystemExit(x)
'''
    (tmp_path / "mine.py").write_text(HEAD + text)
    program = 'print "a" ends(3) + 1\nprint "b" 2\n'
    result = voxgpu.run(program, primitives=[tmp_path / "mine.py"], on_error="collect")
    assert result.values == {"b": 2.0}
    assert "`ends` fails: SystemExit: 3.0" in result.errors[0].message


def test_a_file_that_ends_the_process_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD + "raise SystemExit(3)\n")
    (told,) = voxgpu.check('print "one" 1\n', primitives=[tmp_path / "mine.py"])
    assert told.code == "E111" and "SystemExit" in told.message
