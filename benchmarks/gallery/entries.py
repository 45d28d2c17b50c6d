"""The programs of the gallery, in the order of the page, and what their pictures show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Programs, pictures and what was recorded of a run.
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "gallery"


@dataclass(frozen=True)
class Entry:
    """A program and its picture.

    background  the image that the picture shows, in the folder of the data
    layers      saved files that are drawn on it; none: the curve that the program printed
    labels      names of the labels 1, 2, … of the only layer, if its voxels are labels
    slices      the axial slices, by their index in the array; none: three, spread evenly
    window      the values shown as black and as white; None: chosen by the values
    before      draw a 2-D image without layers, too, at the left
    """

    name: str
    background: str
    layers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    slices: tuple[int, ...] = ()
    window: tuple[float, float] | None = None
    before: bool = True

    @property
    def program(self) -> Path:
        return FOLDER / f"{self.name}.imgql"

    @property
    def picture(self) -> Path:
        return FOLDER / f"{self.name}.png"


ENTRIES = (
    Entry("tumor", "head_flair.nii.gz", ("tumor", "truth")),
    Entry("tissues", "head_t1.nii.gz", ("fluid", "gray matter", "white matter"), slices=(36, 50)),
    Entry("ventricles", "head_t2.nii.gz", ("ventricles", "other fluid"), slices=(34, 38, 43)),
    Entry(
        "lesions",
        "lesions_flair.nii.gz",
        ("beside", "elsewhere", "ventricles"),
        slices=(29, 42, 46),
    ),
    Entry(
        "bands", "head_t2.nii.gz", ("bands",), ("to 5 mm", "to 10 mm", "to 20 mm"), slices=(35, 43)
    ),
    Entry(
        "thickness",
        "ribbon.nii.gz",
        ("below 2.5 mm", "2.5 to 3.5 mm", "above 3.5 mm"),
        window=(0, 2),
    ),
    Entry("texture", "weave.nii.gz", ("sample", "found")),
    Entry("skin", "skin.png", ("spot",)),
    Entry("maze", "maze.png", ("reachable", "open exit", "closed exit")),
    Entry(
        "relations",
        "discs.nii.gz",
        ("large", "inside", "at the edge", "across", "beside", "apart"),
        window=(0, 1000),
        before=False,
    ),
    Entry("sweep", "head_flair.nii.gz"),
    Entry("labels", "head_t1ce.nii.gz", ("parts",), ("core", "edema", "", "rim")),
    Entry("cells", "cells.nii.gz", ("cells",), ("cells",)),
)
