"""The file beside an image that tells how it came about: its name, and when it may be written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.formats import is_nifti, suffix_of
from voxgpu.files.paths import os_reason
from voxgpu.files.whole_file import write_whole
from voxgpu.provenance.record import KEY, NotOfVoxgpu, Provenance

#: Files larger than this are no sidecars.
_MOST_BYTES = 64 << 20


def sidecar_names(image: Path) -> tuple[Path, ...]:
    """The paths at which the sidecar of an image may be, the usual one first.

    That of NIfTI files has their name without the suffix, as BIDS has it: ``tumor.json`` for
    ``tumor.nii.gz``. If that belongs to something else, and for other formats, the name of the
    file is kept whole: ``tumor.png.json``.
    """
    whole = image.with_name(f"{image.name}.json")
    suffix = suffix_of(image)
    if not is_nifti(suffix):
        return (whole,)
    return image.with_name(f"{image.name[: -len(suffix)]}.json"), whole


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file; None if it is no file with a JSON object, or too large for one.

    Raises OSError if there is no such file, or it cannot be read.
    """
    if not path.is_file():
        path.stat()
        return None
    if path.stat().st_size > _MOST_BYTES:
        return None
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def find_sidecar(image: Path) -> tuple[Path, Provenance] | None:
    """The sidecar that voxgpu wrote for an image; None if there is none that can be read."""
    for path in sidecar_names(image):
        with suppress(OSError, NotOfVoxgpu):
            content = read_json(path)
            if content is not None and _is_for(content, image):
                return path, Provenance.from_json(content[KEY])
    return None


def write_sidecar(
    image: Path,
    record: Provenance,
    content: Mapping[str, Any],
    *,
    is_new: bool = True,
    owned: bool = False,
) -> Path | None:
    """Write the sidecar of an image that has just been saved.

    content  what it says besides: values of BIDS
    is_new   the image has been written, rather than left as it was: then a sidecar that still
             holds is left as well
    owned    the usual name belongs to voxgpu, whatever is there

    Returns its path; None if files that voxgpu did not write have all names that it could have.
    Raises FileError if it cannot be written.
    """
    places = sidecar_names(image)
    path = places[0] if owned else _free(image, places)
    if path is None:
        return None
    whole = {**content, KEY: record.as_json()}
    try:
        before = read_json(path)
    except OSError:
        before = None
    if is_new or before is None or not _still_holds(before, whole):
        write_whole(path, _encoded(whole))
    return path


def _encoded(content: Mapping[str, Any]) -> bytes:
    try:
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # file names may have bytes that are no text
        return (json.dumps(content, indent=2) + "\n").encode()


def _free(image: Path, places: tuple[Path, ...]) -> Path | None:
    """The first path that is that of the image's sidecar already, or that nothing else needs."""
    free = None
    for path in places:
        try:
            content = read_json(path)
        except FileNotFoundError:
            free = free or path
            continue
        except OSError as error:
            raise FileError(str(path), os_reason(error), "", "write") from None
        if content is None or not isinstance(content.get(KEY), dict):
            continue
        if path.is_symlink():
            continue
        if _is_for(content, image):
            return path
        if not image.with_name(Path(str(content[KEY].get("File"))).name).exists():
            free = free or path  # what it told of is gone
    return free


def _is_for(content: Mapping[str, Any], image: Path) -> bool:
    own = content.get(KEY)
    return isinstance(own, dict) and own.get("File") == image.name


def _still_holds(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a sidecar tells of the same file with the same values: it says how they were made."""
    former = before.get(KEY)
    if not isinstance(former, dict):
        return False
    same = all(former.get(each) == now[KEY].get(each) for each in ("Form", "File", "Digest"))
    others = {name: each for name, each in before.items() if name != KEY}
    return (
        same
        and former.get("Values") == now[KEY].get("Values")
        and others == {name: each for name, each in now.items() if name != KEY}
    )
