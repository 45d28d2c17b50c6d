"""The operators of lazy values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from voxgpu.diagnostics import Span
from voxgpu.language.ast import Index, Slice
from voxgpu.python.lazy.convert import Unconvertible, call, literal, sequence
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Term

if TYPE_CHECKING:
    from voxgpu.python.lazy.value import LazyValue


class Operators:
    """Python's operators, which combine lazy values and others to lazy values."""

    __slots__ = ()

    _term: Term

    def _of(self, term: Term) -> LazyValue:
        """The lazy value of a term."""
        raise NotImplementedError

    def __getitem__(self, index: object) -> LazyValue:
        """An item of a sequence, or with ``xs[i:j]`` a part of it, as in ImgQL."""
        span = here()
        if isinstance(index, slice):
            if index.step is not None:
                raise TypeError("a part of a sequence has no step: vx.gather(xs, numbers)")
            start, stop = (
                None if each is None else term_of(each, span) for each in (index.start, index.stop)
            )
            return self._of(Slice(self._term, start, stop, span))  # type: ignore[arg-type]
        return self._of(Index(self._term, term_of(index, span), span))  # type: ignore[arg-type]

    def __invert__(self) -> LazyValue:
        return self._prefixed("!")

    def __neg__(self) -> LazyValue:
        return self._prefixed("-")

    def __pos__(self) -> LazyValue:
        return self._of(self._term)

    def __abs__(self) -> LazyValue:
        return self._prefixed("abs")

    def __round__(self, digits: None = None) -> LazyValue:
        if digits is not None:
            raise TypeError("lazy values are rounded to whole numbers")
        return self._prefixed("round")

    def __floor__(self) -> LazyValue:
        return self._prefixed("floor")

    def __ceil__(self) -> LazyValue:
        return self._prefixed("ceil")

    def __and__(self, other: object) -> LazyValue:
        return self._infix("&", self, other)

    def __rand__(self, other: object) -> LazyValue:
        return self._infix("&", other, self)

    def __or__(self, other: object) -> LazyValue:
        return self._infix("|", self, other)

    def __ror__(self, other: object) -> LazyValue:
        return self._infix("|", other, self)

    def __xor__(self, other: object) -> LazyValue:
        return self._infix("xor", self, other)

    def __rxor__(self, other: object) -> LazyValue:
        return self._infix("xor", other, self)

    def __add__(self, other: object) -> LazyValue:
        return self._infix("+", self, other)

    def __radd__(self, other: object) -> LazyValue:
        return self._infix("+", other, self)

    def __sub__(self, other: object) -> LazyValue:
        return self._infix("-", self, other)

    def __rsub__(self, other: object) -> LazyValue:
        return self._infix("-", other, self)

    def __mul__(self, other: object) -> LazyValue:
        return self._infix("*", self, other)

    def __rmul__(self, other: object) -> LazyValue:
        return self._infix("*", other, self)

    def __truediv__(self, other: object) -> LazyValue:
        return self._infix("/", self, other)

    def __rtruediv__(self, other: object) -> LazyValue:
        return self._infix("/", other, self)

    def __pow__(self, other: object) -> LazyValue:
        return self._infix("^", self, other)

    def __rpow__(self, other: object) -> LazyValue:
        return self._infix("^", other, self)

    def __lt__(self, other: object) -> LazyValue:
        return self._infix("<", self, other)

    def __le__(self, other: object) -> LazyValue:
        return self._infix("<=", self, other)

    def __gt__(self, other: object) -> LazyValue:
        return self._infix(">", self, other)

    def __ge__(self, other: object) -> LazyValue:
        return self._infix(">=", self, other)

    def __eq__(self, other: object) -> LazyValue:  # type: ignore[override]
        return self._infix("==", self, other)

    def __ne__(self, other: object) -> LazyValue:  # type: ignore[override]
        return self._infix("!=", self, other)

    def _prefixed(self, name: str) -> LazyValue:
        return self._of(call(name, [self._term], here()))

    def _infix(self, name: str, left: object, right: object) -> LazyValue:
        span = here()
        try:
            terms = [term_of(left, span), term_of(right, span)]
        except Unconvertible:
            if any(hasattr(each, "shape") for each in (left, right)):
                raise  # an array, for which there is advice
            return NotImplemented  # type: ignore[no-any-return]
        return self._of(call(name, terms, span))


def term_of(value: object, span: Span) -> Term:
    """The term of a value, lazy or not. Raises Unconvertible, a TypeError, for other objects."""
    if isinstance(value, Operators):
        return value._term
    if isinstance(value, list | tuple | range):
        return sequence([term_of(each, span) for each in value], span)
    if isinstance(value, Mapping | set | frozenset):
        raise Unconvertible(f"a {type(value).__name__} is no sequence: give a list")
    if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
        return sequence([term_of(each, span) for each in value.tolist()], span)
    return literal(value, span)
