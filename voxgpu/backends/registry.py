"""The hand-written implementations of a backend, by primitive, and why others have none.

A function is registered where it is defined::

    @implements(distance.signed_distance, scratch=16)
    def signed_distance(b: Mask, grid: Grid, pool: ThreadPool) -> Array:

It takes the arguments of the primitive by position, arrays for images, and by keyword what it names
of ``grid`` (of the result, or of the first image where the result is a number) and of the
backend's own: ``pool`` on the CPU, ``device`` on a GPU.

A primitive of ``SHARED_INPUTS`` has a batched implementation. It takes the inputs that 1…n nodes
share, and then a list with the other arguments of each node; it returns the results in order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Any, TypeVar

from voxgpu.backends.node_use import NodeUse, use_of
from voxgpu.frozen import frozen
from voxgpu.optimize.step import BatchedStep, NodeStep, Step
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.define import Definition
from voxgpu.primitives.internal import SHARED_INPUTS
from voxgpu.primitives.primitive import AccessPattern, Primitive
from voxgpu.types import Content, ImageOf

Function = TypeVar("Function", bound=Callable[..., Any])

#: Bytes per voxel, or what estimates them.
Scratch = int | Callable[[NodeUse], float]

#: What computes the primitives of a family that have no kernel.
_REFERENCES: Mapping[str, str] = {
    "arithmetic": "NumPy",
    "bias_field": "SimpleITK filter",
    "color": "NumPy",
    "filters": "SciPy filter",
    "masked_statistics": "NumPy",
    "overlap": "NumPy",
    "region": "NumPy",
    "resampling": "SimpleITK filter",
    "shape": "NumPy",
    "simpleitk": "SimpleITK filter",
    "surface": "SciPy distance transform",
}

#: What computes the primitives of other families: those that users define.
_OTHER = "Python function"


@frozen(slots=True)
class Implementation:
    """A function that computes a primitive on a backend.

    scratch         bytes per voxel besides inputs and result, in steady state; or a function that
                    estimates them from what is known of the arguments
    libraries       the files of CUDA kernels that it launches
    device_numbers  whether numbers may be given as addresses on the device
    on_reference    elements of images that it does not take: the reference computes these
    shared          how many inputs, from the first one, all nodes of a batch share; 0: it takes
                    one node
    fixed           arguments that are the same in every call
    context         what it takes of the grid and the backend, by keyword
    """

    function: Callable[..., Any]
    scratch: Scratch
    libraries: tuple[str, ...]
    device_numbers: bool
    on_reference: frozenset[str]
    shared: int
    fixed: Mapping[str, Any]
    context: frozenset[str]

    def scratch_of(self, node: Node, plan: Plan) -> float:
        """Bytes per voxel for one node of a plan."""
        if not callable(self.scratch):
            return self.scratch
        use = use_of(node, plan)
        return self.scratch(use) if use is not None else 0

    def call(self, arguments: Sequence[Any], **context: Any) -> Any:
        """The result for one node."""
        given = {name: value for name, value in context.items() if name in self.context}
        return self.function(*arguments, **self.fixed, **given)

    def call_batch(self, nodes: Sequence[Sequence[Any]], **context: Any) -> Any:
        """The results for the arguments of 1…n nodes, of which the first ones are shared."""
        own = [tuple(arguments[self.shared :]) for arguments in nodes]
        return self.call([*nodes[0][: self.shared], own], **context)


class Registry:
    """The implementations of a backend.

    package  whose modules register them when they are imported
    where    where the reference computes, for people, such as ``, on the host``
    """

    def __init__(self, package: str, where: str = "") -> None:
        self._package = package
        self._where = where
        self._registered: dict[Primitive, Implementation] = {}

    def implements(
        self,
        definition: Definition,
        *,
        scratch: Scratch,
        libraries: Collection[str] = (),
        device_numbers: bool = False,
        on_reference: Collection[str] = (),
        **fixed: Any,
    ) -> Callable[[Function], Function]:
        """A decorator that registers a function for all overloads of a definition.

        See ``Implementation`` for the options; others are fixed arguments of the function.
        """

        def register(function: Function) -> Function:
            context = frozenset(signature(function).parameters) & {"grid", "pool", "device"}
            for each in definition.overloads:
                assert each not in self._registered, f"{each.name} is implemented twice"
                self._registered[each] = Implementation(
                    function,
                    scratch,
                    tuple(libraries),
                    device_numbers,
                    frozenset(on_reference),
                    SHARED_INPUTS.get(each, 0),
                    fixed,
                    context,
                )
            return function

        return register

    @cached_property
    def implementations(self) -> Mapping[Primitive, Implementation]:
        """All implementations; imports the modules of the package first."""
        package = import_module(self._package)
        for each in iter_modules(package.__path__, f"{self._package}."):
            import_module(each.name)
        return self._registered

    def find(self, primitive: Primitive) -> Implementation | None:
        """The implementation of a primitive; None where it has none."""
        return self.implementations.get(primitive)

    def reason_for_reference(self, primitive: Primitive, elements: Collection[str] = ()) -> str:
        """What computes a primitive instead of a kernel; empty where a kernel does.

        elements  of the images that it is applied to

        Operations on single numbers need no kernel.
        """
        if primitive.shape in (AccessPattern.SCALAR, AccessPattern.SOURCE):
            return ""
        found = self.find(primitive)
        if found is not None:
            refused = sorted(found.on_reference.intersection(elements))
            return f"NumPy for images of {' and '.join(refused)}{self._where}" if refused else ""
        if primitive.body is not None:
            return ""
        return _REFERENCES.get(primitive.family, _OTHER) + self._where

    def reason_of(self, step: Step, plan: Plan) -> str:
        """What computes a step instead of a kernel; empty where a kernel does."""
        if not isinstance(step, NodeStep | BatchedStep):
            return ""
        node = step.node if isinstance(step, NodeStep) else step.nodes[0][1]
        kinds = [plan.types[each] for each in node.inputs]
        images = [each for each in kinds if isinstance(each, ImageOf)]
        has_colors = any(each.content is Content.COLOR for each in images)
        if has_colors and node.primitive.body is not None:
            return f"NumPy for images of colors{self._where}"
        return self.reason_for_reference(node.primitive, {each.element for each in images})


def where_computed(primitive: Primitive, cpu: Registry, cuda: Registry) -> str:
    """Says in words what computes a primitive; empty for operations on single numbers."""
    if primitive.shape in (AccessPattern.SCALAR, AccessPattern.SOURCE):
        return ""
    by_cpu, by_gpu = (_computed_by(primitive, each) for each in (cpu, cuda))
    if by_gpu in (by_cpu, f"{by_cpu}, on the host"):
        return f"CPU and GPU: {by_gpu}."
    return f"CPU: {by_cpu}. GPU: {by_gpu}."


def _computed_by(primitive: Primitive, registry: Registry) -> str:
    reason = registry.reason_for_reference(primitive)
    found = registry.find(primitive)
    if reason or found is None:
        return reason or "generated kernel"
    refused = registry.reason_for_reference(primitive, found.on_reference)
    return "hand-written kernel" + (f"; {refused}" if refused else "")
