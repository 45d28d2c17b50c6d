"""How do the goals of a program reach the world? Lines and files, in the program's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from voxgpu.diagnostics import Diagnostic
from voxgpu.files.roots import Roots
from voxgpu.files.write import write_image
from voxgpu.image import Image
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.sequence import shown


@dataclass(frozen=True, slots=True)
class Printed:
    """What a ``print`` said; ``type`` is ``number``, ``bool``, ``string`` or ``sequence``."""

    label: str
    type: str
    value: float | bool | str | tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.label}={shown(self.value)}"

    def as_json(self) -> dict[str, Any]:
        """Plain data; what JSON has no number for is the string ``nan``, ``inf`` or ``-inf``."""
        return {"label": self.label, "type": self.type, "value": _plain(self.value)}


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that a ``save`` wrote, with the image that is in it."""

    label: str
    path: Path
    image: Image

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        grid = self.image.grid
        return {
            "label": self.label,
            "path": str(self.path),
            "type": f"image of {self.image.element}",
            "grid": {
                "shape": list(grid.shape),
                "spacing": list(grid.spacing),
                "origin": list(grid.origin),
                "direction": list(grid.direction),
            },
        }


@dataclass
class Deliveries:
    """Delivers goals and remembers what it delivered.

    output      the folder that relative file names are relative to; None: images are only kept
    on_print    called with each print as it happens
    """

    output: Path | None
    roots: Roots
    on_print: Callable[[Printed], None]
    printed: list[Printed] = field(default_factory=list)
    found: list[Value] = field(default_factory=list)
    _saved: dict[int, tuple[Saved, list[Diagnostic]]] = field(default_factory=dict)

    def saved_of(self, goals: Sequence[Goal]) -> tuple[Saved, ...]:
        """What was saved, in the order of the goals."""
        return tuple(self._saved[id(goal)][0] for goal in goals if id(goal) in self._saved)

    def warnings_of(self, goals: Sequence[Goal]) -> list[Diagnostic]:
        """What is to be told of the files, in the order of the goals."""
        found = [self._saved[id(goal)][1] for goal in goals if id(goal) in self._saved]
        return [warning for warnings in found for warning in warnings]

    def deliver(self, goal: Goal, value: Value) -> None:
        """Prints or saves; raises FileProblem where a file cannot be written."""
        if goal.action == "find":
            self.found.append(value)
        elif isinstance(value, Image):
            self._save(goal, value)
        else:
            kinds = {bool: "bool", str: "string", tuple: "sequence"}
            printed = Printed(goal.label, kinds.get(type(value), "number"), value)
            self.printed.append(printed)
            self.on_print(printed)

    def _save(self, goal: Goal, image: Image) -> None:
        path, warnings = Path(goal.label), []
        if self.output is not None:
            path = (self.output / goal.label).absolute()
            self.roots.check_write(path)
            for warning in write_image(path, image):
                warnings.append(Diagnostic("W301", warning, goal.label_span))
        # Several threads may be here, each with a goal of its own.
        self._saved[id(goal)] = Saved(goal.label, path, image), warnings


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return shown(value)
    return value
