"""The page of primitives with an example and its picture below every entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.primitive_pictures.examples import Example, entry_of
from voxgpu.primitives.documentation import Entry


def with_examples(
    page: str,
    entries: Sequence[Entry],
    examples: Iterable[Example],
    prints: Mapping[Example, Sequence[str]],
    pictures: str,
) -> str:
    """``docs/primitives.md`` with examples.

    page      its text, in which every entry of the manual has a heading, in the same order
    prints    what examples print, as ``label=value``
    pictures  where the pictures are, relative to the page: a folder

    Raises ``ValueError`` if the page has other headings than the manual has entries.
    """
    places: dict[int, list[Example]] = {}
    for example in examples:
        entry = entry_of(example, entries)
        number = next(number for number, each in enumerate(entries) if each is entry)
        places.setdefault(number, []).append(example)
    opening, *parts = re.split(r"(?m)^(?=### )", page)
    if len(parts) != len(entries):
        raise ValueError(f"{len(parts)} headings of {len(entries)} entries: make the page anew")
    pieces = [opening]
    for number, part in enumerate(parts):
        # The next family's heading, if this is the last entry of its own.
        text, heading, rest = part.partition("\n## ")
        for example in places.get(number, ()):
            text = text.rstrip() + "\n\n" + _section(example, prints.get(example, ()), pictures)
        pieces.append(text + heading + rest)
    return "".join(pieces)


def _section(example: Example, prints: Sequence[str], pictures: str) -> str:
    lines = [f"**Example.** {example.sentence}", "", "```imgql", *example.program.splitlines()]
    lines += ["```", ""]
    if prints:
        lines += ["```text", *prints, "```", ""]
    lines += [f"![{example.sentence}]({pictures}/{example.file_name})", ""]
    return "\n".join(lines) + "\n"
