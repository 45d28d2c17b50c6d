"""Names of the files of a BIDS derivative, by what an image is and what it was computed from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from voxgpu.cohorts.bids.dataset import bids_name
from voxgpu.cohorts.sweep import Combination
from voxgpu.files.errors import FileError
from voxgpu.files.suffixes import image_suffix
from voxgpu.plan.node import Goal
from voxgpu.types import Content, ImageOf

#: Entities in the order in which they stand in a name.
ORDER = (
    *("sub", "ses", "sample", "task", "tracksys", "acq", "nuc", "voi", "ce", "trc", "stain"),
    *("rec", "dir", "run", "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi", "space"),
    *("split", "recording", "chunk", "atlas", "seg", "scale", "res", "den", "label", "desc"),
)

_MASKED = frozenset(
    ["sub", "ses", "task", "echo", "part", "ce", "rec", "chunk", "acq", "run", "space", "res"]
)

#: Entities that masks and segmentations may have, by the folder of their datatype. Those of other
#: datatypes, for which BIDS has none, are in ``anat``.
_ALLOWED = {
    "anat": _MASKED,
    "func": _MASKED | {"dir"},
    "dwi": (_MASKED | {"dir"}) - {"task", "echo", "ce"},
}

#: Entities that a name must have in a folder.
_REQUIRED = {"func": ("task",)}

_MASK, _SEGMENTATION = "mask", "dseg"

#: What BIDS asks more of than an image, such as gradients: computed images cannot be of these.
_ACQUIRED = frozenset(["bold", "cbv", "phase", "dwi"])


def is_acquired(datatype: str, suffix: str) -> bool:
    """Whether BIDS takes images of this kind for data of a scanner only."""
    return datatype == "fmap" or suffix in _ACQUIRED


def suffix_of_kind(goal: Goal, kind: ImageOf) -> str:
    """``mask`` or ``dseg`` for what BIDS has a suffix; empty for images of numbers."""
    if kind.content is Content.BOOLEAN:
        return _MASK
    return _SEGMENTATION if goal.labels else ""


def file_name(
    case: Mapping[str, str],
    sources: Sequence[tuple[str, Mapping[str, str], str]],
    suffix: str,
    description: str,
    extension: str,
) -> str:
    """The path in the derivative of an image.

    case         the entities that make the case
    sources      the datatype, entities and suffix of the images that it was computed from
    suffix       that of its kind; empty: that of the first source
    description  the value of ``desc``
    """
    datatype, first, own = sources[0] if sources else ("anat", case, "T1w")
    shared = {
        key: value
        for key, value in first.items()
        if key in ORDER and all(each.get(key) == value for _, each, _ in sources)
    }
    if suffix:
        datatype = datatype if datatype in _ALLOWED else "anat"
        shared = {key: value for key, value in shared.items() if key in _ALLOWED[datatype]}
    required = {key: first[key] for key in _REQUIRED.get(datatype, ()) if key in first}
    entities = {**shared, **required, **case, "desc": description}
    name = "_".join([f"{key}-{entities[key]}" for key in ORDER if key in entities])
    folders = [f"{key}-{case[key]}" for key in ("sub", "ses") if key in case]
    return "/".join([*folders, datatype, f"{name}_{suffix or own}{extension}"])


def described(label: str, suffix: str, combination: Combination) -> str:
    """The value of ``desc`` for a label of ``save`` and a combination: ``tumorHI0p93``.

    A last word that says no more than the suffix is left out: ``tumor_mask.nii.gz``.
    """
    path = Path(label)
    stem = path.name[: len(path.name) - len(image_suffix(path))]
    parsed = bids_name(path.name)
    if parsed is not None and "desc" in parsed.entities:
        words = [parsed.entities["desc"]]
    else:
        words = _words(" ".join([*path.parts[:-1], stem]))
        if len(words) > 1 and words[-1].lower() == suffix.lower():
            words.pop()
    first, *rest = words or ["image"]
    swept = [f"{''.join(_words(name))}{value_in_name(value)}" for name, value in combination]
    return "".join([first, *(each[0].upper() + each[1:] for each in rest), *swept])


def _words(text: str) -> list[str]:
    """The runs of letters and digits of a text, without marks."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.findall(r"[0-9A-Za-z]+", plain)


def without_folder(text: str) -> str:
    """The name of the file of an absolute path, whose folders are those of one computer."""
    return Path(text).name if Path(text).is_absolute() else text


def value_in_name(text: str) -> str:
    """The value of a swept variable in letters and digits: ``0p93`` for 0.93, ``m1`` for -1."""
    if re.fullmatch(r"[-+]?\d*\.?\d*([eE][-+]?\d+)?", text):
        return text.replace(".", "p").replace("-", "m").replace("+", "")
    return "".join(each[0].upper() + each[1:] for each in _words(without_folder(text)))


def check_combinations(combinations: Sequence[Combination]) -> None:
    """Raise FileError where two combinations have the same name in letters and digits."""
    seen: dict[str, Combination] = {}
    for each in combinations:
        name = described("image", "", each)
        other = seen.setdefault(name, each)
        if other != each:
            texts = [" ".join(f"{n}={value}" for n, value in both) for both in (other, each)]
            reason = f"{' and '.join(texts)} would have one name in BIDS, {name}"
            hint = "labels of BIDS have letters and digits only: sweep other texts"
            raise FileError("a BIDS derivative", reason, hint, "write")
