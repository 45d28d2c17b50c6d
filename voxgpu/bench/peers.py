"""Equivalents in other libraries, each with a comparison of its result with ours.

The functions take the spacing of the voxels, in mm along (z, y, x), and operands in the order of
the operator's parameters: arrays with axes (z, y, x), and numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

#: Libraries by import name, and their names for pip; all but the first three are in the extra.
LIBRARIES = {
    "numpy": "numpy",
    "SimpleITK": "SimpleITK",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "cc3d": "connected-components-3d",
    "edt": "edt",
    "numexpr": "numexpr",
    "niimath": "niimath",
}

#: The command that installs all of them.
INSTALL = "pip install 'voxgpu[bench]'"

#: A peer, its work, and the difference of its result (an empty string if there is none).
Peer = tuple[str, Callable[[], Any], Callable[[Any, Any], str]]

Spacing = Sequence[float]

#: The peers of an operator, from the spacing and the operands.
Peers = Callable[..., Iterator[Peer]]


def library_of(peer: str) -> str:
    """The import name of the library that a peer, such as "scipy binary", is of."""
    return peer.partition(" ")[0]


def available(library: str) -> bool:
    """Whether a library is installed."""
    return find_spec(library) is not None


def missing() -> list[str]:
    """The libraries that are not installed, by their names for pip."""
    return [package for module, package in LIBRARIES.items() if not available(module)]


def exactly(theirs: Any, ours: Any) -> str:
    """Compare voxels exactly; returns an error message, empty if all are equal."""
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
    """Compare labels by components, regardless of their numbering."""
    theirs = _array(theirs)
    pairs = np.unique(np.stack([theirs.ravel(), ours.ravel()]), axis=1)
    fits = len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    return "" if fits else "other components"


def _array(image: Any) -> Any:
    return image if isinstance(image, np.ndarray) else sitk.GetArrayFromImage(image)


def _sitk(array: Any, spacing: Spacing = (1.0, 1.0, 1.0)) -> Any:
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
    image.SetSpacing([float(each) for each in reversed(spacing)])
    return image


def _lazy(module: str) -> Any:
    """A module that is imported on first use."""

    class Lazy:
        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(module), name)

    return Lazy()


sitk = _lazy("SimpleITK")
ndimage = _lazy("scipy.ndimage")
measure = _lazy("skimage.measure")
morphology = _lazy("skimage.morphology")
cc3d = _lazy("cc3d")
edt = _lazy("edt")
numexpr = _lazy("numexpr")


def _box(array: Any) -> Any:
    return np.ones((3,) * array.ndim, bool)


def _comparison(symbol: str, compare: Callable[[Any, Any], Any]) -> Peers:
    def peers(_: Spacing, v: Any, limit: Any) -> Iterator[Peer]:
        if isinstance(limit, np.ndarray) or not isinstance(v, np.ndarray):
            return
        yield "numpy", lambda: compare(v, limit), exactly
        image = _sitk(v)
        yield "SimpleITK", lambda: compare(image, limit), exactly
        text = f"v {symbol} {limit!r}"
        yield "numexpr", lambda: numexpr.evaluate(text, {"v": v}), exactly

    return peers


def _and(_: Spacing, a: Any, b: Any) -> Iterator[Peer]:
    first, second = _sitk(a), _sitk(b)
    yield "numpy", lambda: a & b, exactly
    yield "SimpleITK", lambda: sitk.And(first, second), exactly
    yield "numexpr", lambda: numexpr.evaluate("a & b", {"a": a, "b": b}), exactly


def _not(_: Spacing, a: Any) -> Iterator[Peer]:
    image = _sitk(a)
    yield "numpy", lambda: ~a, exactly
    yield "SimpleITK", lambda: sitk.BinaryNot(image, 1), exactly


def chain_of_operators(_: Spacing, f: Any) -> Iterator[Peer]:
    """The peers of the chain of 10 voxel operators."""
    image = _sitk(f)
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
    yield "numpy", lambda: chain(f), exactly
    yield "numexpr", lambda: numexpr.evaluate(text, {"f": f, **names}), exactly
    yield "SimpleITK", theirs, exactly


def _volume(_: Spacing, m: Any) -> Iterator[Peer]:
    yield "numpy", lambda: np.count_nonzero(m), exactly


def _extreme(name: str) -> Peers:
    def peers(_: Spacing, v: Any) -> Iterator[Peer]:
        image = _sitk(v)

        def theirs() -> float:
            found = sitk.MinimumMaximumImageFilter()
            found.Execute(image)
            return float(found.GetMaximum() if name == "max" else found.GetMinimum())

        yield "numpy", lambda: float(getattr(v, name)()), exactly
        yield "SimpleITK", theirs, exactly

    return peers


def range_of_values(_: Spacing, f: Any) -> Iterator[Peer]:
    """The peers of the difference of the largest and the smallest value."""
    image = _sitk(f)

    def theirs() -> float:
        found = sitk.MinimumMaximumImageFilter()
        found.Execute(image)
        return float(found.GetMaximum() - found.GetMinimum())

    yield "numpy", lambda: float(f.max()) - float(f.min()), exactly
    yield "SimpleITK", theirs, exactly


def near(times: int) -> Peers:
    """The peers of that many dilations by a box of 3 voxels."""

    def peers(_: Spacing, mask: Any) -> Iterator[Peer]:
        m = _sitk(mask)
        size, axes = 2 * times + 1, mask.ndim
        yield "SimpleITK", lambda: sitk.BinaryDilate(m, [times] * axes, sitk.sitkBox), exactly
        yield "scipy", lambda: ndimage.maximum_filter(mask, size, mode="constant"), exactly
        if times == 1:
            box = _box(mask)
            yield "scipy binary", lambda: ndimage.binary_dilation(mask, box), exactly
            yield "skimage", lambda: morphology.dilation(mask, box), exactly

    return peers


def _interior(_: Spacing, b: Any) -> Iterator[Peer]:
    m, box, radius = _sitk(b), _box(b), [1] * b.ndim
    yield "SimpleITK", lambda: sitk.BinaryErode(m, radius, sitk.sitkBox, 0, 1, True), exactly
    yield "scipy", lambda: ndimage.binary_erosion(b, box, border_value=1), exactly


def _signed(spacing: Spacing, mask: Any) -> Iterator[Peer]:
    m = _sitk(mask, spacing)

    def outside(theirs: Any, ours: Any) -> str:
        # ITK's contour inside the region differs; outside both measure to the same voxels.
        place = ours > 0
        return within(1e-4)(_array(theirs)[place], ours[place])

    def maurer() -> Any:
        return sitk.SignedMaurerDistanceMap(m, False, False, True)

    yield "SimpleITK", maurer, outside


def _distance(spacing: Spacing, m: Any) -> Iterator[Peer]:
    axes = tuple(spacing)
    yield "edt", lambda: edt.edt(~m, anisotropy=axes, parallel=0), within(1e-4)
    yield "scipy", lambda: ndimage.distance_transform_edt(~m, sampling=axes), within(1e-4)


def distance_at_most_5(spacing: Spacing, mask: Any) -> Iterator[Peer]:
    """The peers of a distance that is compared with 5 mm."""
    m, axes = _sitk(mask, spacing), tuple(spacing)

    def maurer() -> Any:
        return sitk.SignedMaurerDistanceMap(m, False, False, True) <= 5

    yield "edt", lambda: edt.edt(~mask, anisotropy=axes, parallel=0) <= 5, exactly
    yield "SimpleITK", maurer, exactly


def smoothen_5(spacing: Spacing, m: Any) -> Iterator[Peer]:
    """The peers of an opening with a radius of 5 mm."""
    axes = tuple(spacing)

    def smoothen() -> Any:
        eroded = edt.edt(m, anisotropy=axes, parallel=0) >= 5
        return edt.edt(~eroded, anisotropy=axes, parallel=0) <= 5

    yield "edt", smoothen, exactly


def _through(_: Spacing, start: Any, path: Any) -> Iterator[Peer]:
    m, n = _sitk(start), _sitk(path)

    def with_labels(label: Callable[[], Any]) -> Callable[[], Any]:
        def work() -> Any:
            labels = label()
            marked = np.zeros(labels.max() + 1, bool)
            marked[labels[start & path]] = True
            # Voxels outside the path have the label 0.
            return marked[labels] & path

        return work

    structure = _box(path)
    yield "cc3d", with_labels(lambda: cc3d.connected_components(path)), exactly
    yield "scipy", with_labels(lambda: ndimage.label(path, structure)[0]), exactly
    yield "skimage", with_labels(lambda: measure.label(path, connectivity=path.ndim)), exactly
    yield "SimpleITK", lambda: sitk.BinaryReconstructionByDilation(m, n, 0, 1, True), exactly


def touch(_: Spacing, path: Any, start: Any) -> Iterator[Peer]:
    """The peers of `touch`: components of a region that touch another one."""
    m, n = _sitk(start), _sitk(path)

    def theirs() -> Any:
        grown = sitk.BinaryDilate(m, [1] * start.ndim, sitk.sitkBox)
        return sitk.BinaryReconstructionByDilation(sitk.And(grown, n), n, 0, 1, True)

    yield "SimpleITK", theirs, exactly


def _labels(_: Spacing, mask: Any) -> Iterator[Peer]:
    image, structure = _sitk(mask), _box(mask)
    yield "cc3d", lambda: cc3d.connected_components(mask), as_labels
    yield "scipy", lambda: ndimage.label(mask, structure)[0], as_labels
    yield "skimage", lambda: measure.label(mask, connectivity=mask.ndim), as_labels
    yield "SimpleITK", lambda: sitk.ConnectedComponent(image, True), as_labels


def _largest(_: Spacing, m: Any) -> Iterator[Peer]:
    yield "cc3d", lambda: cc3d.largest_k(m, k=1) > 0, exactly


def _rank(values: Any, region: Any) -> Any:
    from scipy.stats import rankdata

    population = values[region]
    result = np.full(values.shape, -1, np.float32)
    result[region] = (rankdata(population) - 0.5) / population.size
    return result


def _ranks(_: Spacing, v: Any, mask: Any, correction: float) -> Iterator[Peer]:
    if correction == 0.5:  # that of `rankdata`, which gives equal values their mean rank
        yield "scipy", lambda: _rank(v, mask), exactly


def ranks_above(limit: float) -> Peers:
    """The peers of ranks, with a correction of 0.5, that are compared with a limit."""

    def peers(_: Spacing, v: Any, mask: Any) -> Iterator[Peer]:
        bound = np.float32(limit)
        yield "scipy", lambda: _rank(v, mask) > bound, exactly

    return peers


def _otsu(_: Spacing, values: Any, mask: Any, bins: float) -> Iterator[Peer]:
    v, b = _sitk(values), _sitk(mask)

    def theirs() -> Any:
        found = sitk.OtsuThresholdImageFilter()
        found.SetNumberOfHistogramBins(int(bins))
        found.SetInsideValue(0)
        found.SetOutsideValue(1)
        found.SetMaskOutput(True)
        found.SetMaskValue(1)
        found.SetReturnBinMidpoint(False)
        return found.Execute(sitk.Cast(v, sitk.sitkFloat32), b)

    yield "SimpleITK", theirs, exactly


def _gradient(spacing: Spacing, v: Any) -> Iterator[Peer]:
    image = _sitk(v, spacing)
    yield "SimpleITK", lambda: sitk.GradientMagnitude(image, True), within(1e-3)


#: The peers of the primitives of the language, by the first of their names.
PRIMITIVES: dict[str, Peers] = {
    ">": _comparison(">", operator.gt),
    ">=": _comparison(">=", operator.ge),
    "<": _comparison("<", operator.lt),
    "<=": _comparison("<=", operator.le),
    "and": _and,
    "not": _not,
    "volume": _volume,
    "max": _extreme("max"),
    "min": _extreme("min"),
    "near": near(1),
    "interior": _interior,
    "dt": _signed,
    "pdt": _distance,
    "through": _through,
    "lcc": _labels,
    "maxvol": _largest,
    "percentiles": _ranks,
    "otsu": _otsu,
    "gradient": _gradient,
}
