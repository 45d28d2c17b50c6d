"""Primitives that are defined where they are used."""

from __future__ import annotations

import functools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import median_filter

import voxgpu as vx
from voxgpu.codegen.scalar import where
from voxgpu.primitives.define import (
    Bool,
    BoolImage,
    Number,
    NumberImage,
    NumberValue,
    Voxel,
    whole_image,
)
from voxgpu.python.lazy.evaluate import compiled

VOXELS = np.random.default_rng(0).integers(0, 500, (4, 5, 6)).astype(np.float32)
RADIUS = 1
TABLE = [1, 2]


@vx.primitive
def window(center: Number, width: Number, v: Voxel) -> Voxel:
    """The voxel from 0 at the lower end of a window to 1 at its upper end, and cut there.

    >>> window(50, 100, [-20, 25, 200])
    [0, 0.25, 1]
    """
    scaled = (v - (center - width / 2.0)) / width
    return where(scaled < 0.0, 0.0, where(scaled > 1.0, 1.0, scaled))


@vx.primitive(outside=False)
def shifted(b: Bool) -> Bool:
    """The region one voxel further along x.

    >>> shifted([true, false])
    [false, true]
    """
    return b[0, 0, -1]  # type: ignore[index,no-any-return]


def _size() -> int:
    return 2 * RADIUS + 1


@vx.primitive(scratch=8)
def median_in_box(v: NumberImage) -> NumberImage:
    """The median of the box around each voxel; the frame is repeated.

    >>> median_in_box([1, 9, 2, 3])
    [1, 2, 3, 3]
    """
    return median_filter(v, size=_size(), mode="nearest").astype(np.float32)  # type: ignore


@vx.primitive
@whole_image()
def nothing_of(b: BoolImage) -> BoolImage:
    """An empty region.

    >>> nothing_of([true])
    [false]
    """
    return np.zeros_like(b)


@vx.primitive
def hypotenuse(a: NumberValue, b: NumberValue) -> NumberValue:
    """The length of the third side.

    >>> hypotenuse(3, 4)
    5
    """
    return math.hypot(a, b)


def test_primitives_are_functions_of_lazy_values() -> None:
    v = vx.from_array(VOXELS)
    scaled = np.clip((VOXELS - 50) / 400, 0, 1).astype(np.float32)
    assert np.allclose(window(250, 400, v), scaled, atol=1e-6)
    assert np.allclose(window(v=v, center=250, width=400), scaled, atol=1e-6)
    region = vx.from_array(VOXELS > 100)
    assert np.array_equal(np.asarray(shifted(region))[..., 1:], VOXELS[..., :-1] > 100)
    assert np.array_equal(median_in_box(v), median_filter(VOXELS, size=3, mode="nearest"))
    assert vx.compute(nothing_of(region).volume(), hypotenuse(v.min() + 3, 4)) == (
        0, math.hypot(VOXELS.min() + 3, 4)
    )  # fmt: skip
    assert "between" not in dir(vx.RegionCalculus) and window.__name__ == "window"
    assert "cut there" in str(window.__doc__)
    assert "// window is a primitive that is defined in Python" in vx.to_imgql(window(1, 2, v))


def test_primitives_of_one_name_do_not_meet() -> None:
    def define(factor: float) -> Any:
        @vx.primitive
        def near(v: Voxel) -> Voxel:
            """The voxel times a number.

            >>> near([0])
            [0]
            """
            return v * factor

        return near

    v = vx.from_array(VOXELS)
    two, three = define(2.0), define(3.0)
    both = two(v) + three(v) + vx.mask(v, vx.near(v > 1e9))
    assert np.array_equal(both, VOXELS * 5)
    assert _id(two(v)) == _id(define(2.0)(v)) != _id(three(v))


def _id(value: vx.LazyValue) -> str:
    return compiled([value._term]).plan.goals[0].value


def _of_constant(constant: Any) -> Any:
    @vx.primitive
    def constantly(v: NumberImage) -> NumberImage:
        """The constant everywhere.

        >>> constantly([1])
        [1]
        """
        return np.full_like(v, constant)

    return constantly


def test_a_primitive_is_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    v = vx.from_array(VOXELS)
    assert _id(_of_constant(1)(v)) == _id(_of_constant(1)(v)) != _id(_of_constant(2)(v))
    with vx.Session(device="cpu", threads=1):
        assert vx.compute(_of_constant(1)(v).max(), _of_constant(2)(v).max()) == (1, 2)
    for wrong in (TABLE, np.zeros(3), {}):
        with pytest.raises(TypeError, match=r"`constantly` uses `constant`, a (list|ndarray|dict)"):
            _of_constant(wrong)
    before = _id(median_in_box(v))
    monkeypatch.setattr(f"{__name__}.RADIUS", 2)
    assert _id(vx.primitive(scratch=8)(median_in_box.__wrapped__)(v)) != before  # type: ignore


def test_functions_that_are_no_primitives() -> None:
    def without(v: NumberImage) -> NumberImage:
        return v

    def unknown(v: int) -> NumberImage:
        """Nothing.

        >>> unknown(1)
        [1]
        """
        return v  # type: ignore[return-value]

    with pytest.raises(TypeError, match="needs a docstring with an example"):
        vx.primitive(without)
    with pytest.raises(TypeError, match="`v` of primitive `unknown` has no type"):
        vx.primitive(unknown)
    with pytest.raises(TypeError, match="a primitive is a function"):
        vx.primitive(3)  # type: ignore[call-overload]


def test_functions_without_a_text_are_what_they_do() -> None:
    v = vx.from_array(VOXELS)

    def define(number: int) -> vx.LazyValue:
        names: dict[str, Any] = {"NumberImage": NumberImage, "__name__": "typed"}
        text = '"""One.\n\n    >>> f([1])\n    [1]\n    """'
        exec(f"def f(v: NumberImage) -> NumberImage:\n    {text}\n    return v + {number}", names)
        return vx.primitive(names["f"])(v)

    assert np.array_equal(define(1), VOXELS + 1)
    assert _id(define(1)) == _id(define(1)) != _id(define(2))


def test_a_primitive_that_fails_points_to_its_call() -> None:
    @vx.primitive
    def broken(v: NumberImage) -> NumberImage:
        """Nothing.

        >>> broken([1])
        [1]
        """
        raise ValueError("no luck")

    v = vx.from_array(VOXELS)
    wrong = broken(v)
    with pytest.raises(vx.GoalsFailed, match="`broken` fails: ValueError: no luck") as caught:
        wrong.compute()
    span = caught.value.diagnostics[0].span
    assert span is not None and span.source.text[span.start : span.stop] == "broken(v)"
    with pytest.raises(vx.ImgqlError, match="E103"):
        broken(v, v).compute()


def test_other_processes_do_not_find_it() -> None:
    v = vx.from_array(VOXELS)
    assert np.array_equal(pickle.loads(pickle.dumps(v + 1)), VOXELS + 1)
    with pytest.raises(pickle.PicklingError, match="file of primitives"):
        pickle.dumps(median_in_box(v))
    deep = functools.reduce(lambda a, _: a + 1, range(5000), v.max())
    assert float(pickle.loads(pickle.dumps(deep))) == VOXELS.max() + 5000
    items = vx.map(lambda c: c.volume() + c.volume(), vx.components(v > 400)[0:2])
    assert pickle.loads(pickle.dumps(items)).compute() == items.compute()
    assert _id(pickle.loads(pickle.dumps((v > 3).near()))) == _id((v > 3).near())
