"""What a report says of a saved image: its content, size, region and histogram."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voxgpu.compile import Compiled
from voxgpu.execution.outputs import Saved
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header, read_header
from voxgpu.files.read import read_image
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.plan.node import Plan
from voxgpu.primitives.components import labeled
from voxgpu.primitives.source import LOAD
from voxgpu.report.montage_regions import labels_of
from voxgpu.report.planes import surrounding_value
from voxgpu.types import Content, ImageOf

#: Bins of a histogram, and up to how many voxels it takes.
_BINS, _MOST_VOXELS = 64, 2_000_000


@frozen
class Region:
    """The size of a mask.

    voxels      how many are not 0
    size        mm³, or mm² in 2-D
    components  how many connected parts it has: 26 neighbors in 3-D, 8 in 2-D
    """

    voxels: int
    size: float
    components: int


@frozen
class Histogram:
    """Counts of voxels by value, in bins of equal width; ``inside`` only those of the region."""

    edges: npt.NDArray[np.float64]
    every: npt.NDArray[np.int64]
    inside: npt.NDArray[np.int64] | None = None


@frozen
class SavedImage:
    """A saved image as it is in its file, and the image that it was made from.

    source      the header of that image; None if there is none on its grid
    is_region   whether it is a mask or has labels: those of a program, or 2 to 12 different
                integers besides 0
    problem     why it cannot be shown; empty if it can
    """

    saved: Saved
    source: Header | None = None
    is_region: bool = False
    image: Image | None = field(default=None, repr=False)
    background: Image | None = field(default=None, repr=False)
    problem: str = ""

    @property
    def region(self) -> Image | None:
        """The region: a mask of true and false, or labels; None if it is no region."""
        if not self.is_region or self.image is None:
            return None
        if self.saved.kind.content is Content.BOOLEAN:
            # Files have 0 and 1, or 0 and 255.
            return Image(self.image.array != 0, self.image.grid)
        return self.image


def sources_of(compiled: Compiled) -> dict[str, Header]:
    """For each saved file, by its target, the loaded image that it was made from.

    That is the nearest one in the plan that lies on the same grid and has numbers or colors.
    """
    plan = compiled.plan
    found: dict[str, Header] = {}
    for goal in plan.goals:
        kind = plan.types.get(goal.value)
        if goal.action == "save" and isinstance(kind, ImageOf):
            header = nearest_source(plan, goal.value)
            if header is not None:
                found.setdefault(goal.label, header)
    return found


def nearest_source(plan: Plan, value: ValueId) -> Header | None:
    """The nearest loaded image of which a value was made, on its grid; None if there is none."""
    kind = plan.types[value]
    grid = kind.grid if isinstance(kind, ImageOf) else None
    level, seen = [value], {value}
    while level:
        for id in level:
            header = plan.files.get(id)
            if plan.nodes[id].primitive is not LOAD or grid is None:
                continue
            if isinstance(header, Header) and header.grid.agrees_with(grid):
                return header
        following = [each for id in level for each in plan.nodes[id].inputs]
        level = [each for each in dict.fromkeys(following) if each not in seen]
        seen.update(level)
    return None


class ImageReader:
    """Reads saved images and what they were made from; the last background stays in memory."""

    def __init__(self) -> None:
        self._last: tuple[Header, Image] | None = None

    def read(self, saved: Saved, source: Header | None, labels: bool = False) -> SavedImage:
        """The image in a saved file, and its background; a problem if it cannot be read."""
        is_region = saved.kind.content is Content.BOOLEAN or saved.kind.mask or labels
        shown = SavedImage(saved, source, is_region)
        try:
            image = read_first_volume(saved.path)
        except (FileError, OSError, ValueError, MemoryError) as error:
            return replace(shown, problem=str(error) or type(error).__name__)
        return replace(
            shown,
            is_region=is_region or len(labels_of(image)) > 1,
            image=image,
            background=self._background(image, source),
        )

    def _background(self, image: Image, source: Header | None) -> Image | None:
        if source is None or not source.grid.agrees_with(image.grid):
            return None
        if self._last is None or self._last[0] != source:
            try:
                self._last = source, read_image(source)
            except (FileError, OSError, ValueError, MemoryError):
                return None  # the file has changed or is gone: the region is shown alone
        return self._last[1]


def read_first_volume(path: Path) -> Image:
    """The image in a file; of several volumes the first."""
    header = read_header(path)
    return read_image(header.at(0) if header.volumes > 1 else header)


def region_of(image: Image) -> Region:
    """The size of a region, and the number of its components."""
    mask = image.array != 0
    voxels = int(np.count_nonzero(mask))
    size = voxels * float(np.prod(image.grid.spacing))
    if not voxels:
        return Region(0, 0.0, 0)
    box = tuple(
        slice(int(places[0]), int(places[-1]) + 1)
        for axis in range(mask.ndim)
        for places in [
            np.flatnonzero(mask.any(axis=tuple(each for each in range(mask.ndim) if each != axis)))
        ]
    )
    return Region(voxels, size, labeled(np.ascontiguousarray(mask[box]))[1])


def histogram_of(image: Image, region: Image | None) -> Histogram | None:
    """The histogram of finite values, and of those in a region; None if there are no values.

    The value around what the image shows is left out. Of large images every n-th voxel is taken.
    """
    values = image.array
    if image.channels > 1:
        values = values[..., :3].mean(axis=-1)
    outside = surrounding_value(values)
    step = max(1, values.size // _MOST_VOXELS)
    values = values.ravel()[::step].astype(np.float64)
    inside = None if region is None else region.array.ravel()[::step] != 0
    used = np.isfinite(values) & (values != outside)
    if not used.any():
        return None
    low, high = (float(each) for each in np.percentile(values[used], (0.1, 99.9)))
    if not high > low:
        high = low + max(abs(low) * 1e-6, 1e-6)
    edges = np.linspace(low, high, _BINS + 1)
    every = np.histogram(values[used], edges)[0]
    counted = None if inside is None else np.histogram(values[used & inside], edges)[0]
    return Histogram(edges, every, counted)
