"""Signatures of SimpleITK's functions, parsed from their docstrings.

SimpleITK's functions are generated from C++, and the first lines of their docstrings are C++
declarations, one for each overload; a few are written in Python, with annotations.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from voxgpu.frozen import frozen

#: C++ integer types and the ranges they represent.
INTEGERS = {
    "uint8_t": (0, 2**8 - 1),
    "uint32_t": (0, 2**32 - 1),
    "unsigned int": (0, 2**32 - 1),
    "uint64_t": (0, 2**53),
    "int": (-(2**31), 2**31 - 1),
    "int32_t": (-(2**31), 2**31 - 1),
    "int64_t": (-(2**53), 2**53),
}
#: Vectors and the C++ type of their items.
VECTORS = {
    "VectorUInt8": "uint8_t",
    "VectorUInt32": "uint32_t",
    "VectorInt32": "int",
    "VectorInt64": "int64_t",
    "VectorDouble": "double",
    "VectorFloat": "double",
    "VectorBool": "bool",
}
#: The seed of noise if a program gives none: SimpleITK would use the clock, and no two runs of a
#: program would give the same result.
SEED = 1

_PYTHON = {
    float: "double",
    int: "int",
    bool: "bool",
    str: "std::string",
    list[float]: "VectorDouble",
    list[int]: "VectorUInt32",
}
_RESULTS = {
    "Image": "image",
    "double": "number",
    "float": "number",
    "int": "number",
    "unsigned int": "number",
    "uint64_t": "number",
    "itk::simple::PixelIDValueType": "number",
    "bool": "boolean",
    "std::string": "text",
    "VectorDouble": "numbers",
    "VectorString": "texts",
}


@frozen
class Argument:
    """A parameter of a function.

    kind     ``image``, ``images``, ``number``, ``boolean``, ``text``, ``numbers``, ``lists``, or
             ``pairs``: a map, as a sequence of keys and values
    cpp      the C++ type, of one item for sequences
    default  the notation of the default value; None: the argument is required
    """

    name: str
    kind: str
    cpp: str
    default: str | None = None


@frozen
class Signature:
    """One overload: its parameters and the kind of its result, which may also be ``texts``."""

    name: str
    arguments: tuple[Argument, ...]
    result: str

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers."""
        return any((each.name, each.kind) == ("seed", "number") for each in self.arguments)

    def __str__(self) -> str:
        inside = ", ".join(f"{each.cpp} {each.name}" for each in self.arguments)
        return f"{self.name}({inside}) -> {self.result}"


class Unusable(Exception):
    """A function with parameters or results that the language lacks; the text names them."""


def signatures(name: str, function: Callable[..., Any]) -> list[Signature]:
    """The overloads that the language can call. Raises Unusable if there are none."""
    found: list[Signature] = []
    reasons: list[str] = []
    for declaration in _declarations(name, function):
        try:
            found.append(_signature(name, *declaration))
        except Unusable as unusable:
            reasons.append(str(unusable))
    if not found:
        raise Unusable(reasons[0] if reasons else "nothing says which arguments it takes")
    return list(dict.fromkeys(found))


