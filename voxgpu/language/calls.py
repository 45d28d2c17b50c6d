"""What does a call mean? The function, primitive or operation that it is, for these arguments."""

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

#: Operators that work on the items of sequences, as they do in VoxLogicA 2.
_ITEM_BY_ITEM = ("+", "-", "*", "/")

#: The step of an image file whose path stands in the program.
ReadFile = Callable[[str, Span, tuple[Span, ...]], Step]


class Calls:
    """Makes the steps of calls; all mistakes in them are told."""

    def __init__(
        self, names: Names, outside: Globals, diagnostics: Diagnostics, read_file: ReadFile
    ) -> None:
        self._names = names
        self.say = CallErrors(names, outside, diagnostics)
        self._read_file = read_file
        self._chosen: dict[tuple[str, tuple[Type, ...]], list[PrimitiveLike]] = {}

    def call(self, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder) -> int | Work:
        """The step that has the value of a call, or what is to be done for it."""
        binding = body.find(callee.name)
        if isinstance(binding, ValueBinding) and isinstance(binding.type, Function):
            return self._through(binding.type, callee, arguments, body)
        return self._called(binding, callee, arguments, body)

    def value(self, name: Name, body: BlockBuilder) -> int:
        """The step of a name that stands alone."""
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
        return self.say.unknown(name.name, name.span, body)

    def _through(
        self, kind: Function, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder
    ) -> int | Work:
        """A call of a function that is a value."""
        named = callee._replace(name=kind.name)
        if isinstance(kind.target, FunctionBinding):
            return self._called(kind.target, named, arguments, body)
        return self._called(None, named._replace(name=kind.target), arguments, body)

    def _called(
        self,
        binding: Binding | None,
        callee: Callee,
        arguments: tuple[int, ...],
        body: BlockBuilder,
    ) -> int | Work:
        if isinstance(binding, FunctionBinding) and binding.arity == len(arguments):
            return self._invoked(binding, callee, arguments, body)
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
                return self.say.wrong_number(
                    callee, len(arguments), binding, list(HIGHER_ORDER[callee.name]), body
                )
            if not overloads:
                return self.say.unknown(callee.name, callee.span, body)
        # A sign bound anew as a prefix operator is still the infix one it was, and vice versa;
        # a name is bound as a whole.
        hides = binding is not None and callee.name[0].isalpha()
        takes = arities(overloads)
        if isinstance(binding, ValueBinding) or hides or len(arguments) not in takes:
            return self.say.wrong_number(callee, len(arguments), binding, takes, body)
        return self._apply(overloads, callee, arguments, body)

    def _invoked(
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
            self.say.report("W102", message, callee.span, body, help=f"or write `{hidden}`")
        steps = body.steps
        types = tuple([steps[step].type for step in arguments])
        fits = self._chosen.get((callee.name, types))
        if fits is None:
            fits = fitting(overloads, types)
            self._chosen[callee.name, types] = fits
        if not fits and fitting(overloads, as_regions(types)):
            regions = self._regions(overloads, arguments, callee, body)
            return self._apply(overloads, callee, regions, body)
        if not fits and callee.name in _ITEM_BY_ITEM and self._fit_items(overloads, types):
            return self._item_by_item(overloads, callee, arguments, body)
        if not fits and callee.name == "mean" and types == (SequenceOf(NUMBER_IMAGE),):
            return self._mean_of_images(callee, arguments[0], body)
        if not fits:
            self.say.wrong_types(overloads, callee, types, body)
            return body.add(Broken(UNKNOWN, callee.whole))
        chosen = fits[0]
        if any(isinstance(kind, Unknown) for kind in types):
            results = {each.result for each in fits}
            return body.add(Broken(results.pop() if len(results) == 1 else UNKNOWN, callee.whole))
        return body.add(Apply(chosen, arguments, chosen.result, callee.whole))

    def _fit_items(self, overloads: tuple[PrimitiveLike, ...], types: Sequence[Type]) -> bool:
        """Whether the items of sequences fit, or theirs."""
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
        """An operator between each item and what is no sequence, or between items in pairs."""
        kinds = [body.steps[step].type for step in arguments]
        sequences = [s for s in arguments if isinstance(body.steps[s].type, SequenceOf)]
        inner, span = body.inside(), callee.whole
        if len(sequences) == 1:
            over = sequences[0]
            item = inner.parameter("", body.steps[over].type.item, span)  # type: ignore[union-attr]
            captures = tuple(step for step in arguments if step != over)
            others = {step: inner.parameter("", body.steps[step].type, span) for step in captures}
            given = [item if step == over else others[step] for step in arguments]
        else:
            over = body.add(Operate("paired", arguments, SequenceOf(NUMBER), span))
            place = inner.parameter("", NUMBER, span)
            captures = arguments
            given = []
            for kind in kinds:
                whole = inner.parameter("", kind, span)
                item_kind = kind.item  # type: ignore[union-attr]
                given.append(inner.add(Operate("index", (whole, place), item_kind, span)))
        step = self._apply(overloads, callee._replace(arguments=()), tuple(given), inner)
        block = inner.block(callee.name, step)
        return body.add(ForEach(block, over, captures, SequenceOf(block.type), span))

    def _mean_of_images(self, callee: Callee, sequence: int, body: BlockBuilder) -> int:
        """``fold(+, xs) / length(xs)``."""
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
        """The arguments, with masks in numbers made regions, as far as an overload needs them."""
        types = [body.steps[step].type for step in arguments]
        wanted = fitting(overloads, as_regions(types))[0].parameters
        made = []
        for step, kind, parameter in zip(arguments, types, wanted, strict=False):
            if not may_be_used_as(kind, parameter.type):
                zero = body.add(Constant(0.0, NUMBER, callee.whole))
                unequal = fitting(self._names.overloads("!="), (kind, NUMBER))[0]
                made.append(body.add(Apply(unequal, (step, zero), unequal.result, callee.whole)))
            else:
                made.append(step)
        return tuple(made)

    def compare_readings(
        self, chain: Chain, operands: Mapping[int, int], body: BlockBuilder
    ) -> None:
        """Warns where VoxLogicA 1 or 2 reads a chain so that it may have another value.

        operands  the steps of the chain's operands, by the ids of their expressions
        """
        numbers = {id(each): operands[id(each)] for each in chain.operands}
        steps = {each: body.steps[number] for each, number in numbers.items()}
        found = ambiguity(
            chain, steps, numbers, lambda name, types: self._result(name, types, body)
        )
        if found is not None and found.span is not None and not found.span.source.ours:
            self.say.add(found)

    def _result(self, name: str, types: Sequence[Type], body: BlockBuilder) -> Type | None:
        """The type that an operator gives, as far as that is known; None: it takes none such."""
        if body.find(name) is not None:
            return UNKNOWN
        overloads = self._names.overloads(name)
        fits = fitting(overloads, types) or fitting(overloads, as_regions(types))
        results = list(dict.fromkeys(each.result for each in fits))
        return None if not results else results[0] if len(results) == 1 else UNKNOWN

    # Operations and functions of functions.

    def _operate(
        self, name: str, callee: Callee, arguments: tuple[int, ...], body: BlockBuilder
    ) -> int:
        operation, least, most, typed = OPERATIONS[name]
        if not least <= len(arguments) <= most:
            return self.say.wrong_number(
                callee, len(arguments), None, list(range(least, min(most, 9) + 1)), body
            )
        types = [body.steps[step].type for step in arguments]
        try:
            kind = typed(types)
        except Mistyped as mistake:
            return self.say.mistyped(mistake, callee, types, body)
        first = body.steps[arguments[0]]
        if operation == "read" and isinstance(first, Constant) and isinstance(first.value, str):
            return body.add(self._read_file(first.value, first.span, body.trace))
        return body.add(Operate(operation, arguments, kind, callee.whole))

    def operate(
        self, operation: str, arguments: tuple[int, ...], callee: Callee, body: BlockBuilder
    ) -> int:
        """``xs[i]`` and the like, which are operations without a name in the text."""
        types = [body.steps[step].type for step in arguments]
        typed = OPERATIONS["index" if operation == "index" else "slice"][3]
        try:
            kind = typed(types)
        except Mistyped as mistake:
            return self.say.mistyped(mistake, callee, types, body)
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
            return self.say.mistyped(Mistyped(message, 0), callee, types, body)
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
        """``map``, ``filter`` or ``fold`` with a function that has a name.

        The last of ``callee.arguments`` is the sequence.
        """
        types = [body.steps[sequence].type]
        try:
            item = item_of(kind, types, 0)
        except Mistyped as mistake:
            return self.say.mistyped(mistake, callee, types, body)
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
        """``filter`` with a block that says which items stay."""
        if common(block.type, BOOLEAN) is None:
            message = f"`filter` keeps the items for which a truth value is true, got {block.type}"
            return self.say.mistyped(Mistyped(message), callee, (), body)
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
            return self.say.mistyped(Mistyped(message), callee, (), body)
        return body.add(FoldLeft(block, start, sequence, result, callee.whole))

    def _block_of(
        self, function: Function, types: Sequence[Type], callee: Callee, body: BlockBuilder
    ) -> Work:
        """The block of a function's call with arguments of these types."""
        inner = body.inside()
        steps = tuple(inner.parameter("", kind, callee.span) for kind in types)
        named = callee._replace(arguments=())
        step = self._through(function, named, steps, inner)
        if not isinstance(step, int):
            step = yield from step
        return inner.block(function.name, step)
