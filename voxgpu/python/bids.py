"""BIDS datasets as cases of the Python interface."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from voxgpu.cohorts.bids.cases import Selection
from voxgpu.cohorts.bids.cases import bids_cases as plain_cases
from voxgpu.cohorts.bids.dataset import LONG_NAMES, read_dataset
from voxgpu.cohorts.file_errors import file_errors


def bids_cases(
    folder: str | os.PathLike[str],
    participants: Sequence[str] = (),
    sessions: Sequence[str] = (),
    entities: Mapping[str, str | Sequence[str]] | None = None,
    per: Sequence[str] = (),
    derivatives: Sequence[str | os.PathLike[str]] = (),
    validate: bool = True,
) -> dict[str, dict[str, str | None]]:
    """The sessions of a BIDS dataset as cases for `voxgpu.cohort`: program variables by name.

        cases = voxgpu.bids_cases("dataset", participants=["01", "02"])
        cohort = voxgpu.cohort("bids.imgql", cases)

    Variables that just other cases have are None. Options are those of ``voxgpu cohort --bids``.

    participants  labels with or without ``sub-``; none for all
    sessions      labels with or without ``ses-``; none for all
    entities      of images that an entity tells apart those with this value, or one of these; an
                  empty text for those without it
    per           entities of whose values each makes a case, too, such as ``run``
    derivatives   folders of derivatives with more images of the same participants
    validate      whether ``dataset_description.json`` must be right

    Raises ImgqlError where there is no such dataset, or it has no such images.
    """
    for name, labels in {"participants": participants, "sessions": sessions, "per": per}.items():
        if isinstance(labels, str):
            raise TypeError(f"{name} is a sequence of labels, such as [{labels!r}]")
    wanted = {
        LONG_NAMES.get(name, name): (value,) if isinstance(value, str) else tuple(value)
        for name, value in (entities or {}).items()
    }
    selection = Selection(
        tuple(each.removeprefix("sub-") for each in participants),
        tuple(each.removeprefix("ses-") for each in sessions),
        wanted,
        tuple(LONG_NAMES.get(each, each) for each in per),
    )
    with file_errors("E201"):
        paths = [Path(os.path.expanduser(each)) for each in (folder, *derivatives)]  # noqa: PTH111
        found = plain_cases([read_dataset(each, validate) for each in paths], selection)
    return {
        case.name: {"CASE": case.path, **case.values, **dict.fromkeys(case.absent)}
        for case in found
    }
