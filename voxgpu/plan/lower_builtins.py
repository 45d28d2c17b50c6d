"""Lowering of the built-in operations on sequences, strings and files.

Each operation is a method named as in ``language/builtins.py``; its arguments are already
evaluated.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from voxgpu.diagnostics import Diagnostic, at_trace
from voxgpu.ids import ValueId
from voxgpu.language.resolve import Refusal
from voxgpu.plan.apply_primitive import PrimitiveApplier
from voxgpu.plan.graph import Graph, Trace
from voxgpu.plan.lowered import (
    EvaluateNodes,
    GetItem,
    LazySequence,
    Lowered,
    SideEffect,
    Work,
    done,
)
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.sequence import CONCAT, FORMAT
from voxgpu.types import NUMBER_IMAGE, TEXT, ImageOf, Type

#: Maximum length of a range; longer ones are taken for a mistake.
_MAX_LENGTH = 10_000_000


class Files(Protocol):
    """File access during lowering; the methods raise ``Refusal``."""

    def describe(self, path: str) -> tuple[Type, Any]:
        """Returns the type of the image in a file, and its header."""

    def listing(self, folder: str, pattern: str, recursive: bool, whole: bool) -> list[str]:
        """Returns the matching names in a folder."""


class Operations:
    """Performs operations; ``write`` receives the files that ``WriteImage`` requests."""

    def __init__(
        self,
        graph: Graph,
        applier: PrimitiveApplier,
        files: Files,
        load: Callable[[Any, ImageOf, Trace], ValueId],
        write: Callable[[ValueId, str, Trace], None],
        report: Callable[[Diagnostic], None],
    ) -> None:
        self._graph = graph
        self._applier = applier
        self._files = files
        self._load = load
        self._write = write
        self._report = report

    def perform(self, operation: str, arguments: Sequence[Any], trace: Trace) -> Work:
        """Returns the value of an operation; None after an error that has been reported."""
        work: Work = getattr(self, f"_{operation}")(list(arguments), trace)
        return (yield from work)

    def _values_of(self, ids: Iterable[ValueId]) -> Work:
        """Returns the values of scalars, running part of the plan if needed."""
        every = tuple(ids)
        unknown = tuple(id for id in every if self._graph.known_value(id) is None)
        if unknown:
            yield EvaluateNodes(unknown)
        return [self._graph.known_value(id) for id in every]

    def _refuse(self, message: str, trace: Trace, help: str = "") -> None:
        self._report(at_trace("E107", message, trace, help=help))

    # Sequences.

    def _range(self, bounds: list[ValueId], trace: Trace) -> Work:
        numbers = yield from self._values_of(bounds)
        start, stop, step = [0.0, *numbers, 1.0] if len(numbers) == 1 else [*numbers, 1.0][:3]
        count = _steps(start, stop, step)
        if count is None:
            shown = ", ".join(f"{each:g}" for each in numbers)
            return self._refuse(f"range({shown}) does not end", trace)
        if count > _MAX_LENGTH:
            return self._refuse(f"a range of {count:g} numbers is too long", trace)

        # Float64 represents all indices exactly, as whole numbers.
        numbers = array("d", (np.arange(count) * step + start).tobytes())

        def make(index: int) -> Work:
            return done(self._graph.as_scalar(numbers[index], trace))

        return LazySequence(count, make, numbers=numbers)

    def _paired(self, arguments: list[LazySequence], trace: Trace) -> Work:
        """Returns the common indices of sequences that are combined item by item."""
        left, right = (each.length for each in arguments)
        if left != right:
            message = f"items go in pairs, and the sequences have {left} and {right}"
            return self._refuse(message, trace)
        return (yield from self._range([self._graph.constant(float(left), trace)], trace))

    def _length(self, arguments: list[LazySequence], trace: Trace) -> Work:
        return self._graph.as_scalar(float(arguments[0].length), trace)
        yield

    def _index(self, arguments: list[Any], trace: Trace) -> Work:
        sequence, position = arguments
        (number,) = yield from self._values_of([position])
        length = sequence.length
        if not float(number).is_integer():
            return self._refuse(f"an index is a whole number, got {number:g}", trace)
        if not -length <= number < length:
            bounds = f"from 0 to {length - 1}, or from -{length} to -1 counted from the end"
            hint = f"indices go {bounds}" if length else "it has no items"
            message = f"the index {number:g} is out of range: the sequence has length {length}"
            return self._refuse(message, trace, hint)
        return (yield GetItem(sequence, int(number) % length))

    def _slice(self, arguments: list[Any], trace: Trace) -> Work:
        bounds = yield from self._values_of(arguments[1:])
        return self._part(arguments[0], bounds[0], bounds[1], trace)

    def _slice_from(self, arguments: list[Any], trace: Trace) -> Work:
        (start,) = yield from self._values_of(arguments[1:])
        return self._part(arguments[0], start, math.inf, trace)

    def _slice_to(self, arguments: list[Any], trace: Trace) -> Work:
        (stop,) = yield from self._values_of(arguments[1:])
        return self._part(arguments[0], 0.0, stop, trace)

    def _slice_all(self, arguments: list[Any], trace: Trace) -> Work:
        return self._part(arguments[0], 0.0, math.inf, trace)
        yield

    def _part(self, whole: LazySequence, start: float, stop: float, trace: Trace) -> Lowered:
        """Returns the items from ``start`` up to ``stop``, clamped to the length as in Python."""
        for bound in (start, stop):
            if not (math.isinf(bound) or float(bound).is_integer()):
                self._refuse(f"a bound is a whole number, got {bound:g}", trace)
                return None
        length = whole.length
        first, last = (int(max(0, min(length, b + length if b < 0 else b))) for b in (start, stop))
        return _picked(whole, range(first, max(first, last)))

    def _gather(self, arguments: list[Any], trace: Trace) -> Work:
        whole, places = arguments
        ids = []
        for index in range(places.length):
            position = yield GetItem(places, index)
            if type(position) is not float:
                position = yield from self._applier.pack_sequence(position, trace)
            if position is None:
                return None
            ids.append(position)
        items = []
        for id in ids:
            item = yield from self._index([whole, id], trace)
            if item is None:
                return None
            items.append(item)
        return sequence_of(items)

    def _concat(self, arguments: list[Any], trace: Trace) -> Work:
        if not isinstance(arguments[0], LazySequence):
            return self._text(CONCAT, arguments, trace)
        places = [(part, index) for part in arguments for index in range(part.length)]

        def make(number: int) -> Work:
            return (yield GetItem(*places[number]))

        return LazySequence(len(places), make)
        yield

    def _format_string(self, arguments: list[Any], trace: Trace) -> Work:
        return self._text(FORMAT, arguments, trace)
        yield

    def _text(self, primitive: Primitive, arguments: list[Any], trace: Trace) -> Lowered:
        found = self._applier.folded(primitive, arguments, trace)
        if found is not None:
            return found
        inputs = tuple(self._graph.node_of(each, trace) for each in arguments)
        return self._graph.make(primitive, inputs, (), TEXT, trace)

    # Files.

    def _dir(self, arguments: list[ValueId], trace: Trace) -> Work:
        known = yield from self._values_of(arguments)
        folder, pattern, recursive, whole = known + ["", "*", False, False][len(known) :]
        try:
            names = self._files.listing(folder, pattern, recursive, whole)
        except Refusal as refusal:
            return self._report_refusal(refusal, trace)
        return LazySequence(len(names), lambda i: done(self._graph.constant(names[i], trace)))

    def _read(self, arguments: list[ValueId], trace: Trace) -> Work:
        (path,) = yield from self._values_of(arguments)
        try:
            kind, header = self._files.describe(path)
        except Refusal as refusal:
            return self._report_refusal(refusal, trace)
        if not isinstance(kind, ImageOf):
            message = f"`{path}` holds {header.volumes} volumes, and one image is needed"
            hint = 'write its path where it is read, or: load vs = "path", and take vs[0]'
            self._report(at_trace("E102", message, trace, help=hint))
            return None
        for warning in header.warnings:
            self._report(at_trace("W204", warning, trace))
        if kind.content is not NUMBER_IMAGE.content:
            message = f"`{path}` is an {kind}, and an {NUMBER_IMAGE} is needed"
            hint = 'write its path where it is read, or: load v = "path"'
            self._report(at_trace("E102", message, trace, help=hint))
            return None
        return self._load(header, kind, trace)

    def _write_image(self, arguments: list[Any], trace: Trace) -> Work:
        yield SideEffect()
        (path,) = yield from self._values_of(arguments[1:2])
        image = self._applier.materialize(arguments[0], trace)
        if image is None:
            return None
        self._write(image, path, trace)
        return self._graph.constant(path, trace)

    def _report_refusal(self, refusal: Refusal, trace: Trace) -> None:
        self._report(at_trace(refusal.code, refusal.reason, trace, help=refusal.help))


def sequence_of(items: Sequence[Lowered]) -> LazySequence:
    """Returns a sequence of values that are already available."""
    cache = dict(enumerate(items))
    return LazySequence(len(items), lambda index: done(items[index]), cache=cache)


def _picked(whole: LazySequence, places: range) -> LazySequence:
    def make(number: int) -> Work:
        return (yield GetItem(whole, places[number]))

    numbers = None if whole.numbers is None else whole.numbers[places.start : places.stop]
    return LazySequence(len(places), make, numbers=numbers)


def _steps(start: float, stop: float, step: float) -> int | None:
    """Returns the length of a range; None if it is infinite."""
    if not (math.isfinite(start) and math.isfinite(step) and step) or math.isnan(stop):
        return None
    if math.isinf(stop):
        return None if (stop > 0) == (step > 0) else 0
    return max(0, math.ceil((stop - start) / step))
