"""No parameter of SimpleITK's functions is silently cast to the element of an image.

A parameter is cast if a number outside uint8 gives the same result as C++'s conversion of it to
uint8, and another result if the same voxels are float64. All parameters of all functions are
checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.primitives.simpleitk_calls import SLOW, Call, calls, images, overloads
from voxgpu.diagnostics import ImgqlError
from voxgpu.image import Grid, Image
from voxgpu.itk.images import to_itk
from voxgpu.itk.process import quiet
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.simpleitk_fit import Unfit
from voxgpu.primitives.simpleitk_signature import Argument

#: Numbers that uint8 cannot represent, and C++'s conversion of them on common machines.
PAIRS = [(300.0, 44.0), (-5.0, 251.0), (100.5, 100.0)]

#: Parameters that affect the amount of computation, not voxels.
NOT_LOOKED_AT = {
    *("conductanceScalingUpdateInterval", "initialNeighborhoodRadius", "isolatedValueTolerance"),
    *("iteration", "maximumError", "maximumIterations", "maximumKernelWidth", "maximumRMSError"),
    *("maximumNumberOfIterations", "noiseModel", "numberOfHistogramBins", "numberOfIterations"),
    *("numberOfRangeGaussianSamples", "order", "outputPixelType", "patchRadius", "pixelID"),
    *("repetitions", "seed", "sigma", "sizeGreatestPrimeFactor", "splineOrder", "stencilRadius"),
    *("subsamplingFactor", "timeStep", "variance", "domainSigma", "decayBase", "direction"),
}


def _small(image: Image) -> Image:
    """The center of a uint8 image."""
    part = np.ascontiguousarray(image.array[5:14, 4:13, 5:14])
    return Image(
        part, Grid(part.shape[:3], (1.5, 1.0, 0.75), (0.0, 0.0, 0.0), image.grid.direction)
    )


def _byte_calls() -> Iterator[Call]:
    """A call of each function with uint8 images of few voxels."""
    seen = set()
    for signature in overloads():
        takes = any(each.kind in ("image", "images") for each in signature.arguments)
        if not takes or signature.name in SLOW:
            continue
        names = frozenset(re.sub(r"^image\d$", "image", each.name) for each in signature.arguments)
        if (signature.name, names) in seen:
            continue  # the same with more images
        seen.add((signature.name, names))
        for call in calls(signature, ("bytes", "mask")):
            given = [_small(v) if isinstance(v, Image) else v for v in call.arguments]
            given = [tuple(map(_small, v)) if _has_images(v) else v for v in given]
            near = [_near(v, each) for v, each in zip(given, signature.arguments, strict=False)]
            yield replace(call, arguments=tuple(near))
            break


def _has_images(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(each, Image) for each in value)


def _near(value: Any, argument: Argument) -> Any:
    """Moves indices of voxels into the small image.

    SimpleITK accesses any memory with indices outside it: `CollidingFronts` writes there.
    """
    if argument.name == "seedPoints2":
        return ((7.0, 7.0, 7.0),)
    if argument.name == "seed2":
        return (7.0, 7.0, 7.0)
    if re.match("seed|trialPoints|targetPoints", argument.name) and argument.kind != "number":
        return ((4.0, 4.0, 4.0),) if argument.kind == "lists" else (4.0, 4.0, 4.0)
    return value


def _theirs(call: Call, double: bool = False) -> Any:
    """SimpleITK's result, with uint8 voxels or, except for masks, float64."""
    arguments = []
    for value, each in zip(call.arguments, call.signature.arguments, strict=False):
        if isinstance(value, Image):
            itk = to_itk(value)
            wide = double and itk.GetPixelID() == sitk.sitkUInt8 and "mask" not in each.name.lower()
            arguments.append(sitk.Cast(itk, sitk.sitkFloat64) if wide else itk)
        elif _has_images(value):
            found = [to_itk(image) for image in value]
            arguments.append([sitk.Cast(i, sitk.sitkFloat64) for i in found] if double else found)
        elif each.kind == "pairs":
            arguments.append(dict(value))
        else:
            arguments.append(_plain(value, each))
    with quiet():
        try:
            found = getattr(sitk, call.name)(*arguments)
        except (RuntimeError, NotImplementedError, OverflowError, TypeError, ValueError):
            return None
    return sitk.GetArrayFromImage(found) if isinstance(found, sitk.Image) else found


def _plain(value: Any, argument: Argument) -> Any:
    if isinstance(value, tuple):
        return [_plain(each, argument) for each in value]
    if argument.cpp in ("double", "float") or not isinstance(value, float):
        return value
    return int(value)


def _with(call: Call, index: int, value: float) -> Call:
    kind = call.signature.arguments[index].kind
    given: Any = ((1.0, value), (0.0, 2.0)) if kind == "pairs" else value
    return replace(call, arguments=(*call.arguments[:index], given, *call.arguments[index + 1 :]))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and np.array_equal(a.astype(float), b.astype(float), True)
    return a is not None and b is not None and repr(a) == repr(b)


