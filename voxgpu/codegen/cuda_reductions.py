"""CUDA text for reductions: what a thread accumulates, and what a block stores of it.

``kernels/fused.cuh`` has the functions that combine the values of threads and of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from voxgpu.codegen.cuda_numbers import is_whole, key_type
from voxgpu.codegen.scalar import Scalar

#: Sums that a thread accumulates at once. Each takes 16 registers, and already three spill on
#: sm_80. A kernel with more goes over the voxels of a block again, which the cache serves.
TOTALS = 2


def groups_of(reductions: Sequence[Scalar]) -> list[list[int]]:
    """The numbers of the reductions in groups that are accumulated together, in their order."""
    groups: list[list[int]] = [[]]
    sums = 0
    for number, each in enumerate(reductions):
        if each.operation == "total":
            if sums and sums % TOTALS == 0:
                groups.append([])
            sums += 1
        groups[-1].append(number)
    return groups


def declaration(number: int, reduction: Scalar) -> str:
    """The variables in which a thread accumulates a reduction."""
    if reduction.operation == "total":
        return f"  double total{number}[LANES], held{number}[LANES];"
    return f"  {key_type(reduction)} found{number} = 0;"


def accumulate(number: int, reduction: Scalar, value: str) -> list[str]:
    """The code that adds a voxel's value to a reduction."""
    inside = "first + lane < n"
    match reduction.operation:
        case "total":
            return [
                f"const double t{number} = {inside} ? (double){value} : 0.0;",
                f"if (step == 0) total{number}[lane] = t{number};",
                f"if (step == 1) total{number}[lane] += t{number};",
                f"if (step == 2) held{number}[lane] = t{number};",
                f"if (step == 3) total{number}[lane] += held{number}[lane] + t{number};",
            ]
        case "count":
            return [f"found{number} += {inside} && {value};"]
        case operation:
            key = "inverse_key_of" if operation == "smallest" else "key_of"
            if is_whole(reduction):
                key = f"whole_{key}"
            return [f"if ({inside}) found{number} = max(found{number}, {key}({value}));"]


def block_results(reductions: Sequence[Scalar], group: Sequence[int], sums: int) -> list[str]:
    """The code by which a block stores the results of a group.

    sums  how many sums the groups before it have
    """
    lines = []
    for number in group:
        reduction = reductions[number]
        word = f"reduced + {number + 1}"
        match reduction.operation:
            case "total":
                place = f"sums + {sums} * (i64)gridDim.x"
                sums += 1
                lines += [
                    f"  const double whole{number} = total_of_block(total{number}, halves);",
                    f"  if (threadIdx.x == 0) store_relaxed({place} + blockIdx.x, whole{number});",
                ]
            case "count":
                lines += [
                    f"  const u32 whole{number} = sum_of_block(found{number}, some);",
                    f"  if (threadIdx.x == 0 && whole{number})"
                    f" atomicAdd({word}, (u64)whole{number});",
                ]
            case _:
                kind = key_type(reduction)
                place = "some_wide" if is_whole(reduction) else "some"
                lines += [
                    f"  const {kind} whole{number} = greatest_of_block(found{number}, {place});",
                    f"  if (threadIdx.x == 0 && whole{number})"
                    f" atomicMax({word}, (u64)whole{number});",
                ]
    return lines
