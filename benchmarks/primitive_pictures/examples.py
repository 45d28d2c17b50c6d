"""The example programs in ``docs/examples``, and the entries of the manual that they belong to.

A file has the examples of a family, each under a heading, with a sentence on what is to be seen::

    // # `near`
    // The voxels of the core, and their neighbors.
    load flair = "head_flair.nii.gz"
    let core = flair > 400
    save "core.nii.gz" core
    save "near.nii.gz" near(core)

The heading is a name, or the beginning of a signature where several entries have one name. What
the last command saves is the result; what is saved before is what it was made from. If the last
command is a ``print``, everything saved is what the number was made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxgpu.primitives.documentation import Entry

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"

#: Names without an example, and why a picture of them would show nothing.
WITHOUT_PICTURE = {
    "tt": "it is the same everywhere",
    "ff": "it is the same everywhere",
    "bconstant": "it is the same everywhere",
    "constant": "it is the same everywhere",
    "simpleitk.ReadImage": "it is the image in a file",
    "simpleitk.WriteImage": "the image stays as it is",
}

_HEADING = re.compile(r"^// # `(.+)`$", re.MULTILINE)
_LOAD = re.compile(r'^load \w+\s*= "([^"]+)"', re.MULTILINE)
_SAVE = re.compile(r'^save "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """An example program.

    number    of the example in its family, from 1
    heading   a name of an entry, or the beginning of one of its signatures
    sentence  what is to be seen
    """

    family: str
    number: int
    heading: str
    sentence: str
    program: str

    @property
    def file_name(self) -> str:
        """The name of its picture."""
        return f"{self.family}-{self.number:02}.png"

    @property
    def background(self) -> str:
        """The file that the program loads first."""
        found = _LOAD.search(self.program)
        if found is None:
            raise ValueError(f"the example of `{self.heading}` loads nothing")
        return found[1]

    @property
    def result(self) -> str:
        """The file that the last command saves, without suffix; empty if it prints."""
        last = self.program.strip().splitlines()[-1]
        saved = _SAVE.match(last)
        return saved[1].partition(".")[0] if saved else ""


def read_examples(folder: Path = FOLDER) -> tuple[Example, ...]:
    """All examples, family by family. Raises ``ValueError`` for text before the first heading."""
    return tuple(
        example
        for path in sorted(folder.glob("*.imgql"))
        for example in examples_in(path.read_text("utf-8"), path.stem)
    )


def examples_in(text: str, family: str) -> list[Example]:
    before, *parts = _HEADING.split(text)
    if before.strip():
        raise ValueError(f"{family}.imgql does not begin with a heading: {before.strip()[:60]}")
    examples = []
    for number, (heading, body) in enumerate(zip(parts[::2], parts[1::2], strict=True), 1):
        lines = body.strip().splitlines()
        count = next(number for number, line in enumerate(lines) if not line.startswith("//"))
        sentence = " ".join(line.removeprefix("//").strip() for line in lines[:count])
        program = "\n".join(lines[count:]).strip() + "\n"
        examples.append(Example(family, number, heading, sentence, program))
    return examples


def has_images(entry: Entry) -> bool:
    """Whether an operation takes or returns an image, so that there is something to see."""
    return any("image of" in each for each in entry.signatures) and entry.family != "type"


def entry_of(example: Example, entries: Sequence[Entry]) -> Entry:
    """The entry that an example belongs to: of several the first with images.

    Raises ``LookupError`` if there is none.
    """
    heading = example.heading
    for entry in entries:
        named = heading in entry.names or any(x.startswith(heading) for x in entry.signatures)
        if named and has_images(entry) and entry.family == example.family:
            return entry
    raise LookupError(f"{example.family}.imgql: no entry with images is called `{heading}`")


def without_example(entries: Iterable[Entry], examples: Iterable[Example]) -> list[str]:
    """The names that take or return images and have neither an example nor a reason.

    Entries with the same name, such as overloads of ``resample``, share one.
    """
    entries = list(entries)
    shown = {name for each in examples for name in entry_of(each, entries).names}
    return [
        entry.names[0]
        for entry in entries
        if has_images(entry)
        and not shown & {*entry.names}
        and not WITHOUT_PICTURE.keys() & {*entry.names}
    ]
