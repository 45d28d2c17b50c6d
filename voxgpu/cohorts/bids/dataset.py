"""The images of a BIDS dataset, with their entities; no image is opened.

Names of files are read by ``ancpbids``, folders by ourselves: its own walk also goes through
``sourcedata``, ``code`` and ``.git``, and it would load a pickle that it finds in the dataset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason
from voxgpu.files.suffixes import image_suffix
from voxgpu.frozen import frozen

#: The short names of entities that have a long one, as other tools take it.
LONG_NAMES = {
    **{"subject": "sub", "session": "ses", "acquisition": "acq", "nucleus": "nuc"},
    **{"volume": "voi", "ceagent": "ce", "tracer": "trc", "reconstruction": "rec"},
    **{"direction": "dir", "modality": "mod", "inversion": "inv", "mtransfer": "mt"},
    **{"processing": "proc", "hemisphere": "hemi", "segmentation": "seg", "resolution": "res"},
    **{"density": "den", "description": "desc"},
}

#: Entities whose values are numbers: 1 and 01 are the same.
NUMBERED = frozenset(["run", "echo", "flip", "inv", "split", "chunk"])

#: The version of BIDS whose rules names and files follow.
BIDS_VERSION = "1.10.0"

#: The file at the root of a dataset that says what it is.
DESCRIPTION = "dataset_description.json"

_LABEL = re.compile(r"[0-9A-Za-z+]+\Z")
_INSTALL = "pip install 'voxgpu[bids]'"


@frozen(slots=True)
class BidsName:
    """The parts of a file's name; values of entities are texts, as written."""

    entities: Mapping[str, str]
    suffix: str


@frozen(slots=True)
class BidsImage:
    """An image of a dataset.

    path      of the file, beginning like that of the dataset
    relative  the path in the dataset
    datatype  the folder that it is in: ``anat``
    """

    path: str
    relative: str
    datatype: str
    name: BidsName


@frozen(slots=True)
class Dataset:
    """The images of a dataset in the order of their paths.

    left_out  images that have no place in BIDS, and participants without images, each with the
              reason
    """

    folder: Path
    images: tuple[BidsImage, ...]
    left_out: tuple[str, ...]


def place_of(entities: Mapping[str, str]) -> list[tuple[str, bool, int, str]]:
    """What entities are sorted by: 2 comes before 10 where values are numbers."""
    numbers = {each: entities[each].isdecimal() and each in NUMBERED for each in entities}
    return [
        (each, not numbers[each], int(value) if numbers[each] else 0, value)
        for each, value in entities.items()
    ]


def bids_name(name: str) -> BidsName | None:
    """The parts of a file's name; None where it is no name of BIDS.

    Raises FileError where ancpbids is not installed.
    """
    found = _parser()(name)
    if found is None:
        return None
    entities: dict[str, str] = found["entities"]
    suffix, extension = found["suffix"], found["extension"]
    # What the library drops, such as the end of acq-a-b, would make other names equal.
    again = "_".join([*(f"{key}-{value}" for key, value in entities.items()), suffix]) + extension
    texts = [*entities, *entities.values(), suffix]
    return BidsName(entities, suffix) if again == name and all(map(_LABEL.match, texts)) else None


def _parser() -> Any:
    try:
        return import_module("ancpbids.utils").parse_bids_name
    except ImportError:
        raise FileError("a BIDS dataset", "it needs ancpbids", _INSTALL) from None


def read_dataset(folder: Path, check: bool = True) -> Dataset:
    """The images of the dataset in a folder.

    check  whether ``dataset_description.json`` must be right; else what is wrong is passed over

    Raises FileError where there is no dataset, or a folder cannot be read.
    """
    _parser()
    if not folder.is_dir():
        reason = "it is no folder" if folder.exists() else "no such folder"
        raise FileError(str(folder), reason, "give the folder of a BIDS dataset")
    if check:
        read_description(folder)
    images: list[BidsImage] = []
    left_out: list[str] = []
    subjects = _folders(_entries(folder), "sub-")
    for found in _images(folder, subjects):
        if isinstance(found, str):
            left_out.append(found)
        else:
            images.append(found)
    there = {each.name.entities["sub"] for each in images}
    for label in _participants(folder, subjects):
        if label not in there:
            left_out.append(f"sub-{label}: the participant has no images")
    return Dataset(folder, tuple(images), tuple(left_out))


