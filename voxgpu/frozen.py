"""Frozen dataclasses whose definition takes little time.

``dataclasses`` compiles the text of six methods for each class, half a millisecond: with 140
classes a quarter of the time of a program that prints a number. Here ``__init__`` is compiled when
the first object is made, and the other methods are closures. All else is that of dataclasses:
``replace``, ``fields`` and ``asdict`` work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

Class = TypeVar("Class", bound=type[Any])


@overload
def frozen(cls: Class, /) -> Class: ...
@overload
def frozen(
    *, slots: bool = False, eq: bool = True, repr: bool = True
) -> Callable[[Class], Class]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(
    cls: Class | None = None, /, *, slots: bool = False, eq: bool = True, repr: bool = True
) -> Any:
    """Makes a class a frozen dataclass; the options are those of ``dataclasses.dataclass``."""

    def define(plain: Any) -> Any:
        made: Any = dataclass(plain, init=False, repr=False, eq=False, slots=slots)
        own = made.__dict__
        own_fields = fields(made)
        made.__init__ = _initializer(made)
        made.__signature__ = _Signature()
        made.__setattr__ = _refuse_assignment
        made.__delattr__ = _refuse_deletion
        if slots:
            if "__getstate__" not in own:
                made.__getstate__ = _state
            if "__setstate__" not in own:
                made.__setstate__ = _set_state
        if repr and "__repr__" not in own:
            made.__repr__ = _representation
        if eq:
            compared = [each for each in own_fields if each.compare]
            values = _values_of(each.name for each in compared)
            if "__eq__" not in own:
                made.__eq__ = _equality(values)
            if own.get("__hash__") is None:
                made.__hash__ = _hash(values)
        return made

    return define if cls is None else define(cls)


def _values_of(names: Any) -> Callable[[Any], Any]:
    """Returns a function that returns a tuple of the values of these fields of an object."""
    listed = tuple(names)
    if len(listed) > 1:
        return attrgetter(*listed)
    # As tuples too, since tuples of one NaN are equal to themselves.
    return lambda instance: tuple(getattr(instance, name) for name in listed)


def _equality(values: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def equals(self: Any, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or values(self) == values(other)

    return equals


def _hash(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    def hashed(self: Any) -> int:
        return hash(values(self))

    return hashed


def _representation(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_assignment(self: Any, name: str, value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


class _Signature:
    """The signature of a class, for ``inspect`` and ``help``, made when it is asked for."""

    def __get__(self, _: Any, owner: Any) -> Any:
        from inspect import Signature, signature

        whole = signature(_compiled(owner))
        return Signature(list(whole.parameters.values())[1:], return_annotation=None)


def _initializer(cls: Any) -> Callable[..., None]:
    """Returns an ``__init__`` that replaces itself by a compiled one when it is called first."""

    def initialize(self: Any, *arguments: Any, **named: Any) -> None:
        compiled = cls.__init__ = _compiled(cls)
        compiled(self, *arguments, **named)

    return initialize


def _compiled(cls: Any) -> Callable[..., None]:
    """Returns the ``__init__`` of a class, compiled from its text."""
    namespace: dict[str, Any] = {"assign": object.__setattr__, "MISSING": MISSING}
    parameters = ["self"]
    body = []
    for each in fields(cls):
        name = each.name
        value = _parameter(each, parameters, namespace)
        if name in getattr(cls, "__slots__", ()):
            # The descriptor of a slot is faster than a look-up by name.
            namespace[f"assign_{name}"] = getattr(cls, name).__set__
            body.append(f"    assign_{name}(self, {value})")
        else:
            body.append(f"    assign(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("    self.__post_init__()")
    text = "\n".join([f"def __init__({', '.join(parameters)}):", *(body or ["    pass"])])
    exec(text, namespace)
    made: Callable[..., None] = namespace["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _parameter(each: Field[Any], parameters: list[str], namespace: dict[str, Any]) -> str:
    """Adds the parameter of a field; returns the text of the value that the field receives."""
    name = each.name
    if each.default is not MISSING:
        namespace[f"default_{name}"] = each.default
        parameters.append(f"{name}=default_{name}")
    elif each.default_factory is not MISSING:
        namespace[f"make_{name}"] = each.default_factory
        parameters.append(f"{name}=MISSING")
        return f"make_{name}() if {name} is MISSING else {name}"
    else:
        parameters.append(name)
    return name
