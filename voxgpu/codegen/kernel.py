"""Generated kernels: expressions over a few images, computed in one pass."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from voxgpu.codegen.expression_table import Table, expressions_of, table_of
from voxgpu.codegen.integers import WHOLE, exact
from voxgpu.codegen.scalar import HERE, LEAVES, Element, Scalar, single, topological_order
from voxgpu.frozen import frozen


@frozen(eq=False)
class Kernel:
    """Images and numbers to images and reductions, voxel by voxel.

    inputs      NumPy names of the elements of the input images, unconverted
    parameters  elements of the scalar arguments; their values are not part of the kernel
    outputs     the expression of each output image
    reductions  results over all voxels: ``total``, ``count``, ``smallest``, ``largest``
    stored      NumPy names of the elements of the output images; empty: float32 or bool
    """

    inputs: tuple[str, ...]
    parameters: tuple[Element, ...]
    outputs: tuple[Scalar, ...]
    reductions: tuple[Scalar, ...] = ()
    stored: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles its fields, not what was derived from them; expressions stay shared."""
        table = table_of([*self.outputs, *self.reductions])
        fields = (self.inputs, self.parameters, len(self.outputs), self.stored)
        return _of_table, (*fields, table)

    @property
    def output_elements(self) -> tuple[str, ...]:
        """NumPy names of the elements of the output images."""
        plain = ("bool" if each.element == "bool" else "float32" for each in self.outputs)
        return self.stored or tuple(plain)

    @cached_property
    def exact(self) -> Kernel:
        """The kernel with exact comparisons of integers that float32 cannot represent."""
        if not any(each in WHOLE for each in self.inputs):
            return self
        count = len(self.outputs)
        rounded = [
            each if name == "bool" or name in WHOLE else single(each)
            for each, name in zip(self.outputs, self.output_elements, strict=True)
        ]
        found, parameters = exact([*rounded, *self.reductions], self.inputs, self.parameters)
        return replace(
            self,
            parameters=parameters,
            outputs=found[:count],
            reductions=found[count:],
            stored=self.output_elements,
        )

    @cached_property
    def expressions(self) -> tuple[Scalar, ...]:
        """All expressions computed per voxel, arguments before their users."""
        roots = [*self.outputs, *(reduction.arguments[0] for reduction in self.reductions)]
        return tuple(topological_order(roots))

    @cached_property
    def operations(self) -> int:
        """The number of operations per voxel, excluding reads."""
        return sum(each.operation not in LEAVES for each in self.expressions)

    @cached_property
    def halo(self) -> tuple[int, int, int]:
        """The maximum distance of a read, in voxels along (z, y, x)."""
        offsets = [e.offset for e in self.expressions if e.operation == "read"]
        z, y, x = (max((abs(o[axis]) for o in offsets), default=0) for axis in range(3))
        return z, y, x

    @cached_property
    def is_neighborhood(self) -> bool:
        """Whether it reads neighbors of the voxel."""
        return self.halo != HERE

    @cached_property
    def uses_rows(self) -> bool:
        """Whether it depends on the position of a voxel, or on its neighbors."""
        return self.is_neighborhood or any(e.operation == "position" for e in self.expressions)

    @cached_property
    def with_converted_inputs(self) -> Kernel:
        """The kernel for inputs that have been converted to the elements that it computes with.

        The value outside an image may not be representable in the image's element.
        """
        kept = ("bool", *WHOLE)
        inputs = tuple(each if each in kept else "float32" for each in self.inputs)
        return replace(self, inputs=inputs)

    def boundary_value(self, number: int) -> bool | float:
        """The value that input ``number`` reads as beyond the frame."""
        for each in self.expressions:
            if (
                each.operation == "read"
                and each.number == number
                and each.boundary_value is not None
            ):
                return each.boundary_value
        return False


def _of_table(
    inputs: tuple[str, ...],
    parameters: tuple[Element, ...],
    outputs: int,
    stored: tuple[str, ...],
    table: Table,
) -> Kernel:
    found = expressions_of(table)
    return Kernel(inputs, parameters, found[:outputs], found[outputs:], stored)
