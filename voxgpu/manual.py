"""The manual: help entries for everything that programs can use, with lookup and search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from voxgpu.language.imports import BUNDLED
from voxgpu.language.library_help import help_entries
from voxgpu.language.scope import suggestion
from voxgpu.primitives.catalogue import FAMILIES, standard_primitives
from voxgpu.primitives.documentation import Entry, entries, markdown_page
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.simpleitk import SimpleITKNamespace

#: The order of families in listings; others, such as those of users, come last.
_ORDER = ("command", "expression", "type", *FAMILIES, "sequence", "file", "relations")

SPACE = "simpleitk"

#: Synonyms for search: words that users look for, and words that the entries use.
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
    """Raised for a name that is unknown or unavailable; its argument is the message."""


def manual(
    primitives: Iterable[Primitive], where_computed: Callable[[Primitive], str] = lambda _: ""
) -> list[Entry]:
    """Returns the entries of all names outside foreign namespaces, grouped by family.

    where_computed  returns a sentence that says what computes a primitive, or an empty string
    """
    derived = (Entry(e.family, e.names, e.signatures, e.doc, after=e.after) for e in help_entries())
    places = {family: number for number, family in enumerate(_ORDER)}
    # The sort is stable: primitives come before functions derived from them.
    return sorted(
        [*entries(primitives, where_computed), *derived],
        key=lambda each: places.get(each.family, len(places)),
    )


def primitives_page() -> str:
    """Returns a page of Markdown on all standard primitives and what computes them."""
    from voxgpu.backends.cpu import registry as cpu
    from voxgpu.backends.cuda import registry as cuda
    from voxgpu.backends.registry import where_computed

    def where(primitive: Primitive) -> str:
        return where_computed(primitive, cpu.KERNELS, cuda.KERNELS)

    return markdown_page(manual(standard_primitives(), where))


def named(name: str, every: Sequence[Entry]) -> list[Entry]:
    """Returns the entries of a name. Raises NoSuchName if there are none.

    Names of SimpleITK may be written with or without namespace, in any letter case. The namespace
    itself stands for all of its names, and the name of an import for everything it provides.
    """
    name = name.strip()
    if not name:
        raise NoSuchName("no name was given")
    matches = [each for each in every if name in each.names]
    if matches:
        return matches
    if name.startswith("$"):
        return [each for each in every if "$cwd" in each.names]
    if name == SPACE:
        return list(namespace())
    if name in BUNDLED:
        brought = [each for each in every if each.after == f'import "{name}"']
        return brought or [each for each in every if "import" in each.names]
    space, _, plain = name.rpartition(".")
    if space in ("", SPACE):
        matches = [each for each in every if f"{SPACE}.{plain}" in each.names]
        return matches or _of_simpleitk(name, plain, every)
    raise NoSuchName(_unknown(name, every))


@cache
def namespace() -> tuple[Entry, ...]:
    """Returns the entries of SimpleITK's functions and constants."""
    every = SimpleITKNamespace().values()
    return tuple(each for overloads in every for each in entries(overloads))


def search(text: str, every: Iterable[Entry]) -> list[Entry]:
    """Returns the entries that mention all words of a text, or their synonyms.

    Entries with a word in their name come first, those of SimpleITK last.
    """
    words = [_forms(word) for word in re.findall(r"\S+", text.lower())]

    def mentioned(entry: Entry, names_only: bool) -> bool:
        text = " ".join(entry.names) if names_only else f"{' '.join(entry.names)} {entry.doc}"
        text = text.lower()
        return all(any(form in text for form in forms) for forms in words)

    matches = [each for each in every if words and mentioned(each, False)]
    return sorted(matches, key=lambda each: (each.family == SPACE, not mentioned(each, True)))


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
