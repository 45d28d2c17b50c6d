"""The result of a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxgpu.diagnostics import Diagnostic, Failure
from voxgpu.execution.outputs import Printed, Saved
from voxgpu.frozen import frozen
from voxgpu.primitives.primitive import Value


@frozen
class Result:
    """The result of a program.

    prints    what was printed, in order
    saved     the files that were saved, in order, with their images
    errors    the goals that failed
    warnings  warnings, including those about values
    seconds   wall time of execution, without compilation
    nodes     number of values needed by goals, or to decide how lowering continued
    computed  number of values that were computed
    reused    number of values from the store; their inputs are not counted
    found     values that were only requested, in order, with their labels
    interrupted  whether the run ended before all goals were delivered
    failures  the failed goals one by one, before grouping by cause
    """

    prints: tuple[Printed, ...]
    saved: tuple[Saved, ...]
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    seconds: float
    nodes: int
    computed: int
    reused: int = 0
    found: tuple[tuple[str, Value], ...] = ()
    interrupted: bool = False
    failures: tuple[Failure, ...] = ()

    @property
    def values(self) -> Mapping[str, Value]:
        """Everything delivered, by label or file name; sequences are tuples.

        Failed items are NaN for numbers, else None.
        """
        printed: dict[str, Value] = {p.label: p.value for p in self.prints}
        return printed | {saved.label: saved.value for saved in self.saved}

    def as_json(self) -> dict[str, Any]:
        """Returns plain data, as printed by ``voxgpu run --json``."""
        return {
            "print": [each.as_json() for each in self.prints],
            "saved": [each.as_json() for each in self.saved],
            "errors": [each.as_json() for each in self.errors],
            "warnings": [each.as_json() for each in self.warnings],
            "seconds": self.seconds,
            "nodes": self.nodes,
            "computed": self.computed,
            "reused": self.reused,
            "interrupted": self.interrupted,
        }
