"""Limits on numbers that would make functions of SimpleITK use unbounded memory or time.

Limits that depend on constants only are checked before running, others before SimpleITK is called,
which accepts any number and may then end the process.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from voxgpu.limits.process import memory_limits
from voxgpu.primitives.simpleitk_signature import Signature

#: Functions that search for a threshold by pairs of bins.
_OF_PAIRS = tuple(
    f"{name}Threshold"
    for name in ("Huang", "IsoData", "MaximumEntropy", "RenyiEntropy", "Shanbhag")
)

#: Upper limits of parameters, of the named function or of all; except for the default number of
#: iterations of STAPLE, which terminates by itself.
MOST = (
    dict.fromkeys(
        (
            *("numberOfHistogramBins", "numberOfHistogramLevels", "numberOfMatchPoints"),
            *("numberOfRangeGaussianSamples", "numberOfSamplePatches"),
        ),
        2**20,
    )
    | dict.fromkeys(
        (
            *("iteration", "maximumIterations", "maximumNumberOfIterations"),
            *("numberOfIterations", "repetitions"),
        ),
        100_000,
    )
    | {"maximumKernelWidth": 2**16, "order": 64, "splineOrder": 16}
    | {"opacity": 1, "timeStep": 1e6, "upperValueLimit": 3e38, "sampleVariance": 1e4}
    # These take time for each pair of bins: half a minute at this number.
    | {f"{name} numberOfHistogramBins": 2**16 for name in _OF_PAIRS}
)

#: Lower limits of parameters: SimpleITK divides by some, and others make it loop forever.
LEAST = {
    **{"numberOfRangeGaussianSamples": 1, "conductanceScalingUpdateInterval": 1},
    **{"numberOfHistogramBins": 1, "numberOfHistogramLevels": 1, "numberOfIterations": 0},
    **{"opacity": 0, "isolatedValueTolerance": 0, "timeStep": -1e6, "sampleVariance": 0},
    # Sampling takes 1 / standardDeviation² steps for each voxel.
    "SpeckleNoise standardDeviation": 1e-3,
    # It searches for the border between two bins.
    "OtsuThreshold numberOfHistogramBins": 2,
}

#: Parameters that are indices of voxels, with which SimpleITK reads or writes outside the image.
_SEEDS = ("seed", "seed1", "seed2", "seedPoints1", "seedPoints2")

#: Parameters that give the number of voxels by which a neighborhood extends to each side.
RADII = (
    *("radius", "kernelRadius", "neighborhoodRadius", "dilationRadius", "contourThickness"),
    *("initialNeighborhoodRadius", "patchRadius", "stencilRadius"),
)

#: The most voxels of a neighborhood, each of which takes SimpleITK up to 130 bytes.
MOST_AROUND = 2**22

#: The most voxels of a result that is larger than the images it is computed from.
MOST_VOXELS = 2**31

#: The most combinations of thresholds between bins; `OtsuMultipleThresholds` tries all of them.
MOST_CHOICES = 2**30

#: The most points of the control grid that `N4BiasFieldCorrection` fits at its last level.
MOST_POINTS = 2**24

#: The memory, in bytes, that may always be used without checking the available memory.
_LITTLE = 1 << 30

#: Functions that sum along rows, and keep no neighborhoods in memory.
_WITHOUT_NEIGHBORHOODS = ("BoxMean", "BoxSigma")

#: Half-widths of the kernel of `Bilateral`, in standard deviations.
_SIGMAS = 2.5


def number_problem(signature: Signature, values: Sequence[Any]) -> str | None:
    """The error message for numbers known before running; None stands for unknown ones."""
    given = _given(signature, values)
    for name, value in given.items():
        for each in _numbers(value):
            most = MOST.get(f"{signature.name} {name}", MOST.get(name, math.inf))
            if most < math.inf and not (each <= most or _is_endless(signature, name, each)):
                return f"takes `{name}` up to {most:,.12g}, not {each:,.0f}"
            least = LEAST.get(f"{signature.name} {name}", LEAST.get(name, -math.inf))
            if least > -math.inf and not each >= least:
                return f"takes `{name}` from {least:g}, not {each:g}"
        if name in RADII and signature.name not in _WITHOUT_NEIGHBORHOODS:
            axes = 2 if isinstance(value, int | float) else 1
            if problem := _around(name, [max(each, 0) for each in _numbers(value)] * axes):
                return problem
        if signature.name == "Tile" and name == "layout" and 0 in list(_numbers(value))[:-1]:
            return "takes 0 only as the last number of `layout`"
    return _choices(signature, given) or _points(signature, given)


def size_problem(signature: Signature, values: Sequence[Any]) -> str | None:
    """The error message for arguments converted for SimpleITK, including its images."""
    if problem := number_problem(signature, [_plain(value) for value in values]):
        return problem
    given = _given(signature, values)
    image = _image(signature, values)
    if image is not None:
        axes = image.GetDimension()
        for name in RADII:
            if name in given and signature.name not in _WITHOUT_NEIGHBORHOODS:
                radii = list(_numbers(given[name]))
                radii = radii * axes if len(radii) == 1 else radii[:axes]
                if problem := _around(name, radii):
                    return problem
        if signature.name == "Bilateral" and "domainSigma" in given:
            sigmas = list(_numbers(given["domainSigma"]))
            pairs = zip(sigmas * axes, image.GetSpacing(), strict=False)
            radii = [_SIGMAS * sigma / spacing for sigma, spacing in pairs]
            if problem := _around("domainSigma", radii):
                return problem
        if problem := _fields(signature, given, image) or _outside(signature, values, image):
            return problem
    return _result(signature, given, image)


def _fields(signature: Signature, arguments: dict[str, Any], image: Any) -> str | None:
    """The error for a checkerboard field without a voxel, by which SimpleITK would divide."""
    if signature.name != "CheckerBoard" or "checkerPattern" not in arguments:
        return None
    pairs = zip(image.GetSize(), _numbers(arguments["checkerPattern"]), strict=False)
    if all(1 <= count <= size for size, count in pairs):
        return None
    return "takes `checkerPattern` from 1 up to the voxels along each axis"


def _outside(signature: Signature, values: Sequence[Any], image: Any) -> str | None:
    """The error for indices outside the image: SimpleITK would access any memory with them."""
    for each, value in zip(signature.arguments, values, strict=False):
        if each.name not in _SEEDS or each.kind not in ("numbers", "lists") or value is None:
            continue
        for index in value if each.kind == "lists" else (value,):
            pairs = zip(_numbers(index), image.GetSize(), strict=False)
            if not all(0 <= place < size for place, size in pairs):
                return f"takes a `{each.name}` within the image only"
    return None


def _given(signature: Signature, values: Sequence[Any]) -> dict[str, Any]:
    """The given arguments that are not images, by name."""
    pairs = zip(signature.arguments, values, strict=False)
    return {
        each.name: value
        for each, value in pairs
        if each.kind in ("number", "numbers") and value is not None
    }


def _image(signature: Signature, values: Sequence[Any]) -> Any:
    """The first image, or the largest of a sequence of them."""
    for each, value in zip(signature.arguments, values, strict=False):
        if each.kind == "image":
            return value
        if each.kind == "images" and value:
            return max(value, key=lambda image: image.GetNumberOfPixels())
    return None


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | tuple | list) else None


def _numbers(value: Any) -> Iterator[float]:
    items = value if isinstance(value, tuple | list) else (value,)
    return (float(each) for each in items if isinstance(each, int | float))


def _is_endless(signature: Signature, name: str, value: float) -> bool:
    """Whether a number means "no limit", and is the default."""
    defaults = {each.name: each.default or "" for each in signature.arguments}
    return "numeric_limits" in defaults[name] and value == 2**32 - 1


def _around(name: str, radii: Sequence[float]) -> str | None:
    count = math.prod(2 * radius + 1 for radius in radii)
    if count <= MOST_AROUND:
        return None
    return f"takes neighborhoods of up to {MOST_AROUND:,} voxels, `{name}` asks for {count:,.0f}"


def _choices(signature: Signature, arguments: dict[str, Any]) -> str | None:
    if signature.name != "OtsuMultipleThresholds":
        return None
    bins, count = (arguments.get(name) for name in ("numberOfHistogramBins", "numberOfThresholds"))
    bins, count = int(128 if bins is None else bins), int(1 if count is None else count)
    if count >= bins:
        return f"needs more bins than thresholds, not {bins} for {count}"
    if math.comb(bins, count) <= MOST_CHOICES:
        return None
    return (
        f"tries all {count} thresholds between {bins} bins, {math.comb(bins, count):.2g} ways; "
        f"at most {MOST_CHOICES:,} are tried"
    )


def _points(signature: Signature, arguments: dict[str, Any]) -> str | None:
    """The error for the control grid, which doubles at every level, each with its iterations."""
    if signature.name != "N4BiasFieldCorrection" or "numberOfControlPoints" not in arguments:
        return None
    levels = len(list(_numbers(arguments.get("maximumNumberOfIterations", (0,) * 4))))
    points = list(_numbers(arguments["numberOfControlPoints"]))
    axes = points * 2 if len(points) == 1 else points
    count = math.prod(each * 2.0 ** min(levels - 1, 64) for each in axes)
    if count <= MOST_POINTS:
        return None
    return f"fits at most {MOST_POINTS:,} control points, these would be {count:,.0f}"


def _result(signature: Signature, arguments: dict[str, Any], image: Any) -> str | None:
    """The error message for the size of the result, if arguments determine it."""
    size = _result_size(signature.name, arguments, image)
    if size is None:
        return None
    voxels = math.prod(size)
    shown = "×".join(f"{each:.0f}" for each in size)
    if voxels > MOST_VOXELS:
        return f"would give {shown} voxels; images that it enlarges have at most {MOST_VOXELS:,}"
    channels = image.GetNumberOfComponentsPerPixel() if image is not None else 1
    taken = 8 * voxels * channels
    if taken > _LITTLE and (left := memory_limits()[0].available) < taken:
        return f"would give {shown} voxels, for which the {left:,.0f} bytes left do not suffice"
    return None


def _result_size(name: str, arguments: dict[str, Any], image: Any) -> list[float] | None:
    old = [float(each) for each in image.GetSize()] if image is not None else []

    def each_axis(key: str, default: float) -> list[float]:
        found = list(_numbers(arguments.get(key, default)))
        return found * len(old) if len(found) == 1 else found

    if name.endswith("Pad") and name != "FFTPad":
        lower, upper = each_axis("padLowerBound", 0), each_axis("padUpperBound", 0)
        return [a + b + c for a, b, c in zip(old, lower, upper, strict=False)]
    if name == "Expand":
        return [a * b for a, b in zip(old, each_axis("expandFactors", 1), strict=False)]
    if name == "Tile":
        layout = list(_numbers(arguments.get("layout", 1)))
        planes = old + [1.0] * (len(layout) - len(old))
        return [a * max(b, 1) for a, b in zip(planes, layout, strict=False)]
    for key in ("size", "outputSize"):
        if key in arguments and name not in ("Extract", "RegionOfInterest"):
            found = list(_numbers(arguments[key]))
            return found * 3 if len(found) == 1 else found
    return None
