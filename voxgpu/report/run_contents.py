"""Everything that the report of a run is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from voxgpu.compile import Compiled
from voxgpu.diagnostics import Diagnostic, Source
from voxgpu.execution.result import Result
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.spans import Recorder


@frozen
class RunContents:
    """A run, as its report shows it.

    compiled  None if the program has errors
    about     program, inputs, versions, host and times, as ``voxgpu run --json`` tells them
    recorder  what was recorded while it ran
    start end seconds of ``perf_counter``
    device    the name of the device that computed; empty if none did
    values    numbers, truth values and texts that were computed, by id
    """

    source: Source
    compiled: Compiled | None
    result: Result
    about: Mapping[str, Any]
    recorder: Recorder
    start: float
    end: float
    device: str = ""
    values: Mapping[ValueId, Value] = field(default_factory=dict)

    @property
    def diagnostics(self) -> Sequence[Diagnostic]:
        """Errors, then warnings, each once."""
        return tuple(dict.fromkeys((*self.result.errors, *self.result.warnings)))
