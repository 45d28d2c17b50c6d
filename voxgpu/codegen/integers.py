"""Exact integers: images of 32 and 64 bits are compared without conversion to float32.

Bodies are written for float32, which represents every 16-bit integer but not every 32-bit one. Once
the elements of the images are known, this module determines which expressions of a body are
integers of 32 or 64 bits: voxels, and what ``where`` selects from voxels and constants. These are
compared, and reduced, as integers; arithmetic rounds them to float32 first.

Comparisons of integers with other numbers are exact, too: integers of 32 bits are compared in
float64, which represents all of them, those of 64 bits with the nearest integer on the decisive
side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from voxgpu.codegen.scalar import (
    COMPARISONS,
    HERE,
    Element,
    Offset,
    Scalar,
    all_of,
    constant,
    extent,
    parameter,
    position,
    topological_order,
    where,
)
from voxgpu.codegen.substitute import with_arguments

#: The elements that float32 cannot represent, and the elements that bodies use for them.
WHOLE: Mapping[str, Element] = {"int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64"}

#: The elements of whole numbers of 8 and 16 bits.
SHORT = ("int8", "uint8", "int16", "uint16")

#: NumPy's names of what bodies compute with.
NAMES: Mapping[Element, str] = {short: name for name, short in WHOLE.items()}

#: Comparisons with their sides exchanged.
MIRRORED = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
    "equal": "equal",
    "not_equal": "not_equal",
}


def fits(value: float, element: Element) -> bool:
    """Whether a number is integral and representable in this element."""
    number = float(value)
    bounds = np.iinfo(NAMES[element])
    return number.is_integer() and bounds.min <= int(number) <= bounds.max


def read_as(element: str, offset: Offset, boundary_value: float | None) -> Element:
    """The element of a read: an integer, unless the value beyond the frame is not representable."""
    found = WHOLE.get(element, "f32")
    if found == "f32" or offset == HERE or boundary_value is None or fits(boundary_value, found):
        return found
    return "f32"


def chosen_as(then: Element, otherwise: Element, constants: Sequence[float]) -> Element | None:
    """The element of ``where`` on two elements: a common integer element, or None, for float32.

    constants  the values of those sides that are constants; they become integers if they fit
    """
    kinds = {then, otherwise} & set(NAMES)
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    others = [each for each in (then, otherwise) if each not in NAMES]
    return kind if len(others) == len([v for v in constants if fits(v, kind)]) else None


def exact(
    roots: Sequence[Scalar], inputs: Sequence[str], parameters: Sequence[Element]
) -> tuple[tuple[Scalar, ...], tuple[Element, ...]]:
    """The bodies and the elements of their parameters, for images of these elements.

    Numbers passed to the kernel are float64, so that comparisons with them are exact.
    """
    doubles = [number for number, each in enumerate(parameters) if each == "f32"]
    wide: list[Element] = ["f64" if each == "f32" else each for each in parameters]
    return _Exact(inputs, doubles).of(roots), tuple(wide)


def whole_element(root: Scalar, inputs: Sequence[str]) -> Element | None:
    """The integer element of a body's result; None if it is no integer of 32 or 64 bits."""
    if not any(each in WHOLE for each in inputs):
        return None
    (found,) = _Exact(inputs, ()).of([root])
    return found.element if found.element in NAMES else None


def loses(roots: Sequence[Scalar], inputs: Sequence[str]) -> set[int]:
    """The indices of the inputs whose integers are rounded to float32 somewhere."""
    made = _Exact(inputs, ()).of(roots)
    found: set[int] = set()
    for each in topological_order(made):
        if each.operation == "convert" and each.element == "f32":
            below = topological_order(each.arguments)
            found |= {leaf.number for leaf in below if leaf.operation == "read"}
    return {number for number in found if inputs[number] in WHOLE}


