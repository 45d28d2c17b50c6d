"""Renders a kernel as LLVM IR: one loop, one line per operation, no branches.

The function is serial and runs over a slice chosen by its caller; LLVM vectorizes a loop without
branches over slices that do not overlap. Numbers are float32 with IEEE rounding: no operation
carries a fast-math flag, so nothing is contracted or reordered. Numbers in images are converted
when they are loaded; integers of 32 and 64 bits only where arithmetic uses them (``integers.py``).

Arguments: ``n`` voxels (or, in row form, ``n`` rows), then the index of the first row in the image,
the first voxel in the first row and the end of the voxels in the last one, the image's width,
height and depth, the padded width and plane of inputs whose neighbors are read, pointers to the
inputs, the parameters, pointers to the outputs, and one pointer for each reduction. Pointers of
inputs and outputs that are not padded are those of the first voxel.

Results of reductions: ``count`` is an int64, counted in 32 bits: callers pass no slices of 2³¹
voxels; ``smallest`` and ``largest`` are an int64 that orders like the number (see
``number_of_key``), so that the loop is branch-free; ``total`` stores the float64 of every voxel,
which the caller sums in the order of the contract.
"""

from __future__ import annotations

import numpy as np

from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.llvm_numbers import (
    CHOOSE,
    FIRST,
    FLOAT_OPERATIONS,
    LOGIC,
    NO_GREATEST,
    NO_LEAST,
    ROUNDINGS,
    TYPES,
    comparison,
    conversion,
    literal,
    none_of,
    stored_type,
)
from voxgpu.codegen.scalar import COMPARISONS, HERE, Scalar


def types_of(kernel: Kernel) -> list[str]:
    """The types of the arguments, pointers with ``*``."""
    names = {"bool": "bool", "f32": "float32", "f64": "float64"}
    parameters = [names[each] for each in kernel.exact.parameters]
    outputs = ["out*"] * (len(kernel.outputs) + len(kernel.reductions))
    return ["int64"] * 9 + ["in*"] * len(kernel.inputs) + parameters + outputs


def render(kernel: Kernel, name: str) -> str:
    """The text of a module that defines the kernel as a function ``name``."""
    return _Writer(kernel.exact).module(name)


