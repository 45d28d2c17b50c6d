"""What does a program come to?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voxgpu.diagnostics import Diagnostic, Failure
from voxgpu.execution.outputs import Printed, Saved
from voxgpu.primitives.primitive import Value


@dataclass(frozen=True)
class Result:
    """What a program came to.

    prints    what was printed, in order
    saved     the files that were written, in order, with their images
    errors    the goals that failed; warnings are in ``warnings``
    seconds   wall time of running, compiling not included
    nodes     how many values there are that goals need, or that decided how lowering went on
    computed  how many of them were computed
    reused    how many came from the store; what these were made of was not looked at
    found     the values that were asked for without a name
    interrupted  whether the run was ended before all was delivered
    failures  the goals that failed, one by one, before those of one cause were told together
    """

    prints: tuple[Printed, ...]
    saved: tuple[Saved, ...]
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    seconds: float
    nodes: int
    computed: int
    reused: int = 0
    found: tuple[Value, ...] = ()
    interrupted: bool = False
    failures: tuple[Failure, ...] = ()

    @property
    def values(self) -> Mapping[str, Value]:
        """Everything delivered, by label or file name; sequences are tuples.

        Items that failed are NaN where they would be numbers, else None.
        """
        printed: dict[str, Value] = {p.label: p.value for p in self.prints}
        return printed | {saved.label: saved.value for saved in self.saved}

    def as_json(self) -> dict[str, Any]:
        """Plain data, as ``voxgpu run --json`` prints it."""
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