class _Exact:
    def __init__(self, inputs: Sequence[str], doubles: Sequence[int]) -> None:
        self._inputs = inputs
        self._doubles = doubles
        self._converted: dict[tuple[int, Element], Scalar] = {}
        self._made: dict[int, Scalar] = {}
        #: Reads of integers with another number outside the image: the condition that the voxel is
        #: inside, and the numbers inside and outside.
        self._mixed: dict[int, tuple[Scalar, Scalar, Scalar]] = {}

    def of(self, roots: Sequence[Scalar]) -> tuple[Scalar, ...]:
        for each in topological_order(roots):
            self._made[id(each)] = self._expression(each)
        return tuple(self._made[id(root)] for root in roots)

    def _expression(self, each: Scalar) -> Scalar:
        arguments = [self._made[id(argument)] for argument in each.arguments]
        match each.operation:
            case "read":
                return self._read(each)
            case "parameter" if each.number in self._doubles:
                return self._as(parameter(each.number, "f64"), "f32")
            case "single":
                return self._as(arguments[0], "f32")
            case "total" if arguments[0].element in NAMES:
                arguments = [self._as(arguments[0], "f64")]
            case "smallest" | "largest":
                pass
            case "where":
                return self._where(each, arguments)
            case operation if operation in COMPARISONS:
                return self._compared(each, *arguments)
            case _:
                arguments = [self._number(argument) for argument in arguments]
        return with_arguments(each, arguments)

    def _read(self, leaf: Scalar) -> Scalar:
        source, offset, boundary_value = leaf.number, leaf.offset, leaf.boundary_value
        kind = WHOLE.get(self._inputs[source])
        if kind is None or leaf.element == "bool":
            return leaf
        if read_as(self._inputs[source], offset, boundary_value) == kind:
            is_inside = boundary_value is None or offset == HERE
            exact = None if is_inside else int(float(boundary_value or 0))
            return Scalar("read", (), (source, offset, exact), kind)
        voxel = Scalar("read", (), (source, offset, None), kind)
        assert boundary_value is not None
        boundary = constant(float(boundary_value))
        inside = _is_inside(offset)
        number = where(inside, self._as(voxel, "f32"), boundary)
        self._mixed[id(number)] = inside, voxel, boundary
        return number

    def _where(self, each: Scalar, arguments: list[Scalar]) -> Scalar:
        chosen, then, otherwise = arguments
        constants = [a.value for a in (then, otherwise) if a.operation == "constant"]
        kind = chosen_as(then.element, otherwise.element, constants)
        if kind is None:
            return with_arguments(each, [chosen, self._number(then), self._number(otherwise)])
        both = tuple(self._whole(part, kind) for part in (then, otherwise))
        return Scalar("where", (chosen, *both), (), kind)

    def _whole(self, value: Scalar, kind: Element) -> Scalar:
        if value.operation != "constant" or value.element == kind:
            return value
        return Scalar("constant", (), (int(float(value.value)),), kind)

    def _number(self, value: Scalar) -> Scalar:
        """The operand of arithmetic: integers rounded to float32."""
        return self._as(value, "f32") if value.element in NAMES else value

    def _as(self, value: Scalar, element: Element) -> Scalar:
        if value.element == element:
            return value
        key = (id(value), element)
        if key not in self._converted:
            self._converted[key] = Scalar("convert", (value,), (), element)
        return self._converted[key]

    def _double(self, value: Scalar) -> Scalar:
        """A number that is no integer, in float64; numbers passed to the kernel unrounded."""
        if value.operation == "constant":
            return Scalar("constant", (), (float(value.value),), "f64")
        if value.operation == "convert" and value.arguments[0].operation == "parameter":
            return value.arguments[0]
        return self._as(value, "f64")

    def _compared(self, each: Scalar, left: Scalar, right: Scalar) -> Scalar:
        for value in (left, right):
            if id(value) in self._mixed:
                inside, voxel, beyond = self._mixed[id(value)]
                sides = [
                    self._compared(
                        each, *(part if side is value else side for side in (left, right))
                    )
                    for part in (voxel, beyond)
                ]
                return where(inside, *sides)
        if left.element in NAMES or right.element in NAMES:
            return self._compared_exactly(each.operation, left, right)
        return with_arguments(each, [left, right])

    def _compared_exactly(self, operation: str, left: Scalar, right: Scalar) -> Scalar:
        if left.element in NAMES and right.element in NAMES:
            return self._compared_integers(operation, left, right)
        if right.element in NAMES:
            operation, left, right = MIRRORED[operation], right, left
        number = self._double(right)
        if left.element in ("i32", "u32"):
            return Scalar(operation, (self._as(left, "f64"), number), (), "bool")
        return _compared_with_number(operation, left, number)

    def _compared_integers(self, operation: str, left: Scalar, right: Scalar) -> Scalar:
        kinds = {left.element, right.element}
        if len(kinds) == 1:
            return Scalar(operation, (left, right), (), "bool")
        if "u64" not in kinds or kinds == {"u32", "u64"}:
            wider: Element = "u64" if "u64" in kinds else "i64"
            sides = self._as(left, wider), self._as(right, wider)
            return Scalar(operation, sides, (), "bool")
        if left.element == "u64":
            operation, left, right = MIRRORED[operation], right, left
        # A negative side is less than the other, whatever its value.
        zero = Scalar("constant", (), (0,), left.element)
        negative = Scalar("less", (left, zero), (), "bool")
        compared = Scalar(operation, (self._as(left, "u64"), right), (), "bool")
        if operation in ("less", "less_equal", "not_equal"):
            return negative | compared
        return ~negative & compared


def _compared_with_number(operation: str, whole: Scalar, number: Scalar) -> Scalar:
    """Compares a 64-bit integer with a float64, including NaN and numbers out of range."""
    bounds = np.iinfo(NAMES[whole.element])

    def limit(value: int) -> Scalar:
        return Scalar("constant", (), (float(value),), "f64")

    def at_least() -> Scalar:
        up = Scalar("ceiling", (number,), (), "f64")
        return _compare("greater_equal", whole, _saturated(up, whole.element)) & (
            up < limit(int(bounds.max) + 1)
        )

    def at_most() -> Scalar:
        down = Scalar("floor", (number,), (), "f64")
        return _compare("less_equal", whole, _saturated(down, whole.element)) & (
            down >= limit(int(bounds.min))
        )

    def is_number() -> Scalar:
        return _compare("equal", number, number)

    meanings: dict[str, Callable[[], Scalar]] = {
        "greater_equal": at_least,
        "less_equal": at_most,
        "less": lambda: ~at_least() & is_number(),
        "greater": lambda: ~at_most() & is_number(),
        "equal": lambda: at_least() & at_most(),
        "not_equal": lambda: ~(at_least() & at_most()),
    }
    return meanings[operation]()


def _compare(operation: str, left: Scalar, right: Scalar) -> Scalar:
    return Scalar(operation, (left, right), (), "bool")


def _saturated(number: Scalar, element: Element) -> Scalar:
    """A float64 converted to an integer, saturated to the range of the element."""
    return Scalar("saturate", (number,), (), element)


def _is_inside(offset: Offset) -> Scalar:
    """Whether the voxel ``offset`` away, (z, y, x), lies inside the image."""
    tests = []
    for axis, step in enumerate(reversed(offset)):
        place = position(axis) + float(step)
        if step > 0:
            tests.append(place < extent(axis))
        elif step < 0:
            tests.append(place >= 0.0)
    return all_of(tests)
