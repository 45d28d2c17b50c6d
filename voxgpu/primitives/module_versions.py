"""Versions of the modules that a file of primitives imports, as part of their meaning.

A module outside installed distributions is identified by its content, and so is each module that it
imports; one of an installed distribution by that distribution's version. Imports are found in the
text, at any nesting level; computed module names, and data that modules read, are not detected.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import Distribution

#: By name of a loaded module: its specification, and the digest of its file when first seen.
_LOADED: dict[str, tuple[Any, str]] = {}

_DYNAMIC = ("import_module", "__import__")


class Changed(Exception):
    """A module whose file has changed since this process imported it; the text gives details."""


def imported(text: str | bytes, package: str = "") -> dict[str, str]:
    """Direct and indirect imports of a text: name of a module or distribution to digest or version.

    package  that the text belongs to, for relative imports
    """
    found: dict[str, str] = {}
    todo = [(text, package)]
    seen: set[str] = set()
    while todo:
        content, place = todo.pop()
        for name in _names(content, place):
            for spec in _specs(name):
                if spec.name in seen:
                    continue
                seen.add(spec.name)
                version = _version(spec)
                if version is not None:
                    found[spec.name] = version
                    break
                file = _content(spec)
                if file is None:
                    continue
                found[spec.name] = sha256(file).hexdigest()
                if str(spec.origin).endswith(".py"):
                    parent = spec.name if spec.submodule_search_locations is not None else ""
                    todo.append((file, parent or spec.name.rpartition(".")[0]))
    return found


def check_loaded(before: dict[str, str], after: dict[str, str]) -> None:
    """Compares the imports before and after a file was executed. Raises Changed.

    A module that this process imported earlier keeps its old content even if its file has changed:
    values computed with it must not be stored under the id of the new text.
    """
    for name, digest in after.items():
        if before.get(name, digest) != digest:
            raise Changed(f"the module `{name}` changed while it was imported")
        module = sys.modules.get(name)
        if module is None:
            continue
        spec = getattr(module, "__spec__", None)  # a new object after a reload
        loaded = _LOADED.get(name)
        if loaded is None or loaded[0] is not spec:
            _LOADED[name] = (spec, digest)
        elif loaded[1] != digest:
            raise Changed(f"the module `{name}` changed after this process imported it")


def _names(text: str | bytes, package: str) -> Iterator[str]:
    """Full names of imports; a name after ``from … import`` may not be a module."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            try:
                base = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:
                continue
            yield base
            yield from (f"{base}.{each.name}" for each in node.names if each.name != "*")
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0] if node.args else None
            if (
                name in _DYNAMIC
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                yield first.value


def _specs(name: str) -> Iterator[ModuleSpec]:
    """The specifications of a module and its enclosing packages; nothing is imported."""
    path: Sequence[str] | None = None
    parts = name.split(".")
    if parts[0] in sys.stdlib_module_names:
        return
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]), path)
        if spec is None:
            return
        yield spec
        if spec.submodule_search_locations is None:
            return
        path = list(spec.submodule_search_locations)


def _spec(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, path)
        except Exception:
            # A defective third-party finder: what it would find is unknown.
            continue
        if spec is not None:
            return spec
    return None


def _content(spec: ModuleSpec) -> bytes | None:
    """The content of a module's file, also inside an archive; None if it has no file."""
    if spec.origin is None or not spec.has_location:
        return None
    read = getattr(spec.loader, "get_data", None)
    try:
        content = read(spec.origin) if read is not None else Path(spec.origin).read_bytes()
    except OSError:
        return None
    return content if isinstance(content, bytes) else None


def _version(spec: ModuleSpec) -> str | None:
    """The distribution that installed a module, with its version; None if there is none."""
    top = spec.name.partition(".")[0]
    if top == "voxgpu":
        return f"voxgpu {__version__}"
    place = spec.origin if spec.has_location else None
    places = [place] if place else list(spec.submodule_search_locations or ())
    if not places:
        return None
    folder = Path(places[0])
    while folder.name.partition(".")[0] != top and folder != folder.parent:
        folder = folder.parent
    # Try the module's name first: listing the files of every distribution is slow.
    return _named(top, str(folder.parent)) or _installed(str(folder.parent)).get(top)


@lru_cache(maxsize=256)
def _named(top: str, folder: str) -> str | None:
    from importlib.metadata import distributions

    for each in distributions(name=top, path=[folder]):
        if _is_installed(each):
            return f"{each.name} {each.version}"
    return None


@lru_cache(maxsize=16)
def _installed(folder: str) -> dict[str, str]:
    """Top-level module names in this folder, mapped to the distribution that owns them."""
    from importlib.metadata import distributions

    found: dict[str, str] = {}
    for each in distributions(path=[folder]):
        if not _is_installed(each):
            continue
        for name in _tops(each):
            found[name] = f"{each.name} {each.version}"
    return found


def _is_installed(distribution: Distribution) -> bool:
    """Whether files were copied to their location, unlike setuptools' metadata beside a source
    tree.
    """
    return any(
        distribution.read_text(name) is not None for name in ("RECORD", "installed-files.txt")
    )


def _tops(distribution: Distribution) -> set[str]:
    files = (
        distribution.read_text("RECORD") or distribution.read_text("installed-files.txt") or ""
    ).splitlines()
    firsts = {line.partition(",")[0].strip('"').partition("/")[0] for line in files}
    names = {each.partition(".")[0] for each in firsts if not each.endswith("-info")}
    return {each for each in names if each.isidentifier()}
