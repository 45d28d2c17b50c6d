"""Functions over the items of lazy sequences, and the choice between two lazy values."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from voxgpu.language.ast import Fold, If
from voxgpu.python.lazy.operators import term_of
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Loop, Parameter
from voxgpu.python.lazy.value import LazyValue

_NUMBERS = count()

Function = Callable[[LazyValue], Any]


def map(function: Function, xs: object) -> LazyValue:
    """The sequence of what a function gives for each item, as ``for`` in ImgQL.

        vx.map(lambda part: vx.volume(part), vx.components(mask))

    The function is called once, with a lazy value that stands for every item. Raises TypeError if
    what it gives is no value.
    """
    return _loop(function, xs, filters=False)


def filter(function: Function, xs: object) -> LazyValue:
    """The items of a sequence for which a function gives a truth value that is true.

        vx.filter(lambda part: vx.volume(part) > 10, vx.components(mask))

    The function is called once, with a lazy value that stands for every item.
    """
    return _loop(function, xs, filters=True)


def fold(function: str | Callable[..., LazyValue], *values: object) -> LazyValue:
    """The items of a sequence, the last of ``values``, combined by a function from left to right.

        vx.fold("+", xs)
        vx.fold(vx.max, 0, xs)

    ``function`` is a function of voxgpu, or a name in ImgQL; a value before the sequence is the one
    to begin with. Raises TypeError for other functions: of Python's own, ``functools.reduce``
    combines a list of lazy values.
    """
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    if not isinstance(function, str) and getattr(function, "__module__", "") != "voxgpu":
        raise TypeError(
            "fold takes a function of voxgpu or a name such as '+'; functools.reduce combines a "
            "list of lazy values by any function"
        )
    if len(values) not in (1, 2):
        raise TypeError(f"fold takes a function, maybe a first value, and a sequence: {values!r}")
    span = here()
    *start, sequence = [term_of(each, span) for each in values]
    first: Any = start[0] if start else None
    return LazyValue(Fold(name, first, sequence, span, span))  # type: ignore[arg-type]


def if_then_else(condition: object, yes: object, no: object) -> LazyValue:
    """The first value if a truth value is true, else the second; only one is computed.

    For a choice at each voxel, see ``overlayB`` and ``mask``.
    """
    span = here()
    a, b, c = [term_of(each, span) for each in (condition, yes, no)]
    return LazyValue(If(a, b, c, span))  # type: ignore[arg-type]


def _loop(function: Function, xs: object, filters: bool) -> LazyValue:
    if not callable(function):
        raise TypeError(f"a function of one item is needed, not {function!r}")
    span = here()
    item = Parameter(next(_NUMBERS), span)
    body = term_of(function(LazyValue(item)), span)
    return LazyValue(Loop(filters, item, term_of(xs, span), body, span))