def _is_cast(call: Call, index: int, value: float, made: float) -> bool:
    """Whether SimpleITK alone confuses two numbers that floats would distinguish."""
    if not _same(found := _theirs(_with(call, index, value)), _theirs(_with(call, index, made))):
        return False
    wide = _theirs(_with(call, index, value), double=True)
    if wide is None:
        other = made + 3 if made < 200 else made - 3
        return not _same(found, _theirs(_with(call, index, other)))
    return not _same(wide, _theirs(_with(call, index, made), double=True))


def _ours(call: Call) -> Any:
    value = call.value()
    return value.array if isinstance(value, Image) else value


def _saturates(call: Call, index: int, value: float) -> bool:
    """Whether uint8 gives the float result rounded, with values out of range clamped."""
    wide, found = (
        _theirs(_with(call, index, value), double=True),
        _theirs(_with(call, index, value)),
    )
    if not isinstance(wide, np.ndarray) or found.dtype != np.uint8:
        return False
    return bool(np.all(np.abs(wide.clip(0, 255) - found) <= 1))


@pytest.mark.slow
def test_no_parameter_is_cast() -> None:
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    looked_at, cast, wrong = 0, set(), []
    try:
        for call in _byte_calls():
            pairs = list(zip(call.arguments, call.signature.arguments, strict=False))
            for index, (_, each) in enumerate(pairs):
                if each.kind not in ("number", "pairs") or each.name in NOT_LOOKED_AT:
                    continue
                if each.cpp in ("bool", "uint8_t") or "sitk" in (each.default or ""):
                    continue
                looked_at += 1
                for value, made in PAIRS:
                    whole = each.cpp in ("double", "float") or value.is_integer()
                    if not whole or not _is_cast(call, index, value, made):
                        continue
                    cast.add((call.name, each.name))
                    try:
                        ours = _ours(_with(call, index, value))
                    except UndefinedValueError:
                        continue
                    if _same(ours, _theirs(_with(call, index, value), double=True)):
                        continue
                    if not _saturates(call, index, value):
                        wrong.append(f"{call.name}: {each.name} = {value}")
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    print(f"{looked_at} parameters were looked at, {len(cast)} are cast")
    assert not wrong
    assert looked_at >= 210
    assert len(cast) >= 75


RAMP = np.arange(250, dtype=np.uint8).reshape(5, 10, 5)


@pytest.fixture
def ramp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uint8 ramp, and its halves as masks."""
    monkeypatch.chdir(tmp_path)
    sitk.WriteImage(sitk.GetImageFromArray(RAMP), "u.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(RAMP.astype(np.float32)), "f.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray((RAMP > 100).astype(np.uint8)), "m.nrrd")


def _text(expression: str) -> str:
    loads = "".join(f'load {name} = "{name}.nrrd"\n' for name in "ufm")
    return f'import "simpleitk"\n{loads}print "x" {expression}\n'


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("max(And(u, 300))", "`constant` must be whole and between 0 and 255, not 300"),
        ("max(Modulus(u, 300))", "between 0 and 255, not 300"),
        ("max(BinaryDilate(m, 1, sitkBall, 0, 300))", "`foregroundValue` must be whole"),
        ("max(ChangeLabel(u, [[1, 300]]))", "`changeMap` must be whole and between 0 and 255"),
        ("max(ChangeLabel(u, [[-1, 3]]))", "not -1"),
        ("max(LabelVoting(u, m, 300))", "`labelForUndecidedPixels` must be"),
        ("max(Clamp(f, sitkUInt8, -5, 200))", "`lowerBound` must be whole and between 0 and 255"),
        ("max(GaussianSource(sitkUInt8, 9, 3, 4, 300))", "`scale` must be"),
    ],
)
def test_what_does_not_fit_is_refused_before_running(
    ramp: None, expression: str, reason: str
) -> None:
    told = voxgpu.check(_text(expression))
    assert any(re.search(reason, str(each)) for each in told), told
    with pytest.raises(ImgqlError, match=reason):
        voxgpu.run(_text(expression))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("max(MaskedAssign(u, m, 1000))", 1000),
        ("max(Mask(u, m, 1000))", 1000),
        ("min(Mask(u, m, -3))", -3),
        ("max(ScalarConnectedComponent(u, m, 0.5))", 149),
        ("max(Maximum(f, 1e300))", np.inf),
        ("max(Sin(u) > 0.9)", None),
        ("max(Exp(u / 249))", np.float32(np.exp(1.0))),
        ("max(Exp(Threshold(u, 0, 5, 0)))", np.float32(np.exp(5.0))),
        ("max(Sqrt(u))", np.float32(np.sqrt(249.0))),
    ],
)
def test_images_are_cast_so_that_numbers_fit(
    ramp: None, expression: str, expected: float | None
) -> None:
    if expected is None:
        value = voxgpu.run(_text(f"volume({expression[4:-1]})")).prints[0].value
        assert value == np.sum(np.sin(RAMP.astype(np.float64)) > np.float32(0.9))
        return
    assert voxgpu.run(_text(expression)).prints[0].value == expected


def test_a_number_of_the_whole_range_of_float32_stays() -> None:
    image = images()["floats"]
    (signature,) = [s for s in overloads() if s.name == "Threshold"]
    call = Call(signature, (image, 1e300, 2e300, 0.0), "floats")
    assert np.all(_ours(call) == 0)
    assert issubclass(Unfit, UndefinedValueError)
