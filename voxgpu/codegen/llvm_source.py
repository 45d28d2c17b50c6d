"""How does a kernel read in LLVM's language? One loop, one line an operation, no branches.

The function is serial and runs over a slice that its caller cuts; a loop without branches over
slices that do not overlap is what LLVM turns into vector instructions. Numbers are float32 with
IEEE rounding: no operation carries a fast-math flag, so nothing is contracted or reordered.
Numbers in images are converted as they are loaded.

Arguments: ``n`` voxels (or, in row form, ``n`` rows), then the first row's number in the image,
the image's width, height and depth, the padded width and plane of inputs that are read around a
voxel, pointers to the inputs, the parameters, pointers to the outputs, and one pointer a gather.

What gathers leave behind their pointers: ``count`` an int32; ``smallest`` and ``largest`` an int32
that orders like the number (see ``ordered_key``), so that the loop stays branch-free; ``total`` the
float64 of every voxel, for the caller to add up in the order of the contract.
"""

from __future__ import annotations

import struct

import numpy as np

from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import HERE, Scalar

_LLVM = {"bool": "i1", "f32": "float", "f64": "double"}
_FLOAT = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_COMPARE_FLOATS = {
    "less": "olt",
    "less_equal": "ole",
    "greater": "ogt",
    "greater_equal": "oge",
    "equal": "oeq",
    "not_equal": "une",
}
_COMPARE_TRUTHS = {
    "less": "ult",
    "less_equal": "ule",
    "greater": "ugt",
    "greater_equal": "uge",
    "equal": "eq",
    "not_equal": "ne",
}
_LOGIC = {"and": "and", "or": "or", "xor": "xor"}

#: What stands for no number at all among the keys of ``smallest`` and ``largest``.
NO_LEAST, NO_GREATEST = 0x7FFFFFFF, -0x80000000


def types_of(kernel: Kernel) -> list[str]:
    """The types of the arguments, pointers with ``*``."""
    parameters = ["bool" if each == "bool" else "float32" for each in kernel.parameters]
    outputs = ["out*"] * (len(kernel.outputs) + len(kernel.gathers))
    return ["int64"] * 7 + ["in*"] * len(kernel.inputs) + parameters + outputs


def render(kernel: Kernel, name: str) -> str:
    """The text of a module that defines the kernel as a function ``name``."""
    return _Writer(kernel).module(name)


