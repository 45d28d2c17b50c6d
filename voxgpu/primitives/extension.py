"""Primitives added by installed packages and by files of the user.

A package names modules in the entry point group ``voxgpu.primitives``; a file is given with
``--primitives``. Both contain functions decorated like voxgpu's own (``define.py``).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.ids import meaning_of
from voxgpu.primitives.catalogue import primitives_of
from voxgpu.primitives.guarded import guarded
from voxgpu.primitives.module_versions import Changed, check_loaded, imported
from voxgpu.primitives.primitive import Extension, Primitive

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "voxgpu.primitives"


class BrokenExtension(Exception):
    """A file of primitives that contains a mistake; ``diagnostic`` gives its location."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic


def from_file(path: Path) -> tuple[Primitive, ...]:
    """The primitives of a Python file, which is executed. Raises BrokenExtension.

    The file is a module of its own: it can import installed packages, not the files beside it. Its
    imports are part of the meaning of its primitives; see ``module_versions.py``.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot read the primitives in `{path}`: {reason}"
        raise BrokenExtension(Diagnostic("E111", message)) from error
    source = Source(str(path), text)
    # The module's name enters the meaning of its primitives, so it must not depend on the path.
    module = ModuleType(f"voxgpu_primitives_{path.stem}")
    module.__file__ = str(path)
    before = imported(text)
    try:
        exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a file's SystemExit must not end the process either
        raise BrokenExtension(_told(error, source)) from error
    after = imported(text)
    try:
        check_loaded(before, after)
    except Changed as changed:
        hint = "start a new process, or reload the module"
        raise BrokenExtension(Diagnostic("E111", str(changed), help=hint)) from None
    found = tuple(primitives_of(module))
    if not found:
        message = f"`{path}` defines no primitive"
        hint = "decorate a function, e.g. with voxgpu.primitives.define.voxelwise()"
        raise BrokenExtension(Diagnostic("E111", message, Span(source, 0, 1), help=hint))
    place = Extension(str(path.absolute()), "", sha256(text.encode()).hexdigest())
    return tuple(of_text(primitive, after, place) for primitive in found)


def from_packages() -> tuple[tuple[Primitive, ...], tuple[Diagnostic, ...]]:
    """The primitives of installed packages, and warnings for those that cannot be used."""
    found: list[Primitive] = []
    warnings: list[Diagnostic] = []
    for point in sorted(_entry_points(), key=lambda each: each.name):
        try:
            found += _from_package(point)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # A defective third-party package must not stop voxgpu.
            message = f"the primitives of `{point.value}` cannot be used: {error}"
            hint = "update or remove the package that brings them"
            warnings.append(Diagnostic("W203", message, help=hint))
    return tuple(found), tuple(warnings)


def clash(primitives: Iterable[Primitive], added: Iterable[Primitive]) -> Diagnostic | None:
    """The diagnostic if one of ``added`` has the name and types of an existing primitive."""
    taken = {_key(name, each): each for each in primitives for name in each.names}
    for primitive in added:
        for name in primitive.names:
            other = taken.setdefault(_key(name, primitive), primitive)
            if other is not primitive:
                message = (
                    f"`{primitive.signature}` of `{primitive.family}` is there already, in "
                    f"`{other.family}`"
                )
                hint = "give it another name, or parameters of other types"
                return Diagnostic("E111", message, help=hint)
    return None


def _key(name: str, primitive: Primitive) -> tuple[str, tuple[str, ...], str]:
    return name, tuple(str(each.type) for each in primitive.parameters), primitive.dialect


def from_entry_point(value: str) -> tuple[Primitive, ...]:
    """The primitives of the installed package whose entry point names this module.

    Raises LookupError where no package does, and whatever importing the module raises.
    """
    for point in _entry_points():
        if point.value == value:
            return tuple(_from_package(point))
    raise LookupError(f"no installed package has the entry point `{value}`")


def _entry_points() -> Iterable[EntryPoint]:
    """The entry points of installed packages in the group.

    Most often there are none, which a look into the metadata of the packages tells. It is followed
    by ``importlib.metadata``, which takes ten times as long, only where they name the group.
    """
    finders = [each for each in sys.meta_path if hasattr(each, "find_distributions")]
    if finders == [PathFinder] and not any(map(_may_name_group, sys.path)):
        return ()
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _may_name_group(folder: str) -> bool:
    """Returns whether packages in a folder of ``sys.path`` may have entry points in the group."""
    if folder.endswith(".egg"):
        return True
    try:
        with os.scandir(folder or ".") as entries:
            names = [each.name for each in entries]
    except FileNotFoundError:
        return False
    except OSError:
        return True  # an archive, such as a zip file
    wanted = GROUP.encode()
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            with suppress(OSError):
                if wanted in Path(folder, name, "entry_points.txt").read_bytes():
                    return True
    return False


def _from_package(point: EntryPoint) -> list[Primitive]:
    module = point.load()
    if not isinstance(module, ModuleType):
        raise TypeError("the entry point must name a module")
    found = list(primitives_of(module))
    if not found:
        raise TypeError("it defines no primitive")
    path = getattr(module, "__file__", None)
    text = Path(path).read_text("utf-8") if path else ""
    modules = imported(text, module.__package__ or "")
    check_loaded({}, modules)
    if point.dist is not None:
        modules[f"distribution {point.dist.name}"] = point.dist.version
    place = Extension("", point.value, sha256(text.encode()).hexdigest())
    return [of_text(primitive, modules, place) for primitive in found]


def of_text(primitive: Primitive, modules: Mapping[str, str], source: Extension) -> Primitive:
    """The primitive with its source text in its meaning, unless it has a traced expression.


    modules  the modules that the text imports, directly or not, and the digest or version of each

    Authors forget to raise a version; a stored result would then belong to the previous text.
    """
    if primitive.body is not None:
        return replace(primitive, extension=source)
    primitive = replace(guarded(primitive), extension=source)
    others = [part for name in sorted(modules) for part in (name, modules[name])]
    meaning = meaning_of("text", source.digest) + meaning_of("imports", *others)
    # Third-party functions run with the program, so their exceptions fail single goals.
    return replace(primitive, meaning=primitive.meaning + meaning, folds=False)


def _told(error: BaseException, source: Source) -> Diagnostic:
    """The diagnostic with the location in the file that raised an exception."""
    if isinstance(error, SyntaxError):
        line, reason = error.lineno or 1, error.msg
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == source.name]
        line = (frames[-1].lineno or 1) if frames else 1
        reason = f"{error}" if isinstance(error, TypeError) else f"{type(error).__name__}: {error}"
    lines = source.text.splitlines(keepends=True) or [""]
    number = min(max(line, 1), len(lines)) - 1
    start = sum(map(len, lines[:number]))
    written = lines[number].rstrip()
    first = start + len(written) - len(written.lstrip())
    span = Span(source, first, max(first + 1, start + len(written)))
    hint = "`python -m pydoc voxgpu.primitives.define` says how a primitive is written"
    return Diagnostic("E111", f"these primitives cannot be used: {reason}", span, help=hint)