class _Writer:
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lines: list[str] = []
        self._names: dict[int, str] = {}
        self._count = 0

    def module(self, name: str) -> str:
        kernel = self._kernel
        numbers = ("n", "row0", "from", "to", "width", "height", "depth", "padded", "plane")
        arguments = [f"i64 %{each}" for each in numbers]
        arguments += [f"ptr noalias readonly %r{i}" for i in range(len(kernel.inputs))]
        arguments += [
            f"{'i1 zeroext' if each == 'bool' else TYPES[each]} %p{i}"
            for i, each in enumerate(kernel.parameters)
        ]
        arguments += [f"ptr noalias %w{i}" for i in range(len(kernel.outputs))]
        arguments += [f"ptr noalias %g{i}" for i in range(len(kernel.reductions))]
        body = self._rows() if kernel.uses_rows else self._flat()
        intrinsics = [
            "declare float @llvm.fabs.f32(float)",
            "declare double @llvm.fabs.f64(double)",
            *(f"declare i{n} @llvm.{m}.i{n}(i{n}, i{n})" for n in (32, 64) for m in CHOOSE),
            *(
                f"declare {kind} @llvm.{name}.{suffix}({kind})"
                for name in ROUNDINGS.values()
                for suffix, kind in (("f32", "float"), ("f64", "double"))
            ),
            "declare i64 @llvm.fptosi.sat.i64.f64(double)",
            "declare i64 @llvm.fptoui.sat.i64.f64(double)",
        ]
        head = f"define void @{name}({', '.join(arguments)}) nounwind {{"
        return "\n".join([head, *body, "}", *intrinsics, "!0 = !{i8 0, i8 2}", ""])

    def _flat(self) -> list[str]:
        """One loop over ``n`` voxels."""
        self._voxel("%i")
        starts = self._accumulators("entry", "loop", self._initial())
        return [
            "entry:",
            *self._stores_if_empty(),
            "  %any = icmp sgt i64 %n, 0",
            "  br i1 %any, label %loop, label %done",
            "loop:",
            "  %i = phi i64 [ 0, %entry ], [ %i.next, %loop ]",
            *starts,
            *self._lines,
            "  %i.next = add nuw nsw i64 %i, 1",
            "  %more = icmp slt i64 %i.next, %n",
            "  br i1 %more, label %loop, label %last",
            "last:",
            *self._stores(),
            "  br label %done",
            "done:",
            "  ret void",
        ]

    def _rows(self) -> list[str]:
        """A loop over ``n`` rows around one over the voxels of a row."""
        z, y, x = self._kernel.halo
        self._voxel("%i")
        outer = self._accumulators("entry", "end", self._initial(), ".row")
        inner = self._accumulators("row", "loop", [f"%a{i}.row" for i in self._order_free()])
        return [
            "entry:",
            *self._stores_if_empty(),
            "  %some = icmp sgt i64 %n, 0",
            "  %wide = icmp sgt i64 %width, 0",
            "  %any = and i1 %some, %wide",
            "  br i1 %any, label %row, label %done",
            "row:",
            "  %r = phi i64 [ 0, %entry ], [ %r.next, %end ]",
            *outer,
            "  %number = add i64 %row0, %r",
            "  %zi = sdiv i64 %number, %height",
            "  %yi = srem i64 %number, %height",
            "  %zf = sitofp i64 %zi to float",
            "  %yf = sitofp i64 %yi to float",
            "  %whole = mul i64 %r, %width",
            "  %first = sub i64 %whole, %from",
            "  %is.first = icmp eq i64 %r, 0",
            "  %start = select i1 %is.first, i64 %from, i64 0",
            "  %r.next = add nuw nsw i64 %r, 1",
            "  %is.last = icmp eq i64 %r.next, %n",
            "  %stop = select i1 %is.last, i64 %to, i64 %width",
            "  %z0 = sdiv i64 %row0, %height",
            "  %zl.fetch = sub i64 %zi, %z0",
            f"  %zl = add i64 %zl.fetch, {z}",
            f"  %yl = add i64 %yi, {y}",
            "  %pz = mul i64 %zl, %plane",
            "  %py = mul i64 %yl, %padded",
            "  %pzy = add i64 %pz, %py",
            f"  %pbase = add i64 %pzy, {x}",
            "  br label %loop",
            "loop:",
            "  %x = phi i64 [ %start, %row ], [ %x.next, %loop ]",
            *inner,
            "  %i = add i64 %first, %x",
            "  %pi = add i64 %pbase, %x",
            *self._lines,
            "  %x.next = add nuw nsw i64 %x, 1",
            "  %more = icmp slt i64 %x.next, %stop",
            "  br i1 %more, label %loop, label %end",
            "end:",
            "  %rows = icmp slt i64 %r.next, %n",
            "  br i1 %rows, label %row, label %last",
            "last:",
            *self._stores(),
            "  br label %done",
            "done:",
            "  ret void",
        ]

    def _voxel(self, index: str) -> None:
        """Emits the code for one voxel."""
        for expression in self._kernel.expressions:
            self._names[id(expression)] = self._line(expression)
        for number, output in enumerate(self._kernel.outputs):
            kind, value = self._stored(output, np.dtype(self._kernel.output_elements[number]))
            place = self._emit(f"getelementptr inbounds {kind}, ptr %w{number}, i64 {index}")
            self._lines.append(f"  store {kind} {value}, ptr {place}")
        for number, reduction in enumerate(self._kernel.reductions):
            self._reduce(number, reduction, index)

    def _stored(self, output: Scalar, element: np.dtype[np.generic]) -> tuple[str, str]:
        """The type and the name of an output as it is stored."""
        value = self._names[id(output)]
        if output.element == "bool":
            return "i8", self._emit(f"zext i1 {value} to i8")
        kind = stored_type(element)
        if output.element == "f32" and element.kind in "iu":
            # A number that the element represents, such as 0 beyond the frame of 16-bit voxels.
            signed = "fptosi" if element.kind == "i" else "fptoui"
            value = self._emit(f"{signed} float {value} to {kind}")
        return kind, value

    def _reduce(self, number: int, reduction: Scalar, index: str) -> None:
        value = self._names[id(reduction.arguments[0])]
        name = f"%a{number}.next"
        match reduction.operation:
            case "total":
                wide = self._converted(value, reduction.arguments[0].element, "f64")
                place = self._emit(f"getelementptr inbounds double, ptr %g{number}, i64 {index}")
                self._lines.append(f"  store double {wide}, ptr {place}")
            case "count":
                one = self._emit(f"zext i1 {value} to i32")
                self._lines.append(f"  {name} = add i32 %a{number}, {one}")
            case operation if reduction.arguments[0].element != "f32":
                key = self._integer_key(value, reduction.arguments[0].element)
                choose = "smin" if operation == "smallest" else "smax"
                self._lines.append(
                    f"  {name} = call i64 @llvm.{choose}.i64(i64 %a{number}, i64 {key})"
                )
            case operation:
                bits = self._emit(f"bitcast float {value} to i32")
                sign = self._emit(f"ashr i32 {bits}, 31")
                flip = self._emit(f"and i32 {sign}, 2147483647")
                key = self._emit(f"xor i32 {bits}, {flip}")
                none = NO_LEAST if operation == "smallest" else NO_GREATEST
                numeric = self._emit(f"fcmp ord float {value}, 0.0")
                chosen = self._emit(f"select i1 {numeric}, i32 {key}, i32 {none}")
                choose = "smin" if operation == "smallest" else "smax"
                self._lines.append(
                    f"  {name} = call i32 @llvm.{choose}.i32(i32 %a{number}, i32 {chosen})"
                )

    def _order_free(self) -> list[int]:
        """The reductions that are kept in one number during the loop."""
        return [i for i, g in enumerate(self._kernel.reductions) if g.operation != "total"]

    def _integer_key(self, value: str, element: str) -> str:
        """A signed 64-bit integer that orders like an integer of the given element."""
        if element == "u64":
            return self._emit(f"xor i64 {value}, {FIRST}")
        return value if element == "i64" else self._converted(value, element, "i64")

    def _width(self, number: int) -> str:
        """The type of the number in which a reduction is kept during the loop."""
        reduction = self._kernel.reductions[number]
        return "i32" if reduction.arguments[0].element in ("bool", "f32") else "i64"

    def _initial(self) -> list[str]:
        reductions = [self._kernel.reductions[i] for i in self._order_free()]
        return [str(0 if each.operation == "count" else none_of(each)) for each in reductions]

    def _accumulators(
        self, before: str, loop: str, starts: list[str], suffix: str = ""
    ) -> list[str]:
        return [
            f"  %a{i}{suffix} = phi {self._width(i)} "
            f"[ {start}, %{before} ], [ %a{i}.next, %{loop} ]"
            for i, start in zip(self._order_free(), starts, strict=True)
        ]

    def _stores(self) -> list[str]:
        lines = []
        for i in self._order_free():
            name = f"%a{i}.next"
            if self._width(i) == "i32":
                lines.append(f"  %a{i}.wide = sext i32 {name} to i64")
                name = f"%a{i}.wide"
            lines.append(f"  store i64 {name}, ptr %g{i}")
        return lines

    def _stores_if_empty(self) -> list[str]:
        pairs = zip(self._order_free(), self._initial(), strict=True)
        return [f"  store i64 {start}, ptr %g{i}" for i, start in pairs]

    def _emit(self, text: str) -> str:
        name = f"%v{self._count}"
        self._count += 1
        self._lines.append(f"  {name} = {text}")
        return name

    def _line(self, expression: Scalar) -> str:
        """Emits the code for an expression; returns the name of its value."""
        names = [self._names[id(argument)] for argument in expression.arguments]
        kind = TYPES[expression.arguments[0].element] if names else ""
        match expression.operation:
            case "read":
                return self._read(expression)
            case "parameter":
                return f"%p{expression.number}"
            case "constant":
                return literal(expression)
            case "position":
                return self._position(expression.axis)
            case "extent":
                sizes = ("%width", "%height", "%depth")
                return self._emit(f"sitofp i64 {sizes[expression.axis]} to float")
            case "convert":
                return self._converted(
                    names[0], expression.arguments[0].element, expression.element
                )
            case operation if operation in ROUNDINGS:
                function = f"@llvm.{ROUNDINGS[operation]}.{expression.element}"
                return self._emit(f"call {kind} {function}({kind} {names[0]})")
            case "exponent":
                bits = self._emit(f"bitcast double {names[0]} to i64")
                high = self._emit(f"lshr i64 {bits}, 52")
                short = self._emit(f"trunc i64 {high} to i32")
                number = self._emit(f"sub i32 {short}, 1023")
                return self._emit(f"sitofp i32 {number} to double")
            case "scale":
                short = self._emit(f"fptosi double {names[1]} to i32")
                number = self._emit(f"add i32 {short}, 1023")
                wide = self._emit(f"zext i32 {number} to i64")
                bits = self._emit(f"shl i64 {wide}, 52")
                power = self._emit(f"bitcast i64 {bits} to double")
                return self._emit(f"fmul double {names[0]}, {power}")
            case "saturate":
                sign = "s" if expression.element == "i64" else "u"
                return self._emit(f"call i64 @llvm.fpto{sign}i.sat.i64.f64(double {names[0]})")
            case "negate":
                return self._emit(f"fneg {kind} {names[0]}")
            case "absolute":
                function = f"@llvm.fabs.{expression.element}"
                return self._emit(f"call {kind} {function}({kind} {names[0]})")
            case "not":
                return self._emit(f"xor i1 {names[0]}, true")
            case "where":
                chosen = TYPES[expression.element]
                choice = f"i1 {names[0]}, {chosen} {names[1]}, {chosen} {names[2]}"
                return self._emit(f"select {choice}")
            case operation if operation in COMPARISONS:
                test = comparison(operation, expression.arguments[0].element)
                return self._emit(f"{test} {kind} {', '.join(names)}")
            case operation:
                instruction = {**FLOAT_OPERATIONS, **LOGIC}[operation]
                return self._emit(f"{instruction} {kind} {', '.join(names)}")

    def _position(self, axis: int) -> str:
        if axis == 0:
            short = self._emit("trunc i64 %x to i32")
            return self._emit(f"sitofp i32 {short} to float")
        return "%yf" if axis == 1 else "%zf"

    def _read(self, expression: Scalar) -> str:
        number, offset = expression.number, expression.offset
        element = np.dtype(self._kernel.inputs[number])
        index = "%i" if not self._kernel.is_neighborhood else self._padded(offset)
        kind = stored_type(element)
        place = self._emit(f"getelementptr inbounds {kind}, ptr %r{number}, i64 {index}")
        if expression.element == "bool":
            # Truth values are 0 or 1, so operations on masks are the same as on bytes.
            loaded = self._emit(f"load i8, ptr {place}, !range !0")
            return self._emit(f"trunc i8 {loaded} to i1")
        loaded = self._emit(f"load {kind}, ptr {place}")
        return loaded if expression.element != "f32" else self._as_float32(loaded, element)

    def _padded(self, offset: tuple[int, int, int]) -> str:
        """The index, in padded inputs, of the voxel ``offset`` away."""
        if offset == HERE:
            return "%pi"
        up = self._emit(f"mul i64 %plane, {offset[0]}")
        along = self._emit(f"mul i64 %padded, {offset[1]}")
        both = self._emit(f"add i64 {up}, {along}")
        step = self._emit(f"add i64 {both}, {offset[2]}")
        return self._emit(f"add i64 %pi, {step}")

    def _converted(self, value: str, source: str, target: str) -> str:
        """A number converted from one element to another."""
        if TYPES[source] == TYPES[target]:
            return value
        return self._emit(
            f"{conversion(source, target)} {TYPES[source]} {value} to {TYPES[target]}"
        )

    def _as_float32(self, loaded: str, element: np.dtype[np.generic]) -> str:
        kind = stored_type(element)
        match element.kind:
            case "f":
                return (
                    loaded if kind == "float" else self._emit(f"fptrunc {kind} {loaded} to float")
                )
            case "i":
                return self._emit(f"sitofp {kind} {loaded} to float")
            case _:
                return self._emit(f"uitofp {kind} {loaded} to float")
