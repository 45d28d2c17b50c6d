"""What can a program say, and how is each word of it explained? For commands, dialogs and pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from voxgpu.language.imports import BUNDLED
from voxgpu.language.library_help import help_entries
from voxgpu.language.scope import suggestion
from voxgpu.primitives.catalogue import FAMILIES
from voxgpu.primitives.documentation import Entry, entries
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.simpleitk import SimpleITKNamespace

#: The families, in the order in which they are listed; others, such as users' own, come last.
_ORDER = ("command", "expression", "type", *FAMILIES, "sequence", "file", "relations")

SPACE = "simpleitk"

#: Words that people search for, and what texts say instead.
_ALSO = {
    "blur": ("smooth", "gauss"),
    "smooth": ("blur", "gauss"),
    "denoise": ("smooth", "noise", "median"),
    "average": ("mean",),
    "mean": ("average",),
    "size": ("volume", "how many"),
    "count": ("how many", "number of"),
    "area": ("volume",),
    "label": ("component",),
    "island": ("component",),
    "connected": ("component", "touch"),
    "dilate": ("grow", "near"),
    "erode": ("shrink", "interior"),
    "invert": ("not", "negative"),
    "edge": ("border", "gradient"),
    "histogram": ("percentile", "otsu"),
    "bias": ("n4",),
    "crop": ("extract", "box"),
    "register": ("resample",),
    "interpolate": ("resample",),
    "overlap": ("dice", "jaccard"),
    "power": ("pow",),
    "exponent": ("exp", "pow"),
    "root": ("sqrt",),
}


class NoSuchName(Exception):
    """Nothing has a name, or something that programs cannot use; args: what to tell."""


def manual(primitives: Iterable[Primitive]) -> list[Entry]:
    """Everything that programs can use but the namespaces beside it, family by family."""
    written = (Entry(e.family, e.names, e.signatures, e.doc, after=e.after) for e in help_entries())
    places = {family: number for number, family in enumerate(_ORDER)}
    # Sorting is stable: the primitives of a family come before what is made of them.
    return sorted(
        [*entries(primitives), *written], key=lambda each: places.get(each.family, len(places))
    )


def named(name: str, every: Sequence[Entry]) -> list[Entry]:
    """The entries under a name. Raises NoSuchName where there are none.

    Names of SimpleITK may be written with their namespace or without, in capitals or not; the
    namespace alone stands for all of them, the name of an import for what it brings.
    """
    name = name.strip()
    if not name:
        raise NoSuchName("no name was given")
    found = [each for each in every if name in each.names]
    if found:
        return found
    if name.startswith("$"):
        return [each for each in every if "$cwd" in each.names]
    if name == SPACE:
        return list(namespace())
    if name in BUNDLED:
        brought = [each for each in every if each.after == f'import "{name}"']
        return brought or [each for each in every if "import" in each.names]
    space, _, plain = name.rpartition(".")
    if space in ("", SPACE):
        found = [each for each in every if f"{SPACE}.{plain}" in each.names]
        return found or _of_simpleitk(name, plain, every)
    raise NoSuchName(_unknown(name, every))


@cache
def namespace() -> tuple[Entry, ...]:
    """The entries of SimpleITK's functions and constants."""
    every = SimpleITKNamespace().values()
    return tuple(each for overloads in every for each in entries(overloads))


def search(text: str, every: Iterable[Entry]) -> list[Entry]:
    """The entries that mention all words of a text or what else is said for them.

    Those of SimpleITK come last, those with a word in a name first.
    """
    words = [_forms(word) for word in re.findall(r"\S+", text.lower())]

    def mentioned(entry: Entry, names_only: bool) -> bool:
        said = " ".join(entry.names) if names_only else f"{' '.join(entry.names)} {entry.doc}"
        said = said.lower()
        return all(any(form in said for form in forms) for forms in words)

    found = [each for each in every if words and mentioned(each, False)]
    return sorted(found, key=lambda each: (each.family == SPACE, not mentioned(each, True)))


def _forms(word: str) -> tuple[str, ...]:
    stem = re.sub(r"(?<=\w{4})(?:ring|ing|red|ed|s)$", "", word)
    return (stem, *_ALSO.get(word, ()), *_ALSO.get(stem, ()))


def _of_simpleitk(name: str, plain: str, every: Sequence[Entry]) -> list[Entry]:
    space = SimpleITKNamespace()
    spelled = space.spelled(plain)
    if spelled is None:
        raise NoSuchName(_unknown(name, every))
    refusal = space.refusal(spelled)
    if refusal:
        raise NoSuchName(f"`{SPACE}.{spelled}` cannot be used: {refusal}")
    return entries(space[spelled])


def _unknown(name: str, every: Iterable[Entry]) -> str:
    hint = suggestion(name, [one for each in every for one in each.names])
    hint = hint or f"`voxgpu primitives --search {name}` looks in the texts, too"
    return f"nothing is called `{name}`: {hint}"