class _Writer:
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lines: list[str] = []
        self._names: dict[int, str] = {}
        self._count = 0

    def module(self, name: str) -> str:
        kernel = self._kernel
        arguments = [f"i64 %{each}" for each in ("n", "row0", "width", "height", "depth")]
        arguments += ["i64 %padded", "i64 %plane"]
        arguments += [f"ptr noalias readonly %r{i}" for i in range(len(kernel.inputs))]
        arguments += [
            f"{'i1 zeroext' if each == 'bool' else 'float'} %p{i}"
            for i, each in enumerate(kernel.parameters)
        ]
        arguments += [f"ptr noalias %w{i}" for i in range(len(kernel.outputs))]
        arguments += [f"ptr noalias %g{i}" for i in range(len(kernel.gathers))]
        body = self._rows() if kernel.uses_rows else self._flat()
        intrinsics = [
            "declare float @llvm.fabs.f32(float)",
            "declare i32 @llvm.smin.i32(i32, i32)",
            "declare i32 @llvm.smax.i32(i32, i32)",
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
        z, y, x = self._kernel.reach
        self._voxel("%i")
        outer = self._accumulators("entry", "end", self._initial(), ".row")
        inner = self._accumulators("row", "loop", [f"%a{i}.row" for i in self._gathering()])
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
            "  %first = mul i64 %r, %width",
            "  %z0 = sdiv i64 %row0, %height",
            "  %zl.here = sub i64 %zi, %z0",
            f"  %zl = add i64 %zl.here, {z}",
            f"  %yl = add i64 %yi, {y}",
            "  %pz = mul i64 %zl, %plane",
            "  %py = mul i64 %yl, %padded",
            "  %pzy = add i64 %pz, %py",
            f"  %pbase = add i64 %pzy, {x}",
            "  br label %loop",
            "loop:",
            "  %x = phi i64 [ 0, %row ], [ %x.next, %loop ]",
            *inner,
            "  %i = add i64 %first, %x",
            "  %pi = add i64 %pbase, %x",
            *self._lines,
            "  %x.next = add nuw nsw i64 %x, 1",
            "  %more = icmp slt i64 %x.next, %width",
            "  br i1 %more, label %loop, label %end",
            "end:",
            "  %r.next = add nuw nsw i64 %r, 1",
            "  %rows = icmp slt i64 %r.next, %n",
            "  br i1 %rows, label %row, label %last",
            "last:",
            *self._stores(),
            "  br label %done",
            "done:",
            "  ret void",
        ]

    def _voxel(self, index: str) -> None:
        """The lines for one voxel."""
        for expression in self._kernel.expressions:
            self._names[id(expression)] = self._line(expression)
        for number, output in enumerate(self._kernel.outputs):
            value = self._names[id(output)]
            if output.element == "bool":
                value = self._emit(f"zext i1 {value} to i8")
            kind = "i8" if output.element == "bool" else "float"
            place = self._emit(f"getelementptr inbounds {kind}, ptr %w{number}, i64 {index}")
            self._lines.append(f"  store {kind} {value}, ptr {place}")
        for number, gather in enumerate(self._kernel.gathers):
            self._gather(number, gather, index)

    def _gather(self, number: int, gather: Scalar, index: str) -> None:
        value = self._names[id(gather.arguments[0])]
        name = f"%a{number}.next"
        match gather.operation:
            case "total":
                wide = self._emit(f"fpext float {value} to double")
                place = self._emit(f"getelementptr inbounds double, ptr %g{number}, i64 {index}")
                self._lines.append(f"  store double {wide}, ptr {place}")
            case "count":
                one = self._emit(f"zext i1 {value} to i32")
                self._lines.append(f"  {name} = add i32 %a{number}, {one}")
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

    def _gathering(self) -> list[int]:
        """The gathers that are one number while the loop runs."""
        return [i for i, g in enumerate(self._kernel.gathers) if g.operation != "total"]

    def _initial(self) -> list[str]:
        starts = {"count": 0, "smallest": NO_LEAST, "largest": NO_GREATEST}
        return [str(starts[self._kernel.gathers[i].operation]) for i in self._gathering()]

    def _accumulators(
        self, before: str, loop: str, starts: list[str], suffix: str = ""
    ) -> list[str]:
        return [
            f"  %a{i}{suffix} = phi i32 [ {start}, %{before} ], [ %a{i}.next, %{loop} ]"
            for i, start in zip(self._gathering(), starts, strict=True)
        ]

    def _stores(self) -> list[str]:
        return [f"  store i32 %a{i}.next, ptr %g{i}" for i in self._gathering()]

    def _stores_if_empty(self) -> list[str]:
        pairs = zip(self._gathering(), self._initial(), strict=True)
        return [f"  store i32 {start}, ptr %g{i}" for i, start in pairs]

    def _emit(self, text: str) -> str:
        name = f"%v{self._count}"
        self._count += 1
        self._lines.append(f"  {name} = {text}")
        return name

    def _line(self, expression: Scalar) -> str:
        """Emits what computes an expression; the name of its value."""
        names = [self._names[id(argument)] for argument in expression.arguments]
        kind = _LLVM[expression.arguments[0].element] if names else ""
        match expression.operation:
            case "read":
                return self._read(expression)
            case "parameter":
                return f"%p{expression.detail[0]}"
            case "constant":
                return _literal(expression)
            case "position":
                return self._position(expression.detail[0])  # type: ignore[arg-type]
            case "extent":
                sizes = ("%width", "%height", "%depth")
                return self._emit(f"sitofp i64 {sizes[expression.detail[0]]} to float")  # type: ignore[call-overload]
            case "negate":
                return self._emit(f"fneg {kind} {names[0]}")
            case "absolute":
                return self._emit(f"call float @llvm.fabs.f32(float {names[0]})")
            case "not":
                return self._emit(f"xor i1 {names[0]}, true")
            case "where":
                chosen = _LLVM[expression.element]
                choice = f"i1 {names[0]}, {chosen} {names[1]}, {chosen} {names[2]}"
                return self._emit(f"select {choice}")
            case operation if operation in _COMPARE_FLOATS:
                if kind == "i1":
                    return self._emit(f"icmp {_COMPARE_TRUTHS[operation]} i1 {', '.join(names)}")
                return self._emit(f"fcmp {_COMPARE_FLOATS[operation]} {kind} {', '.join(names)}")
            case operation:
                instruction = {**_FLOAT, **_LOGIC}[operation]
                return self._emit(f"{instruction} {kind} {', '.join(names)}")

    def _position(self, axis: int) -> str:
        if axis == 0:
            short = self._emit("trunc i64 %x to i32")
            return self._emit(f"sitofp i32 {short} to float")
        return "%yf" if axis == 1 else "%zf"

    def _read(self, expression: Scalar) -> str:
        number: int
        number, offset, _ = expression.detail  # type: ignore[assignment]
        element = np.dtype(self._kernel.inputs[number])
        index = "%i" if not self._kernel.is_neighborhood else self._padded(offset)  # type: ignore[arg-type]
        kind = _stored(element)
        place = self._emit(f"getelementptr inbounds {kind}, ptr %r{number}, i64 {index}")
        if expression.element == "bool":
            # Truth values are 0 or 1: operations on masks need not be told apart from bytes.
            loaded = self._emit(f"load i8, ptr {place}, !range !0")
            return self._emit(f"trunc i8 {loaded} to i1")
        loaded = self._emit(f"load {kind}, ptr {place}")
        return self._as_float32(loaded, element)

    def _padded(self, offset: tuple[int, int, int]) -> str:
        """The index, in padded inputs, of the voxel ``offset`` away."""
        if offset == HERE:
            return "%pi"
        up = self._emit(f"mul i64 %plane, {offset[0]}")
        along = self._emit(f"mul i64 %padded, {offset[1]}")
        both = self._emit(f"add i64 {up}, {along}")
        step = self._emit(f"add i64 {both}, {offset[2]}")
        return self._emit(f"add i64 %pi, {step}")

    def _as_float32(self, loaded: str, element: np.dtype[np.generic]) -> str:
        kind = _stored(element)
        match element.kind:
            case "f":
                return (
                    loaded if kind == "float" else self._emit(f"fptrunc {kind} {loaded} to float")
                )
            case "i":
                return self._emit(f"sitofp {kind} {loaded} to float")
            case _:
                return self._emit(f"uitofp {kind} {loaded} to float")


def _stored(element: np.dtype[np.generic]) -> str:
    """The type of a voxel in memory."""
    if element.kind == "f":
        return {4: "float", 8: "double"}[element.itemsize]
    return f"i{8 * element.itemsize}"


def _literal(expression: Scalar) -> str:
    """A constant; numbers as the bits of the float64 that equals the float32."""
    value = expression.detail[0]
    if expression.element == "bool":
        return "true" if value else "false"
    with np.errstate(over="ignore"):
        number = float(np.float32(value))  # type: ignore[arg-type]
    return f"0x{struct.unpack('>Q', struct.pack('>d', number))[0]:016X}"


def number_of_key(key: int, operation: str) -> float:
    """The number that a key of ``smallest`` or ``largest`` stands for; NaN where there was none."""
    if key == (NO_LEAST if operation == "smallest" else NO_GREATEST):
        return float("nan")
    bits = np.int32(key)
    flipped = bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))
    return float(flipped.view(np.float32)) + 0.0
