"""The viewer of a page: volumes in 8 bits per voxel, their layers, and NiiVue, which shows them."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import igzip

from voxgpu.files.whole_file import write_whole
from voxgpu.files.write import write_image
from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.report.markup import Content, Markup, data_element, element
from voxgpu.report.page import asset
from voxgpu.report.planes import window
from voxgpu.temporary_files import temporary_folder

#: Up to how many voxels a volume in a page has; larger ones have fewer, larger voxels.
MOST_VOXELS = 24_000_000

#: Bytes of volumes that a page has inside; layers beyond are left out, and named.
MOST_BYTES = 32_000_000

#: The greatest values that the viewer, which computes in float32, can tell apart.
_GREATEST = 1e30

#: The script that shows volumes.
NIIVUE = "niivue/niivue.umd.js"

#: Color maps of NiiVue that can be chosen.
COLOR_MAPS = ("gray", "red", "green", "blue", "warm", "cool", "hot", "viridis", "plasma", "bone")

#: Color maps of regions, one after the other.
_OF_REGIONS = ("warm", "cool", "green", "red", "blue")


@frozen
class Volume:
    """A volume of the viewer: a compressed NIfTI file with 8 bits per voxel.

    low, high  the values that are shown as black and white
    step       how many voxels along each axis were made one
    center     of a region: where its largest slices meet, in mm (right, anterior, superior)
    """

    name: str
    content: bytes
    is_region: bool
    low: float
    high: float
    step: int = 1
    center: tuple[float, ...] | None = None


def volume_of(name: str, image: Image, is_region: bool) -> Volume | None:
    """The volume of a 3-D image of numbers; None for images that the viewer does not show.

    Values are rounded to 256 steps from the 1st to the 99.5th percentile (see ``window``); labels
    and masks keep theirs.
    """
    if image.grid.dimensions != 3 or image.channels > 1 or min(image.grid.shape) < 2:
        return None
    step = 1
    while image.grid.voxels / step**3 > MOST_VOXELS:
        step += 1
    voxels = image.array[::step, ::step, ::step]
    if is_region:
        numbers = voxels.astype(np.uint8)
        if voxels.dtype not in (np.bool_, np.uint8):
            # Of more than 255 labels, several have one number.
            numbers = np.where(voxels == 0, 0, (voxels.astype(np.int64) - 1) % 255 + 1)
        high = float(max(int(numbers.max(initial=0)), 1))
        content = _nifti(numbers.astype(np.uint8), image.grid, step, 1.0, 0.0)
        return Volume(name, content, True, 0.0, high, step, _center(image))
    low, high = window(voxels)
    if max(abs(low), abs(high)) > _GREATEST:
        return None
    slope = (high - low) / 255
    exact = voxels.dtype.itemsize <= 2 or voxels.dtype == np.float32
    values: Any = voxels.astype(np.float32 if exact else np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        values -= low
        values /= slope
    np.clip(values, 0, 255, out=values)
    steps = np.rint(np.nan_to_num(values, copy=False), out=values).astype(np.uint8)
    content = _nifti(steps, image.grid, step, slope, low)
    return Volume(name, content, False, low, high, step)


def _center(image: Image) -> tuple[float, ...] | None:
    """Where the largest slices of a region meet, in mm; None if it is empty."""
    mask = image.array != 0
    counts = [np.count_nonzero(mask, axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    if not counts[0].any():
        return None
    left, posterior, superior = image.grid.position(tuple(int(each.argmax()) for each in counts))
    return -left, -posterior, superior


def _nifti(
    voxels: npt.NDArray[np.uint8], grid: Grid, step: int, slope: float, intercept: float
) -> bytes:
    """A compressed NIfTI file; ``slope`` and ``intercept`` give the values of its voxels."""
    small = grid
    if step > 1:
        spacing = tuple(each * step for each in grid.spacing)
        small = replace(grid, shape=voxels.shape, spacing=spacing, nifti=b"")
    with temporary_folder("volume") as folder:
        path = folder / "volume.nii"
        write_image(path, Image(np.ascontiguousarray(voxels), small))
        content = bytearray(path.read_bytes())
    # scl_slope and scl_inter of the header.
    struct.pack_into("<ff", content, 112, slope, intercept)
    return bytes(igzip.compress(bytes(content), 3))


def viewer(volumes: Sequence[Volume], path: Path, beside: bool) -> tuple[Content, Sequence[str]]:
    """The viewer for a page, and the texts of scripts that it may run.

    path    where the page goes
    beside  volumes are files in the folder ``NAME_files`` beside the page, which are written here

    Raises FileError where a file cannot be written.
    """
    kept, left = _within(volumes, None if beside else MOST_BYTES)
    folder = path.with_name(f"{path.stem}_files")
    sources: list[Mapping[str, Any]] = []
    embedded: list[Markup] = []
    for number, each in enumerate(kept):
        text = base64.standard_b64encode(each.content).decode()
        source: dict[str, Any] = {"name": each.name, "region": each.is_region}
        source |= {"low": each.low, "high": each.high, "center": each.center}
        if beside:
            # A page from the disk may not read files, but it may run scripts beside it.
            name = f"volume-{number}.js"
            line = f"voxgpuVolume({number},{json.dumps(text)});\n"
            write_whole(folder / name, line.encode("ascii"))
            source["file"] = f"{folder.name}/{name}"
        else:
            embedded.append(_data(f"volume-{number}", text))
        regions = sum(other.is_region for other in kept[:number])
        source["map"] = _OF_REGIONS[regions % len(_OF_REGIONS)] if each.is_region else "gray"
        sources.append(source)
    script = asset(NIIVUE)
    packed = base64.standard_b64encode(gzip.compress(script.encode("utf-8"), 6, mtime=0)).decode()
    content = (
        element("p", *_notes(kept, left), class_="note"),
        element("button", "Open the viewer", type="button", id="open-viewer", class_="action"),
        element(
            "div",
            element("div", id="layers", class_="layers-list"),
            element("div", element("canvas", id="canvas", tabindex=0), class_="canvas"),
            element("p", id="place", role="status", class_="note"),
            id="viewer",
            class_="viewer",
            hidden=True,
        ),
        data_element("viewer-data", {"volumes": sources, "maps": COLOR_MAPS}),
        embedded,
        _data("niivue", packed),
    )
    return content, (script,)


def _within(volumes: Sequence[Volume], most: int | None) -> tuple[list[Volume], list[Volume]]:
    """The volumes that fit into some bytes, and the others."""
    kept: list[Volume] = []
    left: list[Volume] = []
    total = 0
    for each in volumes:
        total += len(each.content)
        (kept if most is None or total <= most else left).append(each)
        if left and left[-1] is each:
            total -= len(each.content)
    return kept, left


def _notes(kept: Iterable[Volume], left: Sequence[Volume]) -> list[str]:
    notes = ["Layers have 256 gray values each."]
    coarse = [each.name for each in kept if each.step > 1]
    if coarse:
        notes.append(f" Every n-th voxel is shown of {', '.join(coarse)}.")
    if left:
        names = ", ".join(each.name for each in left)
        notes.append(f" Too large for this page: {names}; --report-data beside puts all beside it.")
    return notes


def _data(id: str, text: str) -> Markup:
    """A text in base64 that scripts can read."""
    return Markup(f'<script type="text/plain" id="{id}">{text}</script>')
