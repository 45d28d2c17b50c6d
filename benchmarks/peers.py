"""Equivalents in other libraries, each with a comparison of its result with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

#: A peer, its work, and the difference of its result (an empty string if there is none).
Peer = tuple[str, Callable[[], Any], Callable[[Any, Any], str]]


@dataclass(frozen=True)
class Arrays:
    """The inputs: a volume (int16), a bright mask, the head, the mask grown, floats."""

    v: Any
    m: Any
    b: Any
    n: Any
    f: Any


def peers_of(name: str, a: Arrays) -> Iterator[Peer]:
    """The peers of an operation."""
    yield from _TABLE.get(name, lambda _: iter(()))(a)


def exactly(theirs: Any, ours: Any) -> str:
    """Compares voxels exactly; returns an error message, empty if all are equal."""
    if not isinstance(ours, np.ndarray):
        return "" if float(theirs) == float(ours) else f"{theirs} instead of {ours}"
    theirs = np.asarray(_array(theirs))
    if theirs.shape != ours.shape:
        return f"shape {theirs.shape}"
    wrong = np.count_nonzero(theirs.astype(ours.dtype) != ours)
    return f"{wrong:,} voxels differ" if wrong else ""


def within(tolerance: float) -> Callable[[Any, Any], str]:
    """A comparison of voxels within a tolerance."""

    def equal(theirs: Any, ours: Any) -> str:
        worst = float(np.abs(_array(theirs).astype(np.float64) - ours).max())
        return f"differs by up to {worst:.3g}" if not worst <= tolerance else ""

    return equal


def as_labels(theirs: Any, ours: Any) -> str:
    """Compares labels by components, regardless of their numbering."""
    theirs = _array(theirs)
    pairs = np.unique(np.stack([theirs.ravel(), ours.ravel()]), axis=1)
    fits = len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    return "" if fits else "other components"


def _array(image: Any) -> Any:
    if isinstance(image, np.ndarray):
        return image
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(image)


def _sitk(array: Any) -> Any:
    import SimpleITK as sitk

    return sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)


def _lazy(module: str) -> Any:
    """A module that is imported on first use."""
    from importlib import import_module

    class Lazy:
        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(module), name)

    return Lazy()


sitk = _lazy("SimpleITK")
ndimage = _lazy("scipy.ndimage")
cc3d = _lazy("cc3d")
edt = _lazy("edt")
numexpr = _lazy("numexpr")


def _comparison(a: Arrays) -> Iterator[Peer]:
    image = _sitk(a.v)
    yield "numpy", lambda: a.v > 300, exactly
    yield "SimpleITK", lambda: image > 300, exactly
    yield "numexpr", lambda: numexpr.evaluate("v > 300", {"v": a.v}), exactly


def _and(a: Arrays) -> Iterator[Peer]:
    m, b = _sitk(a.m), _sitk(a.b)
    yield "numpy", lambda: a.m & a.b, exactly
    yield "SimpleITK", lambda: sitk.And(m, b), exactly
    yield "numexpr", lambda: numexpr.evaluate("m & b", {"m": a.m, "b": a.b}), exactly


def _not(a: Arrays) -> Iterator[Peer]:
    m = _sitk(a.m)
    yield "numpy", lambda: ~a.m, exactly
    yield "SimpleITK", lambda: sitk.BinaryNot(m, 1), exactly


def _chain(a: Arrays) -> Iterator[Peer]:
    image = _sitk(a.f)
    numbers = [np.float32(n) for n in (1.5, 2, 1, 0.5, 2, 3, 4, 1)]

    def chain(f: Any) -> Any:
        p, q, r, s, t, u, w, x = numbers
        return (((((((((f * p) + q) - r) * s) + f) * t) - u) / w) + x) * f

    def theirs() -> Any:
        f = image
        # Its division turns float32 into float64; a product is exactly the same for a divisor of
        # 4.
        return (((((((((f * 1.5) + 2) - 1) * 0.5) + f) * 2) - 3) * 0.25) + 1) * f

    names = dict(zip("pqrstuwx", numbers, strict=True))
    text = "(((((((((f * p) + q) - r) * s) + f) * t) - u) / w) + x) * f"
    yield "numpy", lambda: chain(a.f), exactly
    yield "numexpr", lambda: numexpr.evaluate(text, {"f": a.f, **names}), exactly
    yield "SimpleITK", theirs, exactly


def _volume(a: Arrays) -> Iterator[Peer]:
    yield "numpy", lambda: np.count_nonzero(a.m), exactly


def _extremes(a: Arrays) -> Iterator[Peer]:
    image = _sitk(a.f)

    def theirs() -> float:
        found = sitk.MinimumMaximumImageFilter()
        found.Execute(image)
        return float(found.GetMaximum() - found.GetMinimum())

    yield "numpy", lambda: float(a.f.max()) - float(a.f.min()), exactly
    yield "SimpleITK", theirs, exactly


def _near(mask: str, times: int) -> Callable[[Arrays], Iterator[Peer]]:
    def peers(a: Arrays) -> Iterator[Peer]:
        array = getattr(a, mask)
        m = _sitk(array)
        size = 2 * times + 1
        yield "SimpleITK", lambda: sitk.BinaryDilate(m, [times] * 3, sitk.sitkBox), exactly
        yield "scipy", lambda: ndimage.maximum_filter(array, size, mode="constant"), exactly
        if times == 1:
            box = np.ones((3, 3, 3), bool)
            yield "scipy binary", lambda: ndimage.binary_dilation(array, box), exactly

    return peers


def _interior(a: Arrays) -> Iterator[Peer]:
    b, box = _sitk(a.b), np.ones((3, 3, 3), bool)
    yield "SimpleITK", lambda: sitk.BinaryErode(b, [1] * 3, sitk.sitkBox, 0, 1, True), exactly
    yield "scipy", lambda: ndimage.binary_erosion(a.b, box, border_value=1), exactly


def _signed(a: Arrays) -> Iterator[Peer]:
    m = _sitk(a.m)

    def outside(theirs: Any, ours: Any) -> str:
        # ITK's contour inside the region differs; outside both measure to the same voxels.
        place = ours > 0
        return within(1e-4)(_array(theirs)[place], ours[place])

    def maurer() -> Any:
        return sitk.SignedMaurerDistanceMap(m, False, False, True)

    yield "SimpleITK", maurer, outside


def _distance(a: Arrays) -> Iterator[Peer]:
    yield "edt", lambda: edt.edt(~a.m, parallel=0), within(1e-4)
    yield "scipy", lambda: ndimage.distance_transform_edt(~a.m), within(1e-4)


def _distance_test(a: Arrays) -> Iterator[Peer]:
    m = _sitk(a.m)

    def maurer() -> Any:
        return sitk.SignedMaurerDistanceMap(m, False, False, True) <= 5

    yield "edt", lambda: edt.edt(~a.m, parallel=0) <= 5, exactly
    yield "SimpleITK", maurer, exactly


def _smoothen(a: Arrays) -> Iterator[Peer]:
    def smoothen() -> Any:
        eroded = edt.edt(a.m, parallel=0) >= 5
        return edt.edt(~eroded, parallel=0) <= 5

    yield "edt", smoothen, exactly


def _through(a: Arrays) -> Iterator[Peer]:
    m, n = _sitk(a.m), _sitk(a.n)

    def with_labels(label: Callable[[], Any]) -> Callable[[], Any]:
        def work() -> Any:
            labels = label()
            marked = np.zeros(labels.max() + 1, bool)
            marked[labels[a.m & a.n]] = True
            return marked[labels]

        return work

    structure = np.ones((3, 3, 3), bool)
    yield "cc3d", with_labels(lambda: cc3d.connected_components(a.n)), exactly
    yield "scipy", with_labels(lambda: ndimage.label(a.n, structure)[0]), exactly
    yield "SimpleITK", lambda: sitk.BinaryReconstructionByDilation(m, n, 0, 1, True), exactly


def _touch(a: Arrays) -> Iterator[Peer]:
    m, n = _sitk(a.m), _sitk(a.n)

    def theirs() -> Any:
        grown = sitk.BinaryDilate(m, [1] * 3, sitk.sitkBox)
        return sitk.BinaryReconstructionByDilation(sitk.And(grown, n), n, 0, 1, True)

    yield "SimpleITK", theirs, exactly


def _labels(mask: str) -> Callable[[Arrays], Iterator[Peer]]:
    def peers(a: Arrays) -> Iterator[Peer]:
        array = getattr(a, mask)
        image, structure = _sitk(array), np.ones((3, 3, 3), bool)
        yield "cc3d", lambda: cc3d.connected_components(array), as_labels
        yield "scipy", lambda: ndimage.label(array, structure)[0], as_labels
        yield "SimpleITK", lambda: sitk.ConnectedComponent(image, True), as_labels

    return peers


def _largest(a: Arrays) -> Iterator[Peer]:
    yield "cc3d", lambda: cc3d.largest_k(a.m, k=1) > 0, exactly


def _ranks(name: str, compared: bool) -> Callable[[Arrays], Iterator[Peer]]:
    def peers(a: Arrays) -> Iterator[Peer]:
        from scipy.stats import rankdata

        values = getattr(a, name)

        def ranks() -> Any:
            population = values[a.b]
            result = np.full(values.shape, -1, np.float32)
            result[a.b] = (rankdata(population) - 0.5) / population.size
            return result > np.float32(0.9) if compared else result

        yield "scipy", ranks, exactly

    return peers


def _otsu(a: Arrays) -> Iterator[Peer]:
    v, b = _sitk(a.v), _sitk(a.b)

    def theirs() -> Any:
        found = sitk.OtsuThresholdImageFilter()
        found.SetNumberOfHistogramBins(100)
        found.SetInsideValue(0)
        found.SetOutsideValue(1)
        found.SetMaskOutput(True)
        found.SetMaskValue(1)
        found.SetReturnBinMidpoint(False)
        return found.Execute(sitk.Cast(v, sitk.sitkFloat32), b)

    yield "SimpleITK", theirs, exactly


def _gradient(a: Arrays) -> Iterator[Peer]:
    image = _sitk(a.f)
    yield "SimpleITK", lambda: sitk.GradientMagnitude(image, True), within(1e-3)


_TABLE: dict[str, Callable[[Arrays], Iterator[Peer]]] = {
    "comparison": _comparison,
    "and": _and,
    "not": _not,
    "chain of 10 voxel operators": _chain,
    "volume": _volume,
    "min and max": _extremes,
    "near": _near("b", 1),
    "near near near": _near("m", 3),
    "interior": _interior,
    "dt, signed": _signed,
    "pdt": _distance,
    "dt compared with 5 mm": _distance_test,
    "smoothen 5 mm": _smoothen,
    "through": _through,
    "touch": _touch,
    "lcc": _labels("m"),
    "lcc of the head": _labels("b"),
    "maxvol": _largest,
    "percentiles": _ranks("v", False),
    "percentiles, thresholded": _ranks("v", True),
    "percentiles of floats": _ranks("f", False),
    "otsu": _otsu,
    "gradient": _gradient,
}
