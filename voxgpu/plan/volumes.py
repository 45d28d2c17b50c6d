"""Sequences saved as one file of several volumes, and their restrictions."""

from __future__ import annotations

from pathlib import Path

from voxgpu.files.formats import is_nifti, suffix_of
from voxgpu.types import ImageOf, Type

#: Maximum number of volumes in a NIfTI-1 header.
_MAX_VOLUMES = 32767


def is_one_file(label: str) -> bool:
    """Returns whether a name ends in ``4d`` before a NIfTI suffix: ``bold_4d.nii.gz``."""
    path = Path(label)
    suffix = suffix_of(path)
    return is_nifti(suffix) and path.name[: len(path.name) - len(suffix)].lower().endswith("4d")


def unfit_length(length: int) -> tuple[str, str] | None:
    """Returns (message, help) if a file cannot hold this number of volumes, else None."""
    if not length:
        return "the sequence is empty: a file has at least one volume", ""
    if length > _MAX_VOLUMES:
        return (
            f"NIfTI holds at most {_MAX_VOLUMES} volumes, the sequence has {length}",
            "save parts of it",
        )
    return None


def unfit(
    first: ImageOf | None, kind: Type | None, index: int, label: str
) -> tuple[str, str] | None:
    """Returns (message, help) if volume number ``index`` cannot be stored with the first one."""
    apart = "save it under a name without `4d` at its end: then each image has a file of its own"
    if not isinstance(kind, ImageOf):
        return f"`{label}` holds one sequence of images, not a sequence of sequences", apart
    if kind.channels > 1 and kind.element != "uint8":
        return f"colors of {kind.element} cannot be volumes of one file", apart
    if first is None:
        return None
    if (kind.element, kind.channels) != (first.element, first.channels):
        return (
            f"volumes of one file have one type of voxel: number 0 is {_said(first)}, "
            f"number {index} is {_said(kind)}",
            apart,
        )
    assert kind.grid is not None and first.grid is not None
    if not kind.grid.agrees_with(first.grid):
        return (
            f"volumes of one file lie on one grid: number 0 on {first.grid}, "
            f"number {index} on {kind.grid}",
            "resample(v, like) brings an image to the grid of another",
        )
    return None


def _said(kind: ImageOf) -> str:
    return kind.element if kind.channels == 1 else f"{kind.channels} channels of {kind.element}"
