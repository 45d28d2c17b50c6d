"""Filters, which can be aborted, return what SimpleITK's functions return, and stop on request."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.cancellation import Cancelled, cancelled_by
from voxgpu.itk.process import quiet
from voxgpu.primitives.simpleitk_filter import COMPOSED, UNEVEN, by_filter
from voxgpu.primitives.simpleitk_signature import (
    INTEGERS,
    Argument,
    Signature,
    Unusable,
    signatures,
)

SIZE = (7, 8, 9)

#: Numbers with which they take very long, or never end.
LEFT_OUT = ("N4BiasFieldCorrection", "OtsuMultipleThresholds", "StochasticFractalDimension")

#: Values tried for parameters of each kind, in turn.
NUMBERS = (4, 2, 3)


def _images() -> dict[str, Any]:
    generator = np.random.default_rng(3)
    made = {}
    for element in ("float32", "uint8"):
        array = generator.integers(0, 4, SIZE[::-1]).astype(element)
        made[element] = sitk.GetImageFromArray(array)
    made["vector"] = sitk.GetImageFromArray(generator.random((*SIZE[::-1], 3)), isVector=True)
    return made


def _given(argument: Argument, turn: int, image: Any) -> Any:
    match argument.kind:
        case "image":
            return image
        case "images":
            return [image, image]
        case "number":
            number = NUMBERS[turn % len(NUMBERS)]
            return number if argument.cpp in INTEGERS else number + 0.25
        case "boolean":
            return turn % 2 == 1
        case "numbers":
            return [NUMBERS[turn % len(NUMBERS)]] * 3
        case "lists":
            return [[2, 2, 2]]
        case "pairs":
            return {1.0: 2.0}
    return ""


def _functions() -> list[tuple[str, Signature]]:
    found = []
    for name in dir(sitk):
        one_thread = name in UNEVEN | COMPOSED
        if hasattr(sitk, f"{name}ImageFilter") and name not in LEFT_OUT and not one_thread:
            try:
                found += [(name, each) for each in signatures(name, getattr(sitk, name))]
            except Unusable:
                continue
    return [(name, each) for name, each in found if each.result == "image" and not each.draws]


def _outcome(call: Any, *given: Any) -> Any:
    try:
        made = call(*given)
    except (RuntimeError, TypeError, ValueError, OverflowError, NotImplementedError) as error:
        return type(error)
    return made


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, type) or isinstance(other, type):
        return one is other
    if one.GetPixelID() != other.GetPixelID() or one.GetSize() != other.GetSize():
        return False
    if one.GetOrigin() != other.GetOrigin() or one.GetSpacing() != other.GetSpacing():
        return False
    if one.GetNumberOfComponentsPerPixel() > 4:
        # No image of the language; for all channels but the first, GradientRecursiveGaussian
        # returns uninitialized memory if it uses the direction of the image.
        return True
    if "complex" in one.GetPixelIDTypeAsString() or "label" in one.GetPixelIDTypeAsString():
        return True
    first, second = sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other)
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


@pytest.mark.parametrize(
    "element",
    [
        "float32",
        pytest.param("uint8", marks=pytest.mark.slow),
        pytest.param("vector", marks=pytest.mark.slow),
    ],
)
def test_every_filter_gives_what_its_function_gives(element: str) -> None:
    image, compared, wrong = _images()[element], 0, []
    with quiet():
        for name, signature in _functions():
            function = getattr(sitk, name)
            least = sum(each.default is None for each in signature.arguments)
            # For histograms with few bins ITK crashes occasionally.
            bins = any("Bins" in each.name for each in signature.arguments)
            for count in {least, least if bins else len(signature.arguments)}:
                given = [
                    _given(each, turn, image)
                    for turn, each in enumerate(signature.arguments[:count])
                ]
                expected = _outcome(function, *given)
                compared += not isinstance(expected, type)
                found = _outcome(by_filter, signature, *given)
                if not _same(expected, found):
                    wrong.append((name, given[1:], expected, found))
    assert wrong == []
    assert compared > (150 if element != "vector" else 50)


def test_a_filter_that_is_not_wanted_ends() -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((40, 60, 60), np.float32))
    (signature,) = signatures("CurvatureFlow", sitk.CurvatureFlow)
    stop, ended = threading.Event(), threading.Event()
    outcome: list[object] = []

    def work() -> None:
        with cancelled_by(stop):
            try:
                # Takes an hour.
                by_filter(signature, image, 0.01, 1_000_000)
            except Cancelled as error:
                outcome.append(error)
        ended.set()

    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.1)
    stop.set()
    ended.wait()
    assert isinstance(outcome[0], Cancelled)


def test_ctrl_c_ends_a_filter_on_the_main_thread(capfd: pytest.CaptureFixture[str]) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((40, 60, 60), np.float32))
    (signature,) = signatures("CurvatureFlow", sitk.CurvatureFlow)
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        by_filter(signature, image, 0.01, 1_000_000)
    while any(each.name == "filter" for each in threading.enumerate()):
        time.sleep(0.01)
    assert capfd.readouterr().err == ""
