"""Checks that numbers fit the voxels that a function of SimpleITK works on.

ITK silently converts numbers that are compared with voxels, or stored in them, to the element of
the image, even if they do not fit, and computes in that element. Images are converted to float64
first if that changes a result; if a filter does not support float64, the number is rejected.
``tests/primitives/test_simpleitk_fit.py`` looks for such parameters in all functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from voxgpu.itk.images import ELEMENTS, element_of
from voxgpu.itk.process import simpleitk
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.simpleitk_signature import Argument, Signature

#: Parameters that are compared with the voxels of an image, or stored in them.
_VOXEL_NUMBERS = (
    "assignConstant backgroundValue changeMap constant defaultPixelValue distanceThreshold"
    " edgePaddingValue foregroundValue height inputBackgroundValue inputForegroundValue"
    " insideValue isoSurfaceValue labelForUndecidedPixels level levelSetValue lower lowerBound"
    " lowerThreshold maskingValue maximum objectValue outputBackgroundValue outputForegroundValue"
    " outputMaximum outputMinimum outsideValue replaceValue threshold1 threshold2 threshold3"
    " threshold4 thresholdValue upper upperBound upperBoundary upperThreshold upperValueLimit"
    " windowMaximum windowMinimum"
)
_OF_VOXELS = frozenset(_VOXEL_NUMBERS.split())

#: Functions whose results often do not fit an integer element.
_WIDER = (
    "AbsoluteValueDifference Acos Add Asin Atan Atan2 BoundedReciprocal Convolution Cos"
    " DiscreteGaussianDerivative Divide DivideFloor DivideReal Exp ExpNegative FFTConvolution"
    " InverseDeconvolution InvertIntensity LandweberDeconvolution Log Log10 Multiply NaryAdd Pow"
    " ProjectedLandweberDeconvolution RichardsonLucyDeconvolution ShiftScale Sin Sqrt Square"
    " SquaredDifference Subtract SumProjection Tan TernaryAdd TernaryMagnitudeSquared"
    " TikhonovDeconvolution UnaryMinus WienerDeconvolution"
)
WIDER_RESULTS = frozenset(_WIDER.split())

#: Images that numbers are not compared with, except for the parameters listed here.
_APART = ("maskImage", "labelImage")
_OF_APART = {"maskingValue": "maskImage"}
_OF_LABELS = {"LabelOverlay": "labelImage"}

_GREATEST_FLOAT32 = float(np.finfo(np.float32).max)


class Unfit(UndefinedValueError):
    """A number that the element of the image cannot represent."""


def fitting(signature: Signature, function: Callable[..., Any], arguments: list[Any]) -> Any:
    """The result of ``function`` with arguments that fit. Raises Unfit if that is impossible."""
    problem = output_problem(signature, arguments)
    if problem:
        raise Unfit(problem)
    unfit = list(_unfit(signature, arguments))
    touched = {index for _, _, indices in unfit for index in indices}
    compared = _compared(signature, "")
    if signature.name in WIDER_RESULTS and any(
        _is_whole(signature, arguments, i) for i in compared
    ):
        touched |= set(compared)
    if not touched:
        return function(*arguments)
    try:
        return function(*_widened(arguments, touched))
    except (RuntimeError, NotImplementedError) as error:
        if "is not supported" not in str(error):
            raise
    if unfit:
        raise _refusal(signature, arguments, *unfit[0])
    return function(*arguments)


def _unfit(
    signature: Signature, arguments: Sequence[Any]
) -> Iterator[tuple[Argument, float, list[int]]]:
    """Each number that does not fit, with the indices of the images that it is compared with."""
    for value, each in zip(arguments, signature.arguments, strict=False):
        if each.name not in _OF_VOXELS or each.cpp == "uint8_t":
            continue
        indices = _compared(signature, each.name)
        elements = {name for i in indices for name in _elements(signature, arguments, i)}
        for number in _numbers(value, each):
            if not all(_fits(number, element) for element in elements):
                yield each, number, indices
                break


def _numbers(value: Any, argument: Argument) -> list[float]:
    if argument.kind == "number":
        return [value]
    if argument.kind == "pairs":
        return [number for pair in value.items() for number in pair]
    return []


def _compared(signature: Signature, parameter: str) -> list[int]:
    """The indices of the images that a parameter is compared with."""
    apart = _OF_APART.get(parameter, "")
    if parameter == "backgroundValue":
        apart = _OF_LABELS.get(signature.name, "")
    return [
        index
        for index, each in enumerate(signature.arguments)
        if each.kind in ("image", "images")
        and (each.name == apart if apart else _is_compared(signature, each.name))
    ]


def _is_compared(signature: Signature, image: str) -> bool:
    # For reconstruction filters the mask is an image like the marker.
    return image not in _APART or "Reconstruction" in signature.name


def _elements(signature: Signature, arguments: Sequence[Any], index: int) -> set[str]:
    if index >= len(arguments):
        return set()
    of_many = signature.arguments[index].kind == "images"
    images = arguments[index] if of_many else [arguments[index]]
    return {element_of(image) for image in images} - {"", "float64"}


def _is_whole(signature: Signature, arguments: Sequence[Any], index: int) -> bool:
    return bool(_elements(signature, arguments, index) - {"float32"})


def _fits(value: float, element: str) -> bool:
    """Whether an element can represent a value; float32 may round, but not overflow."""
    if element == "float32":
        return not np.isfinite(value) or abs(value) <= _GREATEST_FLOAT32
    limits = np.iinfo(element)
    return float(value).is_integer() and int(limits.min) <= value <= int(limits.max)


def _widened(arguments: Sequence[Any], touched: set[int]) -> list[Any]:
    """The arguments, with the images at some indices converted to float64."""
    return [
        value
        if index not in touched
        else [_as_float64(image) for image in value]
        if isinstance(value, list)
        else _as_float64(value)
        for index, value in enumerate(arguments)
    ]


def _as_float64(image: Any) -> Any:
    itk = simpleitk()
    many = image.GetNumberOfComponentsPerPixel() > 1
    return itk.Cast(image, itk.sitkVectorFloat64 if many else itk.sitkFloat64)


def _refusal(
    signature: Signature, arguments: Sequence[Any], argument: Argument, value: float, at: list[int]
) -> Unfit:
    element = sorted(name for i in at for name in _elements(signature, arguments, i))[0]
    return _beyond(signature, argument.name, value, element)


def _beyond(signature: Signature, name: str, value: float, element: str) -> Unfit:
    if element.startswith("float"):
        limits = f"between {np.finfo(element).min:g} and {np.finfo(element).max:g}"
    else:
        limits = f"whole and between {np.iinfo(element).min} and {np.iinfo(element).max}"
    return Unfit(
        f"`simpleitk.{signature.name}` works on {element} voxels here, and `{name}` must be "
        f"{limits}, not {value:g}"
    )


#: Numbers that are stored in the voxels of the result, whose element is an argument.
_OF_OUTPUT = {
    "Clamp": ("lowerBound", "upperBound"),
    "GaussianSource": ("scale",),
    "GridSource": ("scale",),
}


def output_problem(signature: Signature, values: Sequence[Any]) -> str | None:
    """The error message for a number the requested element cannot represent; None is unknown."""
    given = {each.name: value for value, each in zip(values, signature.arguments, strict=False)}
    asked = given.get("outputPixelType")
    if asked is None or asked < 0:
        return None
    said = simpleitk().GetPixelIDValueAsString(int(asked))
    element = ELEMENTS.get(said.removeprefix("vector of "), "float64")
    for name in _OF_OUTPUT.get(signature.name, ()):
        value = given.get(name)
        if value is None or element == "float64":
            continue
        # Scaled values are rounded anyway: only the range matters.
        if not _fits(float(np.trunc(value)) if name == "scale" else value, element):
            return str(_beyond(signature, name, value, element))
    return None
