"""Reading of the TIFF files that ITK misreads, with tifffile."""

from __future__ import annotations

import functools
import logging
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.itk import Information
from voxgpu.itk.images import ELEMENTS

#: Units of resolution in mm: inches and centimeters.
_UNITS = {2: 25.4, 3: 10.0}

_MINISWHITE = 0

#: Voxel types that are widened when read: each holds the same values.
_WIDER = {"bool": "uint8", "float16": "float32"}


@functools.cache
def tifffile() -> ModuleType:
    """Import tifffile with its warnings about irregular files silenced."""
    import tifffile as module

    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return module


def tiff_information(path: str) -> Information:
    """Describe the image in a TIFF, without reading voxels. Raises FileError."""
    with _Reported(path), tifffile().TiffFile(path) as file:
        series = _series(path, file)
        channels = _channels(path, series)
        element = series.dtype.name
        element = _WIDER.get(element, element)
        if element.startswith("complex"):
            raise FileError(path, "its voxels are complex numbers", "save its magnitude first")
        names = [name for name, known in ELEMENTS.items() if known == element]
        if not names:
            raise FileError(path, f"its voxels are of a type without use here: {element}")
        sizes = _shape(series)[::-1]
        spacing = (*_spacing(series.keyframe), 1.0)[: len(sizes)]
    identity = np.eye(len(sizes)).ravel().tolist()
    voxel = f"{'vector of ' * (channels > 1)}{names[0]}"
    return Information(sizes, spacing, (0.0,) * len(sizes), tuple(identity), voxel, channels)


def tiff_voxels(path: str) -> npt.NDArray[Any]:
    """Read the voxels, with a last axis for colors; bits become 0 and 1. Raises FileError."""
    with _Reported(path), tifffile().TiffFile(path) as file:
        series = _series(path, file)
        voxels: npt.NDArray[Any] = series.asarray(maxworkers=1)
        axes, white = series.axes, series.keyframe.photometric == _MINISWHITE
    if "S" in axes:
        voxels = np.moveaxis(voxels, axes.index("S"), -1)
    if voxels.dtype == np.bool_ and white:
        voxels = ~voxels
    return voxels.astype(_WIDER.get(voxels.dtype.name, voxels.dtype.newbyteorder("=")))


def _series(path: str, file: Any) -> Any:
    if not file.series:
        raise FileError(path, "it is damaged: it has no pages")
    series = file.series[0]
    if len(_shape(series)) > 3 or len(_shape(series)) < 2:
        raise FileError(path, f"its axes are {series.axes}; images here have 2 or 3")
    return series


def _shape(series: Any) -> tuple[int, ...]:
    return tuple(
        int(size) for size, axis in zip(series.shape, series.axes, strict=True) if axis != "S"
    )


def _channels(path: str, series: Any) -> int:
    channels = series.shape[series.axes.index("S")] if "S" in series.axes else 1
    if channels not in (1, 3, 4):
        raise FileError(
            path,
            f"its voxels have {channels} channels; images have 1, or 3 or 4 for colors",
            "save each channel as a file of its own",
        )
    return int(channels)


def _spacing(page: Any) -> tuple[float, float]:
    """Spacing in mm along x and y; 1 if the file has none, as in ITK."""
    unit = _UNITS.get(int(page.resolutionunit or 0))
    across, down = page.resolution
    if unit is None or not across > 0 or not down > 0:
        return 1.0, 1.0
    return unit / across, unit / down


class _Reported:
    """Context manager that turns whatever tifffile raises into a FileError."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if (
            error is None
            or isinstance(error, FileError | MemoryError)
            or not isinstance(error, Exception)
        ):
            return
        message = " ".join(str(error).split())[:160]
        if "imagecodecs" in message:
            raise FileError(
                self._path,
                "its voxels are compressed in a way for which a decoder is missing",
                "pip install 'voxgpu[tiff]' and run again",
            ) from None
        raise FileError(self._path, f"its TIFF data is damaged: {message}") from None
