"""Renders a kernel as CUDA source: four voxels a thread, one line per operation.

The text is compiled without contraction to multiply-add and without flush to zero, so that every
operation rounds as it does on the CPU. ``kernels/common.cuh`` and ``kernels/fused.cuh`` precede it;
the latter documents how voxels are read and reduced.

Arguments: ``n`` voxels, the image's width, height and depth (0 for a 2-D image), pointers to the
inputs, two arguments for each parameter (its value, and its address on the device, null if it is a
host value), pointers to the outputs; for kernels with reductions, a zero-initialized buffer for
them (1 + reductions words of 64 bits), one for the sums of blocks (a float64 for each block and
sum) and one for the results (a float64 a number, then the number of voxels of each mask that must
not be empty).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

from voxgpu.codegen.cuda_numbers import (
    ROUNDINGS,
    TYPES,
    is_whole,
    literal,
    reduced_number,
    stored_type,
)
from voxgpu.codegen.cuda_reductions import (
    TOTALS,
    accumulate,
    block_results,
    declaration,
    groups_of,
)
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import HERE, REDUCTIONS, SIGNS, Scalar, topological_order
from voxgpu.frozen import frozen

#: Voxels that a block of threads computes: those of a block of sums if the kernel reduces, else
#: one round of its threads; one per thread if neighbors are read.
REDUCING, PLAIN, SINGLE = 4096, 1024, 256

#: Threads of a block; as in ``kernels/fused.cuh``.
THREADS = 256

#: Blocks that a multiprocessor runs at once of a kernel with many sums: 85 registers a thread. Left
#: to itself, the compiler aims at four blocks and spills.
BLOCKS = 3


@frozen(eq=False)
class CudaKernel:
    """A kernel with the expressions computed from its reductions.

    numbers   expressions over the reductions of the kernel, each with the index of a reduction, a
              count, that is positive if the value is defined; None if it always is
    """

    kernel: Kernel
    numbers: tuple[tuple[Scalar, int | None], ...] = ()

    @cached_property
    def name(self) -> str:
        """The name of the function, derived from its text."""
        return f"k_{sha256(render(self, 'kernel').encode()).hexdigest()[:32]}"

    @property
    def checks(self) -> tuple[int, ...]:
        """The reductions whose counts are returned in addition to the numbers."""
        return tuple(count for _, count in self.numbers if count is not None)

    @property
    def totals(self) -> int:
        """The number of sums, which need a buffer for the sums of blocks."""
        return sum(each.operation == "total" for each in self.kernel.reductions)

    @property
    def voxels_a_block(self) -> int:
        """The number of voxels that one block of threads computes."""
        if self.kernel.reductions:
            return REDUCING
        return SINGLE if self.kernel.is_neighborhood else PLAIN


def render(kernel: CudaKernel, name: str) -> str:
    """The source text of the kernel as a function ``name``."""
    return _Writer(kernel).text(name)


class _Writer:
    def __init__(self, kernel: CudaKernel) -> None:
        self._cuda = kernel
        self._kernel = kernel.kernel.exact
        self._names: dict[int, str] = {}
        self._lines: list[str] = []
        self._lanes = not self._kernel.is_neighborhood
        assert self._lanes or not self._kernel.reductions, "reductions read their own voxel"

    def text(self, name: str) -> str:
        body = self._reducing() if self._kernel.reductions else self._plain()
        bounds = f"{THREADS}, {BLOCKS}" if self._cuda.totals > TOTALS else f"{THREADS}"
        head = f'extern "C" __global__ void __launch_bounds__({bounds}) {name}('
        return "\n".join([head, ",\n".join(self._arguments()) + ") {", *body, "}", ""])

    def _arguments(self) -> list[str]:
        kernel = self._kernel
        found = ["    i64 n, i32 width, i32 height, i32 depth"]
        found += [
            f"    const {stored_type(each)}* __restrict__ r{i}"
            for i, each in enumerate(kernel.inputs)
        ]
        found += [
            f"    {'u8' if each == 'bool' else TYPES[each]} p{i}_value, const double* p{i}_place"
            for i, each in enumerate(kernel.parameters)
        ]
        found += [
            f"    {stored_type(each)}* __restrict__ w{i}"
            for i, each in enumerate(kernel.output_elements)
        ]
        if kernel.reductions:
            found.append("    u64* reduced, double* sums, double* numbers")
        return found

    def _plain(self) -> list[str]:
        """The code for one round of voxels."""
        if not self._lanes:
            return [
                *self._parameters(),
                "  const i64 i = thread_number();",
                "  if (i >= n) return;",
                "  const Place place = place_of(i, n, width, height);",
                *self._voxel("  ", "i", "", range(0), True),
            ]
        return [
            *self._parameters(),
            "  const i64 first = thread_number() * LANES;",
            "  if (first >= n) return;",
            *self._round("  ", range(0), True),
        ]

    def _reducing(self) -> list[str]:
        """The code for the voxels of a block of sums, in the rounds that its tree begins with."""
        kernel = self._kernel
        lines = [*self._parameters(), "  __shared__ u32 some[THREADS / 32];"]
        if any(is_whole(reduction) for reduction in kernel.reductions):
            lines.append("  __shared__ u64 some_wide[THREADS / 32];")
        if self._cuda.totals:
            lines.append("  __shared__ double halves[LANES * THREADS / 2];")
        groups = groups_of(kernel.reductions)
        sums = 0
        for group in groups:
            lines += ["  {"] * (len(groups) > 1)
            lines += self._accumulation(group, group is groups[0])
            lines += block_results(kernel.reductions, group, sums)
            lines += ["  }"] * (len(groups) > 1)
            sums += sum(kernel.reductions[number].operation == "total" for number in group)
        return [*lines, *self._ending()]

    def _accumulation(self, group: Sequence[int], is_first: bool) -> list[str]:
        """The code for all voxels of a block, for some reductions and, at first, the outputs."""
        return [
            *(declaration(number, self._kernel.reductions[number]) for number in group),
            "#pragma unroll 1",
            "  for (int step = 0; step < STEPS; step++) {",
            "    // Rounds 0, 2, 1, 3: halves of a block are added first.",
            "    const int round = step == 1 ? 2 : step == 2 ? 1 : step;",
            "    const i64 first ="
            " (i64)blockIdx.x * BLOCK + round * (THREADS * LANES) + threadIdx.x * LANES;",
            *self._round("    ", group, is_first),
            "  }",
        ]

    def _round(self, indent: str, group: Sequence[int], is_first: bool) -> list[str]:
        """The code for four neighboring voxels."""
        kernel = self._kernel
        computed = self._computed(group, is_first)
        read = {each.number for each in computed if each.operation == "read"}
        outputs = list(enumerate(kernel.output_elements)) if is_first else []
        lines = [
            f"{indent}const Four<{stored_type(each)}> v{i} = load_four(r{i}, first, n);"
            for i, each in enumerate(kernel.inputs)
            if i in read
        ]
        lines += [f"{indent}Four<{stored_type(each)}> o{i};" for i, each in outputs]
        if kernel.uses_rows:
            lines.append(f"{indent}Place place = place_of(min(first, n - 1), n, width, height);")
        lines += ["#pragma unroll", f"{indent}for (int lane = 0; lane < LANES; lane++) {{"]
        lines += self._voxel(indent + "  ", "first + lane", "[lane]", group, is_first)
        if kernel.uses_rows:
            lines += [
                f"{indent}  if (++place.x == width) {{",
                f"{indent}    place.x = 0;",
                f"{indent}    if (++place.y == height) place.y = 0, place.z++;",
                f"{indent}  }}",
            ]
        lines.append(f"{indent}}}")
        lines += [f"{indent}store_four(w{i}, first, n, o{i});" for i, _ in outputs]
        return lines

    def _computed(self, group: Sequence[int], is_first: bool) -> list[Scalar]:
        """The expressions that some reductions need and, at first, those of the outputs."""
        roots = [*self._kernel.outputs] if is_first else []
        roots += [self._kernel.reductions[number].arguments[0] for number in group]
        return topological_order(roots)

    def _voxel(
        self, indent: str, index: str, lane: str, group: Sequence[int], is_first: bool
    ) -> list[str]:
        """The code for one voxel."""
        self._lines = []
        self._names = {}
        for expression in self._computed(group, is_first):
            self._names[id(expression)] = self._named(expression, index)
        for number, output in enumerate(self._kernel.outputs if is_first else ()):
            target = f"o{number}.values{lane}" if lane else f"w{number}[{index}]"
            kind = stored_type(self._kernel.output_elements[number])
            cast = f"({kind})" if output.element == "f32" and kind != "float" else ""
            self._lines.append(f"{target} = {cast}{self._names[id(output)]};")
        for number in group:
            reduction = self._kernel.reductions[number]
            value = self._names[id(reduction.arguments[0])]
            self._lines += accumulate(number, reduction, value)
        return [indent + line for line in self._lines]

    def _ending(self) -> list[str]:
        """The code by which the last block combines the partial results of all."""
        lines = ["  if (!is_last_block(reduced, some)) return;"]
        reductions = enumerate(self._kernel.reductions)
        totals = [number for number, each in reductions if each.operation == "total"]
        lines += [
            f"  const double row{number} = total_of_row(sums + {i} * (i64)gridDim.x, gridDim.x);"
            for i, number in enumerate(totals)
        ]
        return [*lines, "  if (threadIdx.x != 0) return;", *self._numbers()]

    def _numbers(self) -> list[str]:
        """The expressions over the reductions, in float64."""
        self._lines = []
        self._names = {}
        reductions = zip(self._cuda.kernel.reductions, self._kernel.reductions, strict=True)
        for number, (reduction, exact) in enumerate(reductions):
            self._lines.append(f"const double g{number} = {reduced_number(number, exact)};")
            self._names[id(reduction)] = f"g{number}"
        for place, (body, _) in enumerate(self._cuda.numbers):
            for each in _above_reductions(body):
                if id(each) not in self._names:
                    self._names[id(each)] = self._named(each, "")
            self._lines.append(f"numbers[{place}] = {self._names[id(body)]};")
        count = len(self._cuda.numbers)
        for place, reduction_index in enumerate(self._cuda.checks):
            self._lines.append(f"numbers[{count + place}] = g{reduction_index};")
        return ["  " + line for line in self._lines]

    def _parameters(self) -> list[str]:
        return [
            f"  const bool p{i} = truth_of(p{i}_value, p{i}_place);"
            if each == "bool"
            else f"  const {TYPES[each]} p{i} = number_of(p{i}_value, p{i}_place);"
            for i, each in enumerate(self._kernel.parameters)
        ]

    def _named(self, expression: Scalar, index: str) -> str:
        """Emits the code for an expression; returns the name of its value."""
        names = [self._names[id(argument)] for argument in expression.arguments]
        match expression.operation:
            case "parameter":
                return f"p{expression.number}"
            case "constant":
                return literal(expression)
            case "extent":
                return f"(float){('width', 'height', 'depth')[expression.axis]}"
            case "position":
                text = f"(float)place.{'xyz'[expression.axis]}"
            case "read":
                text = self._read(expression, index)
            case "negate":
                text = f"-{names[0]}"
            case "absolute":
                text = f"{'fabs' if expression.element == 'f64' else 'fabsf'}({names[0]})"
            case "not":
                text = f"!{names[0]}"
            case "convert":
                text = f"({TYPES[expression.element]}){names[0]}"
            case operation if operation in ROUNDINGS:
                suffix = "" if expression.element == "f64" else "f"
                text = f"{ROUNDINGS[operation]}{suffix}({names[0]})"
            case "exponent":
                text = f"(double)((i32)(__double_as_longlong({names[0]}) >> 52) - 1023)"
            case "scale":
                bits = f"(long long)((u64)((i32){names[1]} + 1023) << 52)"
                text = f"{names[0]} * __longlong_as_double({bits})"
            case "saturate":
                text = f"saturated_{expression.element}({names[0]})"
            case "where":
                text = f"{names[0]} ? {names[1]} : {names[2]}"
            case operation:
                text = f"{names[0]} {SIGNS[operation]} {names[1]}"
        name = f"e{len(self._lines)}"
        self._lines.append(f"const {TYPES[expression.element]} {name} = {text};")
        return name

    def _read(self, expression: Scalar, index: str) -> str:
        number, offset = expression.number, expression.offset
        boundary_value = expression.boundary_value

        def loaded(value: str) -> str:
            if expression.element == "bool":
                return f"{value} != 0"
            return f"(float){value}" if expression.element == "f32" else value

        if self._lanes:
            return loaded(f"v{number}.values[lane]")
        if offset == HERE:
            return loaded(f"r{number}[{index}]")
        conditions = [
            f"is_inside(place.{axis} + {step}, {size})"
            for axis, size, step in zip(
                "zyx", ("max(depth, 1)", "height", "width"), offset, strict=True
            )
            if step
        ]
        z, y, x = offset
        shift = f"((i64){z} * height + {y}) * width + {x}"
        voxel = loaded(f"r{number}[{index} + {shift}]")
        value: Any = 0 if boundary_value is None else boundary_value
        beyond = literal(Scalar("constant", (), (value,), expression.element))
        return f"{' && '.join(conditions)} ? {voxel} : {beyond}"


def _above_reductions(body: Scalar) -> list[Scalar]:
    """The expressions of a body that depend on reductions, arguments first."""
    inside: set[int] = set()
    for each in topological_order([body]):
        if each.operation in REDUCTIONS:
            inside |= {id(below) for below in topological_order(each.arguments)}
    order = topological_order([body])
    return [e for e in order if e.operation not in REDUCTIONS and id(e) not in inside]


def texts(kernels: Sequence[CudaKernel]) -> dict[str, str]:
    """The texts of kernels by name, without duplicates."""
    return {each.name: render(each, each.name) for each in kernels}
