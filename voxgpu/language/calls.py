"""Resolution of calls to a function, a primitive overload or a built-in operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from voxgpu.diagnostics import Diagnostics, Span
from voxgpu.language.ambiguity import ambiguity
from voxgpu.language.argument_order import in_order
from voxgpu.language.ast import Chain, Name
from voxgpu.language.block_builder import BlockBuilder, Specialization, Work
from voxgpu.language.builtins import HIGHER_ORDER, OPERATIONS, Mistyped, item_of
from voxgpu.language.call_errors import Callee, CallErrors
from voxgpu.language.ir import (
    Apply,
    Block,
    Broken,
    Constant,
    FoldLeft,
    ForEach,
    FunctionValue,
    Invoke,
    Operate,
    Select,
    Step,
)
from voxgpu.language.names import Names
from voxgpu.language.overloads import (
    PrimitiveLike,
    arities,
    as_regions,
    fitting,
)
from voxgpu.language.scope import Binding, FunctionBinding, Globals, ValueBinding
from voxgpu.types import (
    BOOLEAN,
    NUMBER,
    NUMBER_IMAGE,
    UNKNOWN,
    Function,
    SequenceOf,
    Type,
    Unknown,
    common,
    may_be_used_as,
)

#: Operators that apply item by item to sequences, as in VoxLogicA 2.
_ITEM_BY_ITEM = ("+", "-", "*", "/")

#: Returns the step of an image file whose path is a constant.
ReadFile = Callable[[str, Span, tuple[Span, ...]], Step]


class Calls:
    """Builds the steps of calls and reports all errors in them."""

    def __init__(
        self, names: Names, outside: Globals, diagnostics: Diagnostics, read_file: ReadFile
    ) -> None:
        self._names = names
        self.errors = CallErrors(names, outside, diagnostics)
        self._read_file = read_file
        self._overload_cache: dict[tuple[str, tuple[Type, ...]], list[PrimitiveLike]] = {}

    def call(self, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder) -> int | Work:
        """Returns the step with the value of a call, or the coroutine that computes it."""
        binding = body.find(callee.name)
        if isinstance(binding, ValueBinding) and isinstance(binding.type, Function):
            return self._call_value(binding.type, callee, arguments, body)
        return self._resolve_call(binding, callee, arguments, body)

    def value(self, name: Name, body: BlockBuilder) -> int:
        """Returns the step of a name that is not called."""
        binding = body.find(name.name)
        if isinstance(binding, ValueBinding):
            return binding.step
        if binding is not None:
            return body.add(FunctionValue(Function(name.name, binding), name.span))
        overloads = self._names.overloads(name.name)
        constants = fitting(overloads, ())
        if constants:
            return body.add(Apply(constants[0], (), constants[0].result, name.span))
        operation = self._names.qualified(name.name, OPERATIONS)
        if overloads or operation in OPERATIONS or name.name in HIGHER_ORDER:
            return body.add(FunctionValue(Function(name.name, operation), name.span))
        return self.errors.unknown(name.name, name.span, body)

    def _call_value(
        self, kind: Function, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder
    ) -> int | Work:
        """Calls a function passed as a value."""
        named = callee._replace(name=kind.name)
        if isinstance(kind.target, FunctionBinding):
            return self._resolve_call(kind.target, named, arguments, body)
        return self._resolve_call(None, named._replace(name=kind.target), arguments, body)

    def _resolve_call(
        self,
        binding: Binding | None,
        callee: Callee,
        arguments: tuple[int, ...],
        body: BlockBuilder,
    ) -> int | Work:
        if isinstance(binding, FunctionBinding) and binding.arity == len(arguments):
            return self._invoke(binding, callee, arguments, body)
        if isinstance(binding, ValueBinding) and isinstance(binding.type, Unknown):
            return body.add(Broken(UNKNOWN, callee.whole))
        overloads = self._names.overloads(callee.name)
        if binding is None:
            operation = self._names.qualified(callee.name, OPERATIONS)
            if operation in OPERATIONS:
                return self._operate(operation, callee, arguments, body)
            if callee.name in HIGHER_ORDER and len(arguments) in HIGHER_ORDER[callee.name]:
                return self._higher_order(callee, arguments, body)
            if callee.name in HIGHER_ORDER:
                return self.errors.wrong_number(
                    callee, len(arguments), binding, list(HIGHER_ORDER[callee.name]), body
                )
            if not overloads:
                return self.errors.unknown(callee.name, callee.span, body)
        # Rebinding an operator sign for one arity (prefix or infix) keeps its other arity;
        # rebinding an identifier hides all overloads.
        hides = binding is not None and callee.name[0].isalpha()
        takes = arities(overloads)
        if isinstance(binding, ValueBinding) or hides or len(arguments) not in takes:
            return self.errors.wrong_number(callee, len(arguments), binding, takes, body)
        return self._apply(overloads, callee, arguments, body)

    def _invoke(
        self,
        binding: FunctionBinding,
        callee: Callee,
        arguments: tuple[int, ...],
        body: BlockBuilder,
    ) -> Work:
        types = tuple([body.steps[step].type for step in arguments])
        if binding.let.span.source.ours:
            arguments, types = in_order(binding.let.name, arguments, types)
        block = yield Specialization(binding, types, (callee.whole, *body.trace))
        return body.add(Invoke(block, arguments, block.type, callee.whole))

    def _apply(
        self,
        overloads: tuple[PrimitiveLike, ...],
        callee: Callee,
        arguments: tuple[int, ...],
        body: BlockBuilder,
    ) -> int:
        hidden = self._names.hidden(callee.name)
        if hidden:
            message = f"`{callee.name}` is voxgpu's own here, not `{hidden}`"
            self.errors.report("W102", message, callee.span, body, help=f"or write `{hidden}`")
        steps = body.steps
        types = tuple([steps[step].type for step in arguments])
        fits = self._overload_cache.get((callee.name, types))
        if fits is None:
            fits = fitting(overloads, types)
            self._overload_cache[callee.name, types] = fits
        if not fits and fitting(overloads, as_regions(types)):
            regions = self._regions(overloads, arguments, callee, body)
            return self._apply(overloads, callee, regions, body)
        if not fits and callee.name in _ITEM_BY_ITEM and self._fit_items(overloads, types):
            return self._item_by_item(overloads, callee, arguments, body)
        if not fits and callee.name == "mean" and types == (SequenceOf(NUMBER_IMAGE),):
            return self._mean_of_images(callee, arguments[0], body)
        if not fits:
            self.errors.wrong_types(overloads, callee, types, body)
            return body.add(Broken(UNKNOWN, callee.whole))
        chosen = fits[0]
        if any(isinstance(kind, Unknown) for kind in types):
            results = {each.result for each in fits}
            return body.add(Broken(results.pop() if len(results) == 1 else UNKNOWN, callee.whole))
        return body.add(Apply(chosen, arguments, chosen.result, callee.whole))

    def _fit_items(self, overloads: tuple[PrimitiveLike, ...], types: Sequence[Type]) -> bool:
        """Returns whether an overload accepts the items of the sequences, at any nesting depth."""
        while any(isinstance(each, SequenceOf) for each in types):
            types = [each.item if isinstance(each, SequenceOf) else each for each in types]
            if fitting(overloads, types) or fitting(overloads, as_regions(types)):
                return True
        return False

    def _item_by_item(
        self,
        overloads: tuple[PrimitiveLike, ...],
        callee: Callee,
        arguments: tuple[int, ...],
        body: BlockBuilder,
    ) -> int:
        """Applies an operator to each item of one sequence, or pairwise to the items of several."""
        kinds = [body.steps[step].type for step in arguments]
        sequences = [s for s in arguments if isinstance(body.steps[s].type, SequenceOf)]
        inner, span = body.inside(), callee.whole
        if len(sequences) == 1:
            over = sequences[0]
            item = inner.parameter("", body.steps[over].type.item, span)  # type: ignore[union-attr]
            captures = tuple(step for step in arguments if step != over)
            others = {step: inner.parameter("", body.steps[step].type, span) for step in captures}
            inputs = [item if step == over else others[step] for step in arguments]
        else:
            over = body.add(Operate("paired", arguments, SequenceOf(NUMBER), span))
            position = inner.parameter("", NUMBER, span)
            captures = arguments
            inputs = []
            for kind in kinds:
                whole = inner.parameter("", kind, span)
                item_kind = kind.item  # type: ignore[union-attr]
                inputs.append(inner.add(Operate("index", (whole, position), item_kind, span)))
        step = self._apply(overloads, callee._replace(arguments=()), tuple(inputs), inner)
        block = inner.block(callee.name, step)
        return body.add(ForEach(block, over, captures, SequenceOf(block.type), span))

    def _mean_of_images(self, callee: Callee, sequence: int, body: BlockBuilder) -> int:
        """Computes the mean of a sequence of images, ``fold(+, xs) / length(xs)``."""
        inner, span, no_arguments = body.inside(), callee.whole, callee._replace(arguments=())
        steps = tuple(inner.parameter("", NUMBER_IMAGE, span) for _ in range(2))
        plus = self._apply(
            self._names.overloads("+"), no_arguments._replace(name="+"), steps, inner
        )
        block = inner.block("+", plus)
        total = body.add(FoldLeft(block, None, sequence, NUMBER_IMAGE, span, "mean"))
        count = body.add(Operate("length", (sequence,), NUMBER, span))
        by = no_arguments._replace(name="/")
        return self._apply(self._names.overloads("/"), by, (total, count), body)

    def _regions(
        self,
        overloads: tuple[PrimitiveLike, ...],
        arguments: tuple[int, ...],
        callee: Callee,
        body: BlockBuilder,
    ) -> tuple[int, ...]:
        """Converts numeric masks among the arguments to regions where an overload requires them."""
        types = [body.steps[step].type for step in arguments]
        expected = fitting(overloads, as_regions(types))[0].parameters
        converted = []
        for step, kind, parameter in zip(arguments, types, expected, strict=False):
            if not may_be_used_as(kind, parameter.type):
                zero = body.add(Constant(0.0, NUMBER, callee.whole))
                unequal = fitting(self._names.overloads("!="), (kind, NUMBER))[0]
                converted.append(
                    body.add(Apply(unequal, (step, zero), unequal.result, callee.whole))
                )
            else:
                converted.append(step)
        return tuple(converted)

    def compare_readings(
        self, chain: Chain, operands: Mapping[int, int], body: BlockBuilder
    ) -> None:
        """Warns if VoxLogicA 1 or 2 reads an operator chain with a possibly different value.

        operands  the steps of the chain's operands, by the ids of their expressions
        """
        numbers = {id(each): operands[id(each)] for each in chain.operands}
        steps = {each: body.steps[number] for each, number in numbers.items()}
        warning = ambiguity(
            chain, steps, numbers, lambda name, types: self._result(name, types, body)
        )
        if warning is not None and warning.span is not None and not warning.span.source.ours:
            self.errors.add(warning)

    def _result(self, name: str, types: Sequence[Type], body: BlockBuilder) -> Type | None:
        """Returns an operator's result type, UNKNOWN if ambiguous, or None if it rejects them."""
        if body.find(name) is not None:
            return UNKNOWN
        overloads = self._names.overloads(name)
        fits = fitting(overloads, types) or fitting(overloads, as_regions(types))
        results = list(dict.fromkeys(each.result for each in fits))
        return None if not results else results[0] if len(results) == 1 else UNKNOWN

    # Built-in operations and higher-order functions.

    def _operate(
        self, name: str, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder
    ) -> int:
        operation, minimum, maximum, typing_rule = OPERATIONS[name]
        if not minimum <= len(arguments) <= maximum:
            return self.errors.wrong_number(
                callee, len(arguments), None, list(range(minimum, min(maximum, 9) + 1)), body
            )
        types = [body.steps[step].type for step in arguments]
        try:
            kind = typing_rule(types)
        except Mistyped as mistake:
            return self.errors.mistyped(mistake, callee, types, body)
        first = body.steps[arguments[0]]
        if operation == "read" and isinstance(first, Constant) and isinstance(first.value, str):
            return body.add(self._read_file(first.value, first.span, body.trace))
        return body.add(Operate(operation, arguments, kind, callee.whole))

    def operate(
        self, operation: str, arguments: tuple[int, ...], callee: Callee, body: BlockBuilder
    ) -> int:
        """Adds an index or slice expression, an operation that has no name in the text."""
        types = [body.steps[step].type for step in arguments]
        typing_rule = OPERATIONS["index" if operation == "index" else "slice"][3]
        try:
            kind = typing_rule(types)
        except Mistyped as mistake:
            return self.errors.mistyped(mistake, callee, types, body)
        return body.add(Operate(operation, arguments, kind, callee.whole))

    def _higher_order(
        self, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder
    ) -> int | Work:
        function = body.steps[arguments[0]].type
        if isinstance(function, Unknown):
            return body.add(Broken(UNKNOWN, callee.whole))
        if not isinstance(function, Function):
            message = f"`{callee.name}` needs a function as its first argument, got a {function}"
            types = [body.steps[step].type for step in arguments]
            return self.errors.mistyped(Mistyped(message, 0), callee, types, body)
        start = arguments[1] if len(arguments) == 3 else None
        of = callee._replace(arguments=callee.arguments[-1:])
        if callee.arguments:
            of = of._replace(span=callee.arguments[0].span)
        return self.over_items(callee.name, function, start, arguments[-1], of, body)

    def over_items(
        self,
        kind: str,
        function: Function,
        start: int | None,
        sequence: int,
        callee: Callee,
        body: BlockBuilder,
    ) -> Work:
        """Applies ``map``, ``filter`` or ``fold`` with a named function.

        The last of ``callee.arguments`` is the sequence.
        """
        types = [body.steps[sequence].type]
        try:
            item = item_of(kind, types, 0)
        except Mistyped as mistake:
            return self.errors.mistyped(mistake, callee, types, body)
        first = item if start is None else body.steps[start].type
        block = yield from self._block_of(
            function, (first, item) if kind == "fold" else (item,), callee, body
        )
        if kind == "map":
            mapped = SequenceOf(block.type)
            return body.add(ForEach(block, sequence, (), mapped, callee.whole))
        if kind == "filter":
            return self.select(block, sequence, (), callee, body)
        return self._fold(block, first, start, sequence, callee, body)

    def select(
        self,
        block: Block,
        sequence: int,
        captures: tuple[int, ...],
        callee: Callee,
        body: BlockBuilder,
    ) -> int:
        """Adds a ``filter`` whose block decides which items are selected."""
        if common(block.type, BOOLEAN) is None:
            message = f"`filter` keeps the items for which a truth value is true, got {block.type}"
            return self.errors.mistyped(Mistyped(message), callee, (), body)
        kind = body.steps[sequence].type
        return body.add(Select(block, sequence, captures, kind, callee.whole))

    def _fold(
        self,
        block: Block,
        first: Type,
        start: int | None,
        sequence: int,
        callee: Callee,
        body: BlockBuilder,
    ) -> int:
        result = common(first, block.type)
        if result is None:
            message = (
                f"`fold` needs a function whose result it can go on with: `{callee.name}` makes "
                f"a {block.type} of a {first}"
            )
            return self.errors.mistyped(Mistyped(message), callee, (), body)
        return body.add(FoldLeft(block, start, sequence, result, callee.whole))

    def _block_of(
        self, function: Function, types: Sequence[Type], callee: Callee, body: BlockBuilder
    ) -> Work:
        """Returns the block that calls a function with arguments of these types."""
        inner = body.inside()
        steps = tuple(inner.parameter("", kind, callee.span) for kind in types)
        named = callee._replace(arguments=())
        step = self._call_value(function, named, steps, inner)
        if not isinstance(step, int):
            step = yield from step
        return inner.block(function.name, step)