def description(name: str, function: Callable[..., Any], of_filter: str | None = None) -> str:
    """The docstring without declarations, or else ``of_filter``, that of its class."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    kept = [line for line in lines if not re.match(rf"\s*{name}\s*\(", line)]
    own = _explanation("\n".join(kept))
    return own or _explanation(inspect.cleandoc(of_filter or "")) or f"{name}, as SimpleITK has it."


def _explanation(text: str) -> str:
    """A docstring without references to C++ and alternative interfaces."""
    text = re.sub(
        r"^ *(See:\n|Also See\n|C\+\+ includes:).*", "", text, flags=re.DOTALL | re.MULTILINE
    )
    paragraphs = re.split(r"\n\s*\n", text)
    told = [each for each in paragraphs if "calls the execute method" not in " ".join(each.split())]
    plain = [inspect.cleandoc(each).strip() for each in told if each.strip()]
    # Lists of functions only show the first paragraph, in one line.
    return "\n\n".join([" ".join(each.split()) for each in plain[:1]] + plain[1:])


def _declarations(name: str, function: Callable[..., Any]) -> Iterator[tuple[list[str], str]]:
    """The parameters in C++ notation, and the type of the result."""
    pattern = re.compile(rf"\s*{name}\s*\((?P<inside>.*)\)\s*->\s*(?P<result>.+?)\s*$")
    for line in (function.__doc__ or "").splitlines():
        match = pattern.match(line)
        if match:
            yield list(_split(match["inside"])), match["result"]
    if "->" not in (function.__doc__ or ""):
        yield from _annotated(function)


def _annotated(function: Callable[..., Any]) -> Iterator[tuple[list[str], str]]:
    import typing

    hints = typing.get_type_hints(function)
    result = hints.get("return")
    declared = []
    for parameter in inspect.signature(function).parameters.values():
        cpp = _cpp(hints.get(parameter.name))
        default = "" if parameter.default is parameter.empty else f"={parameter.default}"
        declared.append(f"{cpp} {parameter.name}{default}")
    is_tuple = getattr(result, "__origin__", None) is tuple
    yield declared, "VectorDouble" if is_tuple else _cpp(result)


def _cpp(hint: Any) -> str:
    """The C++ type that corresponds to an annotation."""
    if getattr(hint, "__name__", "") == "Image":
        return "Image"
    origin = getattr(hint, "__origin__", None)
    if origin is list:
        return _PYTHON.get(list[hint.__args__[0]], "object")
    if origin is not None:
        # Of alternatives such as `Union[int, List[int]]`, the list is more general.
        each = [_cpp(every) for every in getattr(hint, "__args__", ())]
        return next((c for c in each if c in VECTORS), next(iter(each), "object"))
    return _PYTHON.get(hint, "object")


def _split(inside: str) -> Iterator[str]:
    """The parts between commas outside brackets."""
    depth, start = 0, 0
    for place, char in enumerate(inside):
        if char in "(<[{":
            depth += 1
        elif char in ")>]}":
            depth -= 1
        elif char == "," and not depth:
            yield inside[start:place].strip()
            start = place + 1
    if inside[start:].strip():
        yield inside[start:].strip()


def _signature(name: str, declared: list[str], result: str) -> Signature:
    arguments: list[Argument] = []
    for text in declared:
        declaration, equal, default = (part.strip() for part in text.partition("="))
        cpp, _, parameter = declaration.rpartition(" ")
        try:
            kind, item = _kind(cpp.strip())
        except Unusable:
            if equal:
                # This parameter has a default, and so have all that follow: those stay.
                break
            raise
        arguments.append(Argument(parameter, kind, item, _default(default) if equal else None))
    plain = result.removesuffix("&").removesuffix("const ").removesuffix("const").strip()
    plain = plain.removesuffix(" const").strip()
    if plain not in _RESULTS:
        raise Unusable(f"it gives a {plain}")
    return Signature(name, tuple(arguments), _RESULTS[plain])


def _default(cpp: str) -> str:
    """A default value in the language's notation, if possible."""
    if "sitkWallClock" in cpp:
        return str(SEED)
    vector = re.fullmatch(r"std::(?:vector|map)<.*>\((?:(\d+), ?(\w[\w.]*?)u?)?\)", cpp)
    if vector:
        return f"[{', '.join([vector[2]] * int(vector[1] or 0))}]"
    return cpp.removeprefix("std::string(").removesuffix(")") if "std::string" in cpp else cpp


def _kind(cpp: str) -> tuple[str, str]:
    plain = cpp.removesuffix("&").strip().removesuffix("const").strip()
    if plain in ("Image", "VectorOfImage"):
        return ("image" if plain == "Image" else "images"), plain
    if plain in ("double", "float") or plain in INTEGERS:
        return "number", plain
    if plain == "bool":
        return "boolean", plain
    if plain == "std::string":
        return "text", plain
    if plain in VECTORS:
        return "numbers", VECTORS[plain]
    if plain == "VectorUIntList":
        return "lists", "uint32_t"
    if plain == "DoubleDoubleMap":
        return "pairs", "double"
    if plain == "itk::simple::PathType":
        raise Unusable("it reads or writes a file; only ReadImage and WriteImage may")
    if plain.startswith("itk::simple::"):
        return "number", "int"
    raise Unusable(f"it takes a {plain}" if plain != "object" else "it takes an object of Python")
