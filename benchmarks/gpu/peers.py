"""Equivalents on a GPU: CuPy step by step, cupyx.scipy.ndimage, and cuCIM.

All receive arrays that are on the device. NumPy, SciPy and scikit-image can replace them, which
lets tests check that they compute the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from voxgpu.bench.peers import as_labels, exactly, within

BOX = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Arrays:
    """The inputs: a volume (int16), a bright mask, the head, the mask grown, floats."""

    v: Any
    m: Any
    b: Any
    n: Any
    f: Any


Function = Callable[[Arrays, "Libraries"], Any]


@dataclass(frozen=True)
class Libraries:
    """The libraries of peers; None if one is not installed.

    api      CuPy
    ndimage  cupyx.scipy.ndimage
    measure  cucim.skimage.measure
    cucim    cucim.core.operations.morphology
    """

    api: Any
    ndimage: Any = None
    measure: Any = None
    cucim: Any = None


@dataclass(frozen=True)
class GpuPeer:
    """One implementation of an operation.

    needs  the libraries it uses besides CuPy, by their names in ``Libraries``
    equal  compares its result; returns an error message, or an empty string
    """

    name: str
    function: Function
    equal: Callable[[Any, Any], str] = exactly
    needs: tuple[str, ...] = ()

    def is_possible(self, libraries: Libraries) -> bool:
        """Whether the libraries that it needs are installed."""
        return all(getattr(libraries, each) is not None for each in self.needs)


def installed(api: Any) -> Libraries:
    """The libraries installed on this computer."""
    return Libraries(
        api,
        _module("cupyx.scipy.ndimage"),
        _module("cucim.skimage.measure"),
        _module("cucim.core.operations.morphology"),
    )


def host(value: Any) -> Any:
    """A result in host memory."""
    return value.get() if hasattr(value, "get") else value


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except Exception:
        # GPU libraries raise many kinds of errors if they do not match the system; all mean the
        # same here.
        return None


def _box(use: Libraries) -> Any:
    """A box-shaped neighborhood, given by its shape, so that CuPy need not fetch its content."""
    return BOX if use.api is np else BOX.shape


def _chain(f: Any) -> Any:
    return (((((((((f * 1.5) + 2) - 1) * 0.5) + f) * 2) - 3) / 4) + 1) * f


def _fused_chain(a: Arrays, use: Libraries) -> Any:
    if use.api not in _FUSED:
        _FUSED[use.api] = use.api.fuse(_chain)
    return _FUSED[use.api](a.f)


_FUSED: dict[Any, Any] = {}


def _grown(mask: str, times: int) -> tuple[GpuPeer, ...]:
    def boxes(a: Arrays, use: Libraries) -> Any:
        given = getattr(a, mask)
        return use.ndimage.binary_dilation(given, _box(use), iterations=times, brute_force=True)

    def largest(a: Arrays, use: Libraries) -> Any:
        bytes_ = getattr(a, mask).view("uint8")
        return use.ndimage.maximum_filter(bytes_, 2 * times + 1, mode="constant")

    return (
        GpuPeer("cupyx binary_dilation", boxes, needs=("ndimage",)),
        GpuPeer("cupyx maximum_filter", largest, needs=("ndimage",)),
    )


def _eroded(a: Arrays, use: Libraries) -> Any:
    return use.ndimage.binary_erosion(a.b, _box(use), border_value=1)


def _distances(measured: Callable[[Callable[[Any], Any], Arrays], Any], equal: Any) -> Any:
    """Two ways to compute distances: cupyx and cuCIM."""

    def with_cupyx(a: Arrays, use: Libraries) -> Any:
        return measured(use.ndimage.distance_transform_edt, a)

    def with_cucim(a: Arrays, use: Libraries) -> Any:
        return measured(use.cucim.distance_transform_edt, a)

    return (
        GpuPeer("cupyx distance_transform_edt", with_cupyx, equal, ("ndimage",)),
        GpuPeer("cuCIM distance_transform_edt", with_cucim, equal, ("cucim",)),
    )


def _smoothened(edt: Callable[[Any], Any], a: Arrays) -> Any:
    eroded = edt(a.m) >= 5
    return edt(~eroded) <= 5


def _cupyx_labels(mask: Any, use: Libraries) -> Any:
    return use.ndimage.label(mask, BOX)[0]


def _cucim_labels(mask: Any, use: Libraries) -> Any:
    return use.measure.label(mask, connectivity=3)


def _labeled(
    work: Callable[[Callable[[Any], Any], Arrays, Libraries], Any], equal: Any = exactly
) -> tuple[GpuPeer, ...]:
    """Two ways to label components, followed by an operation on the labels."""
    return (
        GpuPeer(
            "cupyx label", lambda a, use: work(lambda m: _cupyx_labels(m, use), a, use), equal,
            ("ndimage",),
        ),
        GpuPeer(
            "cuCIM label", lambda a, use: work(lambda m: _cucim_labels(m, use), a, use), equal,
            ("measure",),
        ),
    )  # fmt: skip


def _reached(label: Callable[[Any], Any], mask: Any, start: Any, use: Libraries) -> Any:
    """The components of a mask that contain a voxel of another one."""
    labels = label(mask)
    marked = use.api.zeros(int(labels.max()) + 1, bool)
    marked[labels[start & mask]] = True
    return marked[labels]


def _through(label: Callable[[Any], Any], a: Arrays, use: Libraries) -> Any:
    return _reached(label, a.n, a.m, use)


def _touch(label: Callable[[Any], Any], a: Arrays, use: Libraries) -> Any:
    grown = use.ndimage.binary_dilation(a.m, _box(use))
    return _reached(label, a.n, grown, use)


def _largest(label: Callable[[Any], Any], a: Arrays, use: Libraries) -> Any:
    labels = label(a.m)
    sizes = use.api.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _ranks(values: str, compared: bool = False) -> tuple[GpuPeer, ...]:
    def ranks(a: Arrays, use: Libraries) -> Any:
        image = getattr(a, values)
        population = image[a.b]
        ordered = use.api.sort(population)
        below = use.api.searchsorted(ordered, population, "left")
        upto = use.api.searchsorted(ordered, population, "right")
        result = use.api.full(image.shape, -1, "float32")
        result[a.b] = (below + upto) * 0.5 / population.size
        return result > use.api.float32(0.9) if compared else result

    return (GpuPeer("CuPy sort and searchsorted", ranks),)


def _slope(a: Arrays, use: Libraries) -> Any:
    padded = use.api.pad(a.f, 1, mode="edge")
    inner = slice(1, -1)
    total = 0
    for axis in range(3):
        places = [[inner] * 3, [inner] * 3]
        places[0][axis], places[1][axis] = slice(2, None), slice(None, -2)
        total = total + ((padded[tuple(places[0])] - padded[tuple(places[1])]) / 2) ** 2
    return use.api.sqrt(total)


#: By the names of the operations in ``voxgpu/bench/operators.py``. Voxels are assumed to be 1 mm
#: wide, as in the data; if they are not, results differ, which is reported.
PEERS: dict[str, tuple[GpuPeer, ...]] = {
    "comparison": (GpuPeer("CuPy", lambda a, use: a.v > 300),),
    "and": (GpuPeer("CuPy", lambda a, use: a.m & a.b),),
    "not": (GpuPeer("CuPy", lambda a, use: ~a.m),),
    "chain of 10 voxel operators": (
        GpuPeer("CuPy", lambda a, use: _chain(a.f)),
        GpuPeer("CuPy fused", _fused_chain),
    ),
    "volume": (GpuPeer("CuPy", lambda a, use: use.api.count_nonzero(a.m)),),
    "min and max": (GpuPeer("CuPy", lambda a, use: a.f.max() - a.f.min()),),
    "near": _grown("b", 1),
    "near near near": _grown("m", 3),
    "interior": (GpuPeer("cupyx binary_erosion", _eroded, needs=("ndimage",)),),
    "pdt": _distances(lambda edt, a: edt(~a.m), within(1e-4)),
    "dt compared with 5 mm": _distances(lambda edt, a: edt(~a.m) <= 5, exactly),
    "smoothen 5 mm": _distances(_smoothened, exactly),
    "through": _labeled(_through),
    "touch": _labeled(_touch),
    "lcc": _labeled(lambda label, a, use: label(a.m), as_labels),
    "lcc of the head": _labeled(lambda label, a, use: label(a.b), as_labels),
    "maxvol": _labeled(_largest),
    "percentiles": _ranks("v"),
    "percentiles, thresholded": _ranks("v", True),
    "percentiles of floats": _ranks("f"),
    "gradient": (GpuPeer("CuPy", _slope, within(1e-3)),),
}
