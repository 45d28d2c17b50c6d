"""Calls of every SimpleITK function: generated images and suitable numbers, by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import SimpleITK as sitk

from voxgpu.image import Grid, Image
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.simpleitk import SimpleITKNamespace
from voxgpu.primitives.simpleitk_call import caller
from voxgpu.primitives.simpleitk_signature import Argument, Signature, signatures

NAMESPACE = SimpleITKNamespace()
NAMES = [name for name in NAMESPACE if name[0].isupper() and NAMESPACE[name][0].parameters != ()]

#: Slices that 2, 3 and 8 threads divide unevenly.
GRID = Grid((19, 17, 18), (1.5, 1.0, 0.75), (1.0, -2.0, 3.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))

#: Numbers for parameters by name, if the default has too little effect, or there is none.
_NUMBERS: dict[str, Any] = {
    "alpha": 0.4,
    "assignConstant": 7.0,
    "beta": 0.6,
    "boundaryToForeground": True,
    "changeMap": ((1.0, 5.0), (0.0, 2.0)),
    "classWithInitialMean": (10.0, 60.0, 110.0),
    "constant": 5.0,
    "direction": 1.0,
    "distanceThreshold": 4.0,
    "domainSigma": 1.5,
    "rangeSigma": 20.0,
    "enumString": "sitkUInt8",
    "expandFactors": (2.0, 1.0, 2.0),
    "initialTrialValues": (0.0, 0.5),
    "initialNeighborhoodRadius": 2.0,
    "insideIsPositive": True,
    "kernelRadius": (2.0, 2.0, 2.0),
    "labelForUndecidedPixels": 9.0,
    "lower": 40.0,
    "lowerBound": 30.0,
    "lowerThreshold": 20.0,
    "maskValue": 1.0,
    "maximumIterations": 6.0,
    "maximumNumberOfIterations": 6.0,
    "maximumRMSError": 1e-6,
    "meanErrorToleranceThreshold": 1e-6,
    "multiplier": 2.0,
    "neighborhoodRadius": (1.0, 1.0, 1.0),
    "noiseModel": 0.0,
    "numberOfIterations": 6.0,
    "numberOfThresholds": 3.0,
    "patchRadius": 1.0,
    "pixelID": float(sitk.sitkFloat64),
    "outputPixelType": float(sitk.sitkFloat32),
    "probability": 0.2,
    "radius": (2.0, 2.0, 2.0),
    "repetitions": 3.0,
    "seed": 4.0,
    "seed1": (9.0, 8.0, 9.0),
    "seed2": (2.0, 2.0, 2.0),
    "seedList": ((9.0, 8.0, 9.0), (10.0, 8.0, 9.0)),
    "seedPoints1": ((2.0, 2.0, 2.0),),
    "seedPoints2": ((12.0, 12.0, 12.0),),
    "sigma": 1.7,
    "size": (12.0, 11.0, 10.0),
    "str": "LPS",
    "superGridSize": (5.0, 5.0, 5.0),
    "targetPoints": ((12.0, 12.0, 12.0),),
    "trialPoints": ((9.0, 8.0, 9.0), (3.0, 3.0, 3.0)),
    "type": 1.0,
    "upper": 120.0,
    "upperBound": 90.0,
    "upperThreshold": 90.0,
    "variance": 1.5,
    "windowMaximum": 100.0,
    "windowMinimum": 20.0,
}
#: The same for one function, if the name has another meaning there.
_OF_FUNCTION: dict[tuple[str, str], Any] = {
    ("AreaClosing", "_lambda"): 20.0,
    ("AreaOpening", "_lambda"): 20.0,
    ("BSplineDecomposition", "splineOrder"): 3.0,
    ("CannyEdgeDetection", "variance"): (1.5, 1.5, 1.5),
    ("DICOMOrientImageFilter_GetOrientationFromDirectionCosines", "direction"): tuple(
        float(each) for each in np.eye(3).ravel()
    ),
    ("DiscreteGaussian", "variance"): (1.5, 1.5, 1.5),
    ("DiscreteGaussianDerivative", "order"): (1.0, 0.0, 1.0),
    ("DiscreteGaussianDerivative", "variance"): (1.5, 1.5, 1.5),
    ("GeodesicActiveContourLevelSet", "numberOfIterations"): 3.0,
    ("MultiLabelSTAPLE", "maximumNumberOfIterations"): 2.0,
    ("N4BiasFieldCorrection", "maximumNumberOfIterations"): (3.0, 2.0),
    ("N4BiasFieldCorrection", "numberOfHistogramBins"): 50.0,
    ("PatchBasedDenoising", "numberOfSamplePatches"): 20.0,
    ("ScalarChanAndVeseDenseLevelSet", "numberOfIterations"): 2.0,
    ("GaborSource", "direction"): tuple(float(each) for each in np.eye(3).ravel()),
    ("GaborSource", "sigma"): (6.0, 6.0, 6.0),
    ("GaussianSource", "direction"): tuple(float(each) for each in np.eye(3).ravel()),
    ("GaussianSource", "sigma"): (6.0, 6.0, 6.0),
    ("GrayscaleConnectedClosing", "seed"): (9.0, 8.0, 9.0),
    ("GrayscaleConnectedOpening", "seed"): (9.0, 8.0, 9.0),
    ("GridSource", "direction"): tuple(float(each) for each in np.eye(3).ravel()),
    ("GridSource", "sigma"): (0.6, 0.6, 0.6),
    ("InverseDisplacementField", "size"): (12.0, 11.0, 10.0),
    ("PatchBasedDenoising", "numberOfIterations"): 1.0,
    ("PhysicalPointSource", "direction"): tuple(float(each) for each in np.eye(3).ravel()),
    ("PhysicalPointSource", "outputPixelType"): float(sitk.sitkVectorFloat32),
    ("SmoothingRecursiveGaussian", "sigma"): (1.7, 1.7, 1.7),
    ("UnsharpMask", "threshold"): 0.5,
}

#: Functions that take seconds with defaults: only called with all arguments.
SLOW = {
    "Bilateral",
    "MultiLabelSTAPLE",
    "N4BiasFieldCorrection",
    "PatchBasedDenoising",
    "ScalarChanAndVeseDenseLevelSet",
    "StochasticFractalDimension",
}


@dataclass(frozen=True)
class Call:
    """One call of one overload; its arguments are values of the language."""

    signature: Signature
    arguments: tuple[Any, ...]
    kind: str

    @property
    def name(self) -> str:
        return self.signature.name

    def __str__(self) -> str:
        return f"{self.signature} of {self.kind}, {len(self.arguments)} given"

    def value(self) -> Any:
        """Our result. Raises UndefinedValueError if SimpleITK raises an error."""
        return caller(self.signature)(list(self.arguments), None)


@lru_cache(maxsize=1)
def images() -> dict[str, Image]:
    """A non-constant image of each kind."""
    z, y, x = np.indices(GRID.shape)
    ball = (z - 9) ** 2 + (y - 8) ** 2 + (x - 9) ** 2
    noise = np.random.default_rng(5).normal(size=GRID.shape)
    smooth = (100 * np.exp(-ball / 40) + x + 3 * noise + 20).clip(0, 250)
    field = np.stack([np.sin(y / 3), np.cos(z / 4), np.sin(x / 5)], axis=-1) * 0.8 + 0.05
    arrays: dict[str, Any] = {
        "floats": smooth.astype(np.float32),
        "bytes": smooth.astype(np.uint8),
        "mask": (ball < 30).astype(np.uint8),
        "noisy mask": ((ball < 30) ^ (noise > 1.6)).astype(np.uint8),
        "labels": (1 * (ball < 40) + 2 * (x > 14)).astype(np.uint16),
        "level set": (np.sqrt(ball) - 4.0).astype(np.float32),
        "speed": (1.0 + 0.4 * noise).clip(0.1, 3).astype(np.float32),
        "shorts": (10 * smooth - 500).astype(np.int16),
        "doubles": smooth.astype(np.float64),
        "colors": (field * 60 + 80).astype(np.uint8),
        "float colors": (field * 60 + 80).astype(np.float32),
        "field": field.astype(np.float64),
    }
    return {name: Image(array, GRID) for name, array in arrays.items()}


def _image(name: str, kind: str, place: int) -> Image:
    """The image for a parameter: masks and markers by name, others of the requested kind."""
    found = images()
    low = name.lower()
    if low == "initialimage":
        return found["level set"]
    if low == "featureimage":
        return found["floats"]
    if low == "maskimage":
        return found["mask"]
    if low == "labelimage":
        return found["labels"]
    if low == "displacementfield":
        return found["field"]
    whole = found[kind]
    if low in ("fixedimagemask", "movingimagemask"):
        whole = Image((found["mask"].array + 1).astype(whole.array.dtype), GRID)
    if low in ("kernelimage", "templateimage", "movingimage", "movingimagemask"):
        part = np.ascontiguousarray(whole.array[7:12, 6:11, 7:12])
        grid = Grid(part.shape[:3], GRID.spacing, GRID.origin, GRID.direction)
        return Image(part, grid)
    if low == "markerimage":
        return Image((whole.array // 2).astype(whole.array.dtype), GRID)
    if place and low.startswith("image"):
        rolled = np.roll(whole.array, place, axis=1)
        return Image(rolled, GRID)
    return whole


def _given(signature: Signature, argument: Argument, kind: str, place: int) -> Any:
    if argument.kind == "image":
        return _image(argument.name, kind, place)
    if argument.kind == "images":
        return tuple(_image("image", kind, each) for each in range(3))
    for key in ((signature.name, argument.name), argument.name):
        found = _OF_FUNCTION.get(key) if isinstance(key, tuple) else _NUMBERS.get(key)
        if found is not None:
            return _like(found, argument)
    return default_of(argument)


def _like(found: Any, argument: Argument) -> Any:
    if argument.kind in ("numbers", "lists", "pairs") and not isinstance(found, tuple):
        return (found,) * 3
    if argument.kind == "number" and isinstance(found, tuple):
        return found[0]
    return found


def default_of(argument: Argument) -> Any:
    """The default as a value of the language; None if there is none."""
    text = argument.default
    if text is None:
        return None
    text = text.removeprefix("itk::simple::").removesuffix("u").strip('"')
    if argument.kind == "text":
        return text
    if text.startswith("sitk"):
        return float(getattr(sitk, text))
    plain = text.replace("true", "1.0").replace("false", "0.0").removesuffix("f")
    if "numeric_limits" in plain:
        return float(np.finfo(np.float64).max if "double" in plain else np.finfo(np.float32).max)
    try:
        value = ast.literal_eval(plain)
    except (SyntaxError, ValueError):
        return None
    if argument.kind == "boolean":
        return bool(value)
    if isinstance(value, list | tuple):
        return tuple(float(each) for each in value)
    return float(value)


def overloads() -> Iterator[Signature]:
    """Every overload of every function."""
    for name in NAMES:
        yield from signatures(name, getattr(sitk, name))


def calls(signature: Signature, kinds: Sequence[str] = ()) -> Iterator[Call]:
    """Calls with images of each kind, with all arguments, and with the required ones only."""
    takes = any(each.kind in ("image", "images") for each in signature.arguments)
    for kind in (kinds or images()) if takes else ("no image",):
        every = [
            _given(signature, each, kind, place) for place, each in enumerate(signature.arguments)
        ]
        known = next((k for k, each in enumerate(every) if each is None), len(every))
        needed = sum(each.default is None for each in signature.arguments)
        if signature.name in SLOW:
            needed = known
        for count in sorted({needed, known}, reverse=True):
            if count <= known:
                yield Call(signature, tuple(every[:count]), kind)


def working(signature: Signature) -> Iterator[Call]:
    """Calls that have a value."""
    for call in calls(signature):
        try:
            call.value()
        except UndefinedValueError:
            continue
        yield call
