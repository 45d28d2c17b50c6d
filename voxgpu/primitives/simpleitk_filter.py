"""Ways to run a function of SimpleITK: by its filter, single-threaded, or in its own process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from voxgpu.itk.alone import compute_isolated
from voxgpu.itk.process import execute, quiet, simpleitk
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.simpleitk_histogram import is_finite, seconds_for
from voxgpu.primitives.simpleitk_signature import SEED, Signature

#: Functions whose results depend on how work is divided among threads: sums of floats in another
#: order, parts computed independently, voxels written by two threads.
#: ``tests/primitives/test_simpleitk_threads.py`` checks all functions.
_BY_THREADS = (
    "BoxMean BoxSigma DilateObjectMorphology ErodeObjectMorphology NormalizeToConstant"
    " PatchBasedDenoising"
)
UNEVEN = frozenset(_BY_THREADS.split())
#: Such functions whose filter contains others, which do not inherit the number of threads.
COMPOSED = frozenset({"LaplacianSharpening", "N4BiasFieldCorrection", "Normalize"})

#: Functions that, for some images, search for a threshold forever or read outside their tables,
#: which can crash the process. All that make histograms do so if voxels are infinite.
PERILOUS = frozenset({"KittlerIllingworthThreshold", "RenyiEntropyThreshold"})


def way_of(signature: Signature) -> Callable[..., Any]:
    """The runner of a SimpleITK function on its arguments; it raises SimpleITK's errors."""
    if signature.name in COMPOSED:
        return partial(compute_isolated, _with_defaults, signature.name)
    if any(each.name == "numberOfHistogramBins" for each in signature.arguments):
        return partial(_by_histogram, signature)
    if signature.draws or signature.name in UNEVEN:
        return partial(_on_one_thread, signature)
    return partial(by_filter, signature)


def by_filter(signature: Signature, *arguments: Any) -> Any:
    """Runs a function by its filter, which can be aborted, if it is a thin wrapper around it."""
    function = getattr(simpleitk(), signature.name)
    found = getattr(simpleitk(), f"{signature.name}ImageFilter", None)
    setters = [
        f"Set{each.name[0].upper()}{each.name[1:]}"
        for each in signature.arguments[: len(arguments)]
        if each.kind not in ("image", "images")
    ]
    if found is None or signature.result != "image" or not all(hasattr(found, s) for s in setters):
        return function(*arguments)
    made = found()
    pairs = list(zip(arguments, signature.arguments, strict=False))
    images = [value for value, each in pairs if each.kind in ("image", "images")]
    values = [value for value, each in pairs if each.kind not in ("image", "images")]
    for setter, value in zip(setters, values, strict=True):
        getattr(made, setter)(value)
    return execute(made, *images)


def _with_defaults(name: str, *arguments: Any) -> Any:
    with quiet():
        return getattr(simpleitk(), name)(*arguments)


def _by_histogram(signature: Signature, *arguments: Any) -> Any:
    """Runs a function that searches for thresholds; in its own process if it may hang or crash."""
    if signature.name not in PERILOUS and is_finite(arguments[0]):
        return by_filter(signature, *arguments)
    return compute_isolated(
        _with_defaults, signature.name, *arguments, seconds=seconds_for(signature, arguments)
    )


def _on_one_thread(signature: Signature, *arguments: Any) -> Any:
    """The result of a filter that runs on one thread as one work unit, the same on every machine.

    This is set on the filter; ITK's global number of threads is left alone, because other threads
    of the process may be using it. A filter that draws random numbers has a seed.
    """
    names = [each.name for each in signature.arguments]
    given = dict(zip(names, arguments, strict=False))
    if signature.draws and given.setdefault("seed", SEED) == simpleitk().sitkWallClock:
        raise UndefinedValueError("`seed` must not be 0, for which SimpleITK takes the time of day")
    found = getattr(simpleitk(), f"{signature.name}ImageFilter")()
    found.SetNumberOfThreads(1)
    found.SetNumberOfWorkUnits(1)
    images = []
    for each in signature.arguments:
        if each.name not in given:
            continue
        if each.kind == "image":
            images.append(given[each.name])
        else:
            getattr(found, f"Set{each.name[0].upper()}{each.name[1:]}")(given[each.name])
    return execute(found, *images)
