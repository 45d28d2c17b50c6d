"""A saved image computed again, from what is recorded of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from voxgpu.compile import Options
from voxgpu.diagnostics import Diagnostic, ImgqlError, Source
from voxgpu.execution.outputs import Beside, Saved
from voxgpu.files.errors import FileError
from voxgpu.files.options import ReadOptions
from voxgpu.frozen import frozen
from voxgpu.image import TOLERANCE
from voxgpu.language.ast import Dialect
from voxgpu.plan.node import Goal, Plan
from voxgpu.provenance.explain import Explanation
from voxgpu.provenance.places import place_of
from voxgpu.provenance.program_run import Circumstances, ProgramRun, ReadImages
from voxgpu.provenance.sidecar_writer import SidecarWriter
from voxgpu.provenance.states import IN_MEMORY
from voxgpu.session import open_session
from voxgpu.session_settings import SessionListeners, SessionSettings


@frozen
class Reproduction:
    """An image that was computed again.

    file      where it was written
    is_same   whether its values have the ids that are recorded: the same program on the same data
    device    the device that was computed on; empty if everything was stored
    warnings  about its values
    seconds   of the run
    """

    file: Path
    is_same: bool
    device: str
    warnings: tuple[Diagnostic, ...]
    seconds: float


def reproduce(
    explained: Explanation, file: Path, settings: SessionSettings, sidecar: bool = False
) -> Reproduction:
    """Run the program of an image again for that image alone, and write it to another file.

    file      its name must have the suffix of the image, which selects the format
    settings  device, memory and store
    sidecar   write a sidecar beside the new file

    The current folder is that of the first run meanwhile. Raises ImgqlError if the program has
    errors by now or fails, FileError if what is recorded does not suffice.
    """
    record, image = explained.record, explained.file.absolute()
    _check(explained)
    path = place_of(record.program, image, record) if record.program else None
    source = Source(str(path) if path is not None else "program", record.text)
    options = options_of_record(explained)
    chosen: list[str] = []
    listeners = SessionListeners(on_device=lambda device: chosen.append(device.name))
    settings = replace(settings, output=file.absolute().parent, keep_images=False, force_save=True)
    with _in_folder(explained), open_session(settings, listeners) as session:
        read = ReadImages(session.digests.of)
        compiled = session.compile(source, path, options, read)
        if compiled.errors:
            raise ImgqlError(compiled.diagnostics)
        goals = _goals(compiled.plan, record.label, str(image))
        known = Circumstances(path, options)
        run = ProgramRun(compiled, known, read if session.has_run_parts else None)
        renamed = tuple(replace(each, label=file.name, file=str(file.absolute())) for each in goals)
        beside = _beside(run, goals[0], path, chosen) if sidecar else None
        alone = replace(compiled, plan=replace(compiled.plan, goals=renamed, failures=()))
        result = session.execute(alone, beside)
        if result.errors:
            raise ImgqlError(result.errors)
    values = tuple(each.value for each in goals)
    device = chosen[-1] if chosen else ""
    # What the program is warned of whenever it is compiled, was told when it ran first.
    told = tuple(each for each in result.warnings if each not in compiled.diagnostics)
    return Reproduction(file, values == record.values, device, told, result.seconds)


def _beside(run: ProgramRun, goal: Goal, path: Path | None, chosen: list[str]) -> Beside:
    """Writes the sidecar with the label that the program has for the file."""
    name = path.name if path is not None else ""
    writer = SidecarWriter(run, name, lambda: chosen[-1] if chosen else "")

    def write(_: Goal, saved: Saved) -> Any:
        return writer(goal, saved)

    return write


def _check(explained: Explanation) -> None:
    """Raise FileError if the image cannot be computed from what is recorded."""
    record = explained.record
    if not record.text:
        reason = "the program that saved it is not recorded"
        hint = "only images with a sidecar, or with a program that the store knows, can be"
        raise FileError(str(explained.file), reason, hint, "reproduce")
    for each in explained.files:
        if each.status == IN_MEMORY:
            reason = f"it was computed from the image `{each.path}`, which was in no file"
            raise FileError(str(explained.file), reason, "", "reproduce")


def options_of_record(explained: Explanation) -> Options:
    """The options of the run that an image is of, with paths that hold now.

    Raises FileError if the sidecar has values that these options cannot have.
    """
    try:
        return _options(explained)
    except (TypeError, ValueError) as error:
        where = explained.sidecar or explained.file
        reason = f"the options that are recorded are damaged: {error}"
        raise FileError(str(where), reason, "", "reproduce") from None


def _options(explained: Explanation) -> Options:
    record, image = explained.record, explained.file.absolute()
    given = record.options
    texts = [each for each in explained.files if each.what == "primitives"]
    define = {}
    for name, text in record.definitions.items():
        place = place_of(text, image, record) if _is_place(text) else None
        define[name] = text if place is None else str(place)
    return Options(
        define=define,
        output=None,
        dialect=Dialect(given["dialect"]) if "dialect" in given else None,
        adopt=given["same-grid"] == "adopt" if "same-grid" in given else None,
        primitives=tuple(each.place or Path(each.path) for each in texts),
        read=ReadOptions(str(given.get("nifti-form", "")), str(given.get("series", ""))),
        tolerance=float(given.get("grid-tolerance", TOLERANCE)),
    )


def _is_place(text: str) -> bool:
    return text.startswith("bids:") or os.path.isabs(text)  # noqa: PTH117


def _goals(plan: Plan, label: str, image: str) -> tuple[Goal, ...]:
    """The goals of a file: several if it has several volumes. The last file of that name counts."""
    found = [each for each in plan.goals if each.action == "save" and each.label == label]
    if not found:
        message = f"the program does not save `{label}` any more"
        help = "what it saves depends on computed values, or on what it imports"
        raise ImgqlError([Diagnostic("E402", message, help=help)])
    return tuple(each for each in found if each.span == found[-1].span)


@contextmanager
def _in_folder(explained: Explanation) -> Iterator[None]:
    """Make the current folder that of the first run, if it is known and there."""
    record, image = explained.record, explained.file.absolute()
    folder = place_of(record.folder, image, record) if record.folder else None
    if folder is None or not folder.is_dir():
        yield
        return
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        yield
    finally:
        with suppress(OSError):
            os.chdir(before)
        os.close(before)