def _participants(folder: Path, subjects: Sequence[Path]) -> list[str]:
    """The labels of participants that have a folder or are in ``participants.tsv``.

    subjects  the folders of participants
    """
    try:
        lines = (folder / "participants.tsv").read_text("utf-8-sig").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        lines = []
    names = [each.name for each in subjects]
    names += [line.partition("\t")[0].strip() for line in lines]
    found = dict.fromkeys(name.removeprefix("sub-") for name in names if name.startswith("sub-"))
    return sorted(found)


def read_description(folder: Path, check: bool = True) -> Mapping[str, Any]:
    """The content of ``dataset_description.json``. Raises FileError where it is not right.

    check  whether it must be; else what is wrong is passed over
    """
    path = folder / DESCRIPTION
    try:
        found = json.loads(path.read_text("utf-8-sig"))
        reason = "" if isinstance(found, dict) else "it holds no JSON object"
        if not reason:
            absent = [each for each in ("Name", "BIDSVersion") if not found.get(each)]
            reason = f"it has no {' and no '.join(absent)}" if absent else ""
    except FileNotFoundError:
        above = next((x for x in folder.absolute().parents if (x / DESCRIPTION).is_file()), None)
        if above is not None and check and not _folders(_entries(folder), "sub-"):
            hint = "give that folder; --participant-label and --session choose among its cases"
            raise FileError(str(folder), f"it is in the dataset `{above}`", hint) from None
        found, reason = {}, "no such file: every BIDS dataset has one"
    except OSError as error:
        found, reason = {}, os_reason(error)
    except ValueError as error:
        found, reason = {}, f"it is no JSON: {error}"
    if reason and check:
        hint = (
            f'write {{"Name": "…", "BIDSVersion": "{BIDS_VERSION}"}} to it, or go on without with '
            "--skip-bids-validation"
        )
        raise FileError(str(path), reason, hint)
    return found if isinstance(found, dict) else {}


def _images(folder: Path, subjects: Iterable[Path]) -> Iterator[BidsImage | str]:
    """Each image in the folders of participants, or the reason why one is left out."""
    for subject in subjects:
        own = {"sub": subject.name.removeprefix("sub-")}
        entries = _entries(subject)
        yield from _misplaced(entries)
        for below in _folders(entries):
            if not below.name.startswith("ses-"):
                yield from _of_datatype(folder, below, own)
                continue
            entries_below = _entries(below)
            yield from _misplaced(entries_below)
            for datatype in _folders(entries_below):
                session = {"ses": below.name.removeprefix("ses-")}
                yield from _of_datatype(folder, datatype, own | session)


def _of_datatype(
    root: Path, folder: Path, expected: Mapping[str, str]
) -> Iterator[BidsImage | str]:
    for path in _files(_entries(folder)):
        relative = path.relative_to(root).as_posix()
        name = bids_name(path.name)
        if name is None:
            yield f"{relative}: its name is not one of BIDS"
        elif {each: name.entities.get(each) for each in ("sub", "ses")} != {
            "sub": expected["sub"],
            "ses": expected.get("ses"),
        }:
            yield f"{relative}: its name is of another participant or session than its folder"
        else:
            yield BidsImage(str(path), relative, folder.name, name)


def _misplaced(entries: Iterable[Path]) -> Iterator[str]:
    for path in _files(entries):
        yield f"{path.parent.name}/{path.name}: it is in no folder of a datatype, such as anat"


def _entries(folder: Path) -> list[Path]:
    """What is in a folder and not hidden, by name. Raises FileError if it cannot be read."""
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise FileError(str(folder), os_reason(error)) from None


def _folders(entries: Iterable[Path], start: str = "") -> list[Path]:
    return [each for each in entries if each.name.startswith(start) and each.is_dir()]


def _files(entries: Iterable[Path]) -> list[Path]:
    """The images among the entries of a folder, including broken links."""
    return [each for each in entries if image_suffix(each) and not each.is_dir()]
