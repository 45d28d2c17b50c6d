"""Runs of example programs, and what they have to show."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import voxgpu
from benchmarks.primitive_pictures.examples import Example
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.image import Image

#: The place of the slice that shows much of a head, as a part of the extent.
PLACE = 0.62


@dataclass(frozen=True)
class Outcome:
    """What there is to show of an example.

    background  the image that it loads first
    given       what it saves before the result, by name
    results     what its last command saves, by name: none, one or the items of a sequence
    prints      what it prints, as ``label=value``
    """

    background: Image
    given: dict[str, Image]
    results: dict[str, Image]
    prints: tuple[str, ...]

    @property
    def regions(self) -> dict[str, Image]:
        """Of what was given, the regions and labels on the grid of the background."""
        return {
            name: image
            for name, image in self.given.items()
            if is_region(image) and image.grid.agrees_with(self.background.grid)
        }


def is_region(image: Image) -> bool:
    return image.array.dtype == bool


def run_all(examples: Sequence[Example], data: Path) -> Iterator[tuple[Example, Outcome]]:
    """Run examples one after the other in one session, in the folder of the images.

    Raises ``ValueError`` if one gives a warning, and what ``Session.run`` raises.
    """
    data = data.absolute()
    # The reference computes the same, and compiles nothing.
    with voxgpu.Session(device="reference") as session:
        for example in examples:
            with _inside(data):
                result = session.run(example.program)
            if result.warnings:
                raise ValueError(f"`{example.heading}`: {result.warnings[0]}")
            background = read_image(read_header(data / example.background))
            saved = {Path(name).name.partition(".")[0]: x for name, x in result.images.items()}
            is_result = {name: _is_item(name, example.result) for name in saved}
            yield (
                example,
                Outcome(
                    background,
                    {name: image for name, image in saved.items() if not is_result[name]},
                    {name: image for name, image in saved.items() if is_result[name]},
                    tuple(str(each) for each in result.prints),
                ),
            )


def _is_item(name: str, result: str) -> bool:
    """Whether a file has the result, or an item of it: ``parts_0`` of ``parts``."""
    return bool(result) and (
        name == result
        or (name.startswith(f"{result}_") and name.removeprefix(f"{result}_").isdigit())
    )


def across(plane: str, voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The voxels with the axis across a plane first."""
    return voxels if plane == "axial" else np.swapaxes(voxels, 0, 1)


def shown_slice(outcome: Outcome) -> tuple[str, int]:
    """The plane, and the slice by its index in the array, in which there is most to see.

    That is where a region differs most from what it was made from, and, of an image of numbers,
    where most of the given regions is. Coronal slices are shown of results that are the same all
    over axial ones. 0 for a 2-D image.
    """
    grid = outcome.background.grid
    if grid.dimensions == 2:
        return "axial", 0
    results = [x.array for x in outcome.results.values() if x.grid.agrees_with(grid)]
    if outcome.results and not results:
        return "axial", _middle_of(next(iter(outcome.results.values())), outcome.background)
    is_flat = any(each.ndim == 3 and (each == each[:, :1, :1]).all() for each in results)
    plane = "coronal" if is_flat else "axial"
    given = [across(plane, image.array) for image in outcome.regions.values()]
    found = [across(plane, each) for each in results if each.dtype == bool]
    score = np.zeros(grid.shape[1 if is_flat else 0])
    for region in found:
        changed = [_per_slice(region != other) for other in given]
        score += np.min([_per_slice(region), *changed, _per_slice(~region)], axis=0)
    if not found:
        for region in given:
            score += np.sqrt(_per_slice(region))
    if not score.any():
        return plane, int(PLACE * len(score))
    # Of slices that are about as good the middle one.
    good = np.flatnonzero(score >= 0.95 * score.max())
    return plane, int(good[len(good) // 2])


def _middle_of(image: Image, background: Image) -> int:
    """The axial slice of the background at the height of the middle of an image."""
    grid, other = image.grid, background.grid
    height = grid.origin[2] + (grid.shape[0] - 1) / 2 * grid.spacing[0]
    index = round((height - other.origin[2]) / other.spacing[0])
    return min(max(index, 0), other.shape[0] - 1)


def _per_slice(region: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    counts: npt.NDArray[np.int64] = np.count_nonzero(region, axis=(1, 2))
    return counts


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
