"""How are names explained that are no primitives? By the comments of the programs that come with
voxgpu, and by ``built_in.py``.

The comment before a binding has its signatures, what it means, and an example::

    // grow(a: image of true/false, b: image of true/false) -> image of true/false
    // a, and the parts of b that touch it.
    // >>> grow([true, false, false], [false, true, false])
    // [true, true, false]
    let grow(a, b) = (a | touch(b, a))
    let G(a, b) = grow(a, b)

A binding on the next line is another name of the same. ``// # Family`` begins a family.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from voxgpu.language.builtin_help import BUILT_IN
from voxgpu.language.imports import BUNDLED, STANDARD


@dataclass(frozen=True)
class Explained:
    """What is said of a name.

    family      what it belongs with
    names       as programs write it
    signatures  with the types of what it takes and gives, or the form of a command
    doc         what it means, then examples: lines that begin with ``>>>`` and their values
    after       the import that brings it; empty where it is always there
    """

    family: str
    names: tuple[str, ...]
    signatures: tuple[str, ...]
    doc: str
    after: str = ""


_LET = re.compile(r"let (?P<name>[^\s(]+)\((?P<parameters>[^)]*)\)")
_FAMILY = re.compile(r"// # (?P<family>\w+)$")


def explained_in(text: str, after: str = "") -> Iterator[Explained]:
    """The functions that a program binds, in order, with what the comments before them say."""
    family = ""
    comment: list[str] = []
    last: Explained | None = None
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
            last = _explained(family, let, comment, after)
            comment = []
        elif not line.strip():
            comment = []
            if last is not None:
                yield last
            last = None
    if last is not None:
        yield last


def _explained(family: str, let: re.Match[str], comment: list[str], after: str) -> Explained:
    signatures = []
    while comment and comment[0].startswith(f"{let['name']}(") and " -> " in comment[0]:
        signatures.append(comment.pop(0))
    signatures = signatures or [f"{let['name']}({let['parameters']})"]
    example = next((n for n, line in enumerate(comment) if line.startswith(">>>")), 0)
    if example:
        comment.insert(example, "")
    return Explained(family, (let["name"],), tuple(signatures), "\n".join(comment), after)


@cache
def explained() -> tuple[Explained, ...]:
    """Everything that is no primitive: operations, commands, and what is written in ImgQL."""
    found = [
        Explained(family, names, signatures, doc.strip())
        for family, names, signatures, doc in BUILT_IN
    ]
    for name, file in BUNDLED.items():
        if file:
            text = files("voxgpu.language").joinpath(file).read_text("utf-8")
            found += explained_in(text, "" if name == STANDARD else f'import "{name}"')
    return tuple(found)


def signatures_of(name: str) -> tuple[str, ...]:
    """The signatures of a name that is no primitive; none where there is none of that name."""
    every = (each for each in explained() if name in each.names)
    return tuple(signature for each in every for signature in each.signatures)


def import_of(name: str) -> str:
    """The import that brings a name; empty where none does."""
    return next((each.after for each in explained() if name in each.names), "")
