"""Examples of the manual as programs: a list is an image where a signature has one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from voxgpu.primitives.documentation import Entry
from voxgpu.primitives.examples import Example, examples


@dataclass
class Images:
    """Writes the images of examples to a folder, each once, and loads them in a program."""

    folder: Path
    commands: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def name_of(self, rows: list[Any]) -> str:
        """The name under which the program has the image that a list stands for."""
        text = repr(rows)
        if text not in self._names:
            self._names[text] = f"image_{len(self._names)}"
            self._write(rows, self._names[text])
        return self._names[text]

    def _write(self, rows: list[Any], name: str) -> None:
        array = np.array(rows)
        is_color = "(" in repr(rows)
        if array.ndim - is_color == 1:
            array = array[np.newaxis]
        is_region = array.dtype == bool
        array = array.astype(np.uint8 if is_region or is_color else np.float32)
        image = sitk.GetImageFromArray(array, isVector=is_color)
        sitk.WriteImage(image, str(self.folder / f"{name}.nrrd"))
        self.commands.append(f'load {name}_file = "{name}.nrrd"')
        self.commands.append(f"let {name} = {name}_file{' > 0' if is_region else ''}")


def call_of(example: Example, entry: Entry, images: Images) -> str:
    """The example's call in ImgQL."""
    kinds = _kinds(entry, len(example.arguments))
    arguments = [
        _written(argument, kind, images)
        for argument, kind in zip(example.arguments, kinds, strict=True)
    ]
    return f"{example.name}({', '.join(arguments)})"


def calls(entry: Entry, images: Images) -> Iterator[tuple[str, Any]]:
    """The calls of an entry's examples, and their values."""
    for example in examples(entry.doc):
        yield call_of(example, entry, images), example.expected


def texts(entry: Entry) -> Iterator[tuple[str, str]]:
    """The examples as they stand: a command or an expression, and what comes of it."""
    lines = entry.doc.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(">>> "):
            answer = lines[number + 1] if number + 1 < len(lines) else ""
            yield line.removeprefix(">>> "), "" if answer.startswith(">>>") else answer


def _kinds(entry: Entry, count: int) -> list[set[str]]:
    """For each argument the types that signatures with so many parameters have there."""
    found: list[set[str]] = [set() for _ in range(count)]
    for signature in entry.signatures:
        inside = signature.partition("(")[2].rpartition(") -> ")[0]
        types = re.findall(r"\w+: ([^,=]+?)(?= = |,|$)", inside)
        if len(types) >= count:
            for place, kind in zip(found, types, strict=False):
                place.add(kind)
    return found


def _written(argument: Any, kinds: set[str], images: Images) -> str:
    if isinstance(argument, list) and any(kind.startswith("image") for kind in kinds):
        return images.name_of(argument)
    if isinstance(argument, float) and argument in (float("inf"), float("-inf")):
        return "inf" if argument > 0 else "-inf"
    return json.dumps(argument)
