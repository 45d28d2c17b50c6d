"""Delivery of goals: printed lines and saved files, in program order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from voxgpu.deferred import DeferredValue
from voxgpu.diagnostics import Diagnostic
from voxgpu.execution.missing_items import MissingItem
from voxgpu.files.access import AllowedRoots
from voxgpu.files.write import Written, content_of, write_image
from voxgpu.files.write_volumes import VolumesFile
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.plan.missing_items import (
    Position,
    filled,
    gaps_of,
    is_anything_left,
    with_missing,
    without_texts,
)
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.sequence import shown
from voxgpu.temporary_files import sweep_files
from voxgpu.types import ImageOf
from voxgpu.unicode_paths import from_home


@frozen(slots=True)
class Printed:
    """The outcome of a ``print``; ``type`` is ``number``, ``bool``, ``string`` or ``sequence``.

    failed  the positions of failed items of a sequence, which are NaN for numbers, else None
    """

    label: str
    type: str
    value: float | bool | str | tuple[Any, ...]
    failed: tuple[Position, ...] = ()

    def __str__(self) -> str:
        return f"{self.label}={shown(self.value)}"

    def as_json(self) -> dict[str, Any]:
        """Returns plain data; NaN and infinities are the strings ``nan``, ``inf`` and ``-inf``.

        Failed items are None.
        """
        value = json_value(self.value)
        for place in self.failed:
            inside = value
            for number in place[:-1]:
                inside = inside[number]
            inside[place[-1]] = None
        return {"label": self.label, "type": self.type, "value": value}


@frozen(slots=True)
class Saved:
    """The outcome of a ``save``: a file that was written, or was already up to date.

    kind       type of the image, including its grid
    unchanged  the file was already up to date and left as it was
    volumes    number of volumes in the file; 0 for a single image
    digest     xxh3-128 of the file's bytes; empty if nothing was written
    """

    label: str
    path: Path
    kind: ImageOf
    unchanged: bool = False
    _image: Image | None = None
    volumes: int = 0
    _images: tuple[Image, ...] = ()
    digest: bytes = b""

    @property
    def value(self) -> Image | tuple[Image, ...]:
        """The content of the file: an image, or its volumes. Raises LookupError like ``image``."""
        return self.images if self.volumes else self.image

    @property
    def images(self) -> tuple[Image, ...]:
        """The volumes in the file, or its single image. Raises LookupError like ``image``."""
        if self.volumes and not self._images:
            raise LookupError(f"the images of `{self.label}` were not asked for; see the file")
        return self._images if self.volumes else (self.image,)

    @property
    def image(self) -> Image:
        """The image in the file.

        Raises LookupError if images were not kept, or if the file has several volumes (see
        ``images``).
        """
        if self.volumes:
            raise LookupError(f"`{self.label}` holds {self.volumes} volumes: `images`")
        if self._image is None:
            raise LookupError(f"the image of `{self.label}` was not asked for; it is in the file")
        return self._image

    def as_json(self) -> dict[str, Any]:
        """Returns plain data."""
        grid = self.kind.grid
        assert grid is not None
        return {
            "label": self.label,
            "path": str(self.path),
            "unchanged": self.unchanged,
            **({"volumes": self.volumes} if self.volumes else {}),
            "type": f"image of {self.kind.element}",
            "grid": {
                "shape": list(grid.shape),
                "spacing": list(grid.spacing),
                "origin": list(grid.origin),
                "direction": list(grid.direction),
            },
        }


class KnownFiles(Protocol):
    """What is known about files written by earlier runs."""

    def unchanged(self, path: Path, id: ValueId) -> Written | None:
        """Returns the result of writing the value if the file already holds it, else None."""

    def note(self, path: Path, id: ValueId, written: Written) -> None:
        """Records that the value was written; ``written`` has the digest of the file."""


#: Writes what belongs beside a file that is there now; returns warnings. Called from any thread.
Beside = Callable[[Goal, Saved], Sequence[Diagnostic]]


@dataclass
class OutputWriter:
    """Delivers goals and records the outcomes.

    output      the folder for relative file names; None: images are only kept
    on_print    called with each print, immediately
    on_saved    called with each file once it is written, from any thread
    images      whether outcomes include the images
    known       what is known about files written by earlier runs
    force       write files even if they are unchanged
    beside      writes what belongs beside each file
    """

    output: Path | None
    roots: AllowedRoots
    on_print: Callable[[Printed], None]
    on_saved: Callable[[Saved], None]
    images: bool = True
    known: KnownFiles | None = None
    force: bool = False
    beside: Beside | None = None
    printed: list[Printed] = field(default_factory=list)
    found: list[tuple[str, Value]] = field(default_factory=list)
    missing: list[MissingItem] = field(default_factory=list)
    _labels: set[str] = field(default_factory=set)
    _saved: dict[int, tuple[Saved, list[Diagnostic]]] = field(default_factory=dict)
    _files: dict[str, VolumesFile] = field(default_factory=dict)
    _held: dict[str, list[Image]] = field(default_factory=dict)

    def already_saved(self, plan: Plan) -> set[int]:
        """Returns the indices of goals whose files are already up to date.

        Files that are saved more than once are written again, so that the last save remains.
        """
        if self.known is None or self.force or self.images or self.output is None:
            return set()
        times = Counter(goal.target for goal in plan.goals if goal.action == "save")
        found = set()
        for place, goal in enumerate(plan.goals):
            if goal.action != "save" or goal.parts or times[goal.target] > 1:
                continue
            kind = plan.types[goal.value]
            assert isinstance(kind, ImageOf)
            path = _path_of(goal.label, self.output)
            if self._is_there(goal, path, kind):
                found.add(place)
        return found

    def _is_there(self, goal: Goal, path: Path, kind: ImageOf, image: Image | None = None) -> bool:
        """Returns whether the file is already up to date; then records it as saved."""
        if self.known is None or self.force:
            return False
        written = self.known.unchanged(path, goal.value)
        if written is None:
            return False
        sweep_files(path.parent)  # files left by killed processes, which writing would have removed
        saved = Saved(goal.label, path, kind, True, image, digest=written.digest)
        self._note(goal, saved, written.warnings)
        return True

    def _note(self, goal: Goal, saved: Saved, warnings: Sequence[str]) -> None:
        # Several threads may be here, each with a goal of its own.
        told = [Diagnostic("W301", warning, goal.label_span) for warning in warnings]
        if self.beside is not None and self.output is not None:
            told += self.beside(goal, saved)
        self._saved[id(goal)] = saved, told
        self._labels.add(saved.label)
        if self.output is not None:
            self.on_saved(saved)

    def saved_of(self, goals: Sequence[Goal]) -> tuple[Saved, ...]:
        """Returns the saved files, in the order of the goals."""
        return tuple(self._saved[id(goal)][0] for goal in goals if id(goal) in self._saved)

    def warnings_of(self, goals: Sequence[Goal]) -> list[Diagnostic]:
        """Returns the warnings about saved files, in the order of the goals."""
        found = [self._saved[id(goal)][1] for goal in goals if id(goal) in self._saved]
        return [warning for warnings in found for warning in warnings]

    def deliver(self, goal: Goal, value: Value) -> None:
        """Prints or saves a value; raises FileError if a file cannot be written."""
        if goal.action == "save":
            assert isinstance(value, Image)
            self._save(goal, value)
            return
        if goal.action == "keep":
            self.found.append((goal.label, value))
            return
        given: Any = with_missing(value, goal.missing)
        if goal.paths:
            given = without_texts(given, goal.paths - self._labels)
        gaps = tuple(gaps_of(given))
        if gaps:
            is_left = is_anything_left(given)
            self.missing.append(MissingItem(goal, gaps, not is_left))
            if not is_left:
                return
            given = filled(given, goal.kind)
        if goal.action == "find":
            self.found.append((goal.label, given))
            return
        assert not isinstance(given, DeferredValue), "who delivers brings it here"
        kinds = {bool: "bool", str: "string", tuple: "sequence"}
        failed = tuple(place for place, _ in gaps)
        printed = Printed(goal.label, kinds.get(type(given), "number"), given, failed)
        self.printed.append(printed)
        self.on_print(printed)

    def _save(self, goal: Goal, image: Image) -> None:
        if goal.parts:
            self._save_volume(goal, image)
            return
        held = image if self.images or self.output is None else None
        kind = type_of(image)
        if self.output is None:
            self._note(goal, Saved(goal.label, Path(goal.label), kind, False, held), ())
            return
        path = _path_of(goal.label, self.output)
        self.roots.check_write(path)
        if self._is_there(goal, path, kind, held):
            return
        written = write_image(path, image, goal.labels)
        if self.known is not None:
            self.known.note(path, goal.value, written)
        saved = Saved(goal.label, path, kind, False, held, digest=written.digest)
        self._note(goal, saved, written.warnings)

    def _save_volume(self, goal: Goal, image: Image) -> None:
        """Adds a volume to a file; the goals of one file are consecutive."""
        held = self._held.setdefault(goal.target, [])
        if self.images or self.output is None:
            held.append(image)
        label, count = goal.label, goal.parts
        path, written = Path(label), None
        if self.output is not None:
            path = _path_of(label, self.output)
            self.roots.check_write(path)
            if not goal.part:
                self._files[goal.target] = VolumesFile(path, count)
            file = self._files.get(goal.target)
            written = file.add(goal.part, image) if file is not None else None
            if written is None:
                return
        elif goal.part < count - 1 or len(held) < count:
            return
        images = tuple(self._held.pop(goal.target))
        digest = written.digest if written else b""
        kind = type_of(image)
        saved = Saved(label, path, kind, volumes=count, _images=images, digest=digest)
        self._note(goal, saved, written.warnings if written else ())

    def close(self) -> None:
        """Removes files with missing volumes."""
        for each in self._files.values():
            each.abandon()


def _path_of(label: str, output: Path) -> Path:
    """Returns the path of a saved file."""
    return (output / from_home(label)).absolute()


def type_of(image: Image) -> ImageOf:
    """Returns the type of an image."""
    return ImageOf(content_of(image), image.element.name, image.channels, image.grid)


def json_value(value: Any) -> Any:
    """A printed value as JSON data: what JSON has no number for is a text."""
    if isinstance(value, tuple):
        return [json_value(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return shown(value)
    return value
