"""Help texts for names that are not primitives, from ``builtin_help.py`` and bundled programs.

In bundled programs, the comment before a binding holds its signatures, a description and examples::

    // grow(a: image of true/false, b: image of true/false) -> image of true/false
    // a, and the parts of b that touch it.
    // >>> grow([true, false, false], [false, true, false])
    // [true, true, false]
    let grow(a, b) = (a | touch(b, a))
    let G(a, b) = grow(a, b)

A binding on the next line is an alias. ``// # Family`` starts a family.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from voxgpu.frozen import frozen
from voxgpu.language.builtin_help import BUILT_IN
from voxgpu.language.imports import BUNDLED, STANDARD


@frozen
class HelpEntry:
    """A help entry.

    family      the group of related names
    names       the name and its aliases
    signatures  with the types of parameters and result, or the form of a command
    doc         description, then examples: lines that begin with ``>>>``, followed by their values
    after       the import that provides it; empty if it is always available
    """

    family: str
    names: tuple[str, ...]
    signatures: tuple[str, ...]
    doc: str
    after: str = ""


_LET = re.compile(r"let (?P<name>[^\s(]+)\((?P<parameters>[^)]*)\)")
_FAMILY = re.compile(r"// # (?P<family>\w+)$")


def entries_in(text: str, after: str = "") -> Iterator[HelpEntry]:
    """Yields the functions that a program binds, in order, with their documentation comments."""
    family = ""
    comment: list[str] = []
    last: HelpEntry | None = None
    for line in text.splitlines():
        let = _LET.match(line)
        heading = _FAMILY.match(line)
        if heading:
            family = heading["family"].lower()
        elif line.startswith("//"):
            comment.append(line.removeprefix("//").removeprefix(" "))
        elif let and not comment and last is not None:
            last = replace(last, names=(*last.names, let["name"]))
        elif let:
            if last is not None:
                yield last
            last = _entry(family, let, comment, after)
            comment = []
        elif not line.strip():
            comment = []
            if last is not None:
                yield last
            last = None
    if last is not None:
        yield last


def _entry(family: str, let: re.Match[str], comment: list[str], after: str) -> HelpEntry:
    signatures = []
    while comment and comment[0].startswith(f"{let['name']}(") and " -> " in comment[0]:
        signatures.append(comment.pop(0))
    signatures = signatures or [f"{let['name']}({let['parameters']})"]
    example = next((n for n, line in enumerate(comment) if line.startswith(">>>")), 0)
    if example:
        comment.insert(example, "")
    return HelpEntry(family, (let["name"],), tuple(signatures), "\n".join(comment), after)


@cache
def help_entries() -> tuple[HelpEntry, ...]:
    """Returns all entries that are not primitives: operations, commands and bundled functions."""
    entries = [
        HelpEntry(family, names, signatures, doc.strip())
        for family, names, signatures, doc in BUILT_IN
    ]
    for name, file in BUNDLED.items():
        if file:
            text = Path(__file__).with_name(file).read_text("utf-8")
            entries += entries_in(text, "" if name == STANDARD else f'import "{name}"')
    return tuple(entries)


def signatures_of(name: str) -> tuple[str, ...]:
    """Returns the signatures of a name that is not a primitive; empty if it is unknown."""
    every = (each for each in help_entries() if name in each.names)
    return tuple(signature for each in every for signature in each.signatures)


def import_of(name: str) -> str:
    """Returns the import that provides a name, or an empty string."""
    return next((each.after for each in help_entries() if name in each.names), "")
