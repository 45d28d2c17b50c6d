"""Find primitives by family and name, so that a plan can be sent to another process.

A pickled primitive is where it is defined and a digest of its meaning. Unpickling looks it up: in
voxgpu's own families, in SimpleITK, or in the file or installed package of the user, which is
imported there. What is found has the same meaning, or unpickling fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from pickle import PicklingError, UnpicklingError

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.primitives.catalogue import FAMILIES, primitives_of
from voxgpu.primitives.extension import BrokenExtension, from_entry_point, from_file
from voxgpu.primitives.primitive import Extension, Primitive
from voxgpu.primitives.simpleitk import SimpleITKNamespace

#: Families that no program names: their modules hold primitives, and definitions of such.
_INTERNAL = ("internal", "source", "sequence")

#: Family, name, SHA-256 of the meaning, extension.
Location = tuple[str, str, bytes, Extension | None]

_simpleitk = SimpleITKNamespace()


def location_of(primitive: Primitive) -> Location:
    """What ``locate`` needs to find a primitive.

    Raises PicklingError where another process could not find it: it is in no family.
    """
    extension = primitive.extension
    meaning = sha256(primitive.meaning).digest()
    if extension is not None and not extension.file and not extension.entry:
        raise PicklingError(
            f"the primitive `{primitive.name}` is defined in this process alone: put it into a "
            "file of primitives"
        )
    if extension is None:
        found = _own(primitive.family, primitive.name)
        if found is None or found.meaning != primitive.meaning:
            raise PicklingError(
                f"the primitive `{primitive.name}` is in no family of voxgpu, no file of "
                "primitives and no package, where another process could find it"
            )
    return primitive.family, primitive.name, meaning, extension


def locate(family: str, name: str, meaning: bytes, extension: Extension | None) -> Primitive:
    """The primitive of this name, in this process.

    meaning    SHA-256 of what the sender's computes
    extension  the user's file or package that brings it; None for voxgpu's own

    Raises ImgqlError where a file or package of the user is not here, or is not the sender's;
    UnpicklingError where voxgpu or SimpleITK are of another version.
    """
    if extension is not None:
        return _of_user(name, meaning, extension)
    found = _own(family, name)
    if found is None or sha256(found.meaning).digest() != meaning:
        raise UnpicklingError(
            f"the sender's primitive `{name}` is not in this process: voxgpu or SimpleITK are of "
            "another version here"
        )
    return found


def _own(family: str, name: str) -> Primitive | None:
    if family == "simpleitk":
        function = name.removeprefix("simpleitk.").partition("(")[0]
        overloads = _simpleitk.get(function, ())
        return next((each for each in overloads if each.name == name), None)
    if family not in FAMILIES and family not in _INTERNAL:
        return None
    return _of_family(family).get(name)


@cache
def _of_family(family: str) -> Mapping[str, Primitive]:
    module = import_module(f"voxgpu.primitives.{family}")
    single = [each for each in vars(module).values() if isinstance(each, Primitive)]
    found = [*primitives_of(module), *(each for each in single if each.family == family)]
    return {each.name: each for each in found}


def _of_user(name: str, meaning: bytes, extension: Extension) -> Primitive:
    found = _of_extension(extension).get(name)
    if found is None or sha256(found.meaning).digest() != meaning:
        what = extension.file or extension.entry
        message = f"what the primitives in `{what}` import differs from what the sender imports"
        raise _unusable(message, "install the same versions where the program is sent to")
    return found


@lru_cache(maxsize=64)
def _of_extension(extension: Extension) -> Mapping[str, Primitive]:
    """The primitives of a file or package with the sender's text, once in a process."""
    try:
        if extension.file:
            found = from_file(Path(extension.file))
        else:
            found = from_entry_point(extension.entry)
    except BrokenExtension as broken:
        raise ImgqlError([broken.diagnostic]) from broken
    except LookupError as error:
        raise _unusable(str(error), "install the package where the program is sent to") from error
    for each in found:
        if each.extension is None or each.extension.digest != extension.digest:
            what = extension.file or extension.entry
            message = f"the primitives in `{what}` differ from the sender's: the file has changed"
            raise _unusable(message, "send the program again, with the file as it is now")
    return {each.name: each for each in found}


def _unusable(message: str, help: str) -> ImgqlError:
    return ImgqlError([Diagnostic("E111", message, help=help)])
