"""Single operations on a GPU, compared with peers.

Before anything is timed, our result is compared with that of our CPU backend, and every peer's with
ours; a peer with a different result, or an error, is reported and has no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.gpu.clock import Clock
from benchmarks.gpu.peers import PEERS, Arrays, GpuPeer, Libraries, host
from benchmarks.gpu.queued import queueing, uploaded
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.bench.expressions import Operations
from voxgpu.bench.measure import Timing, alternate
from voxgpu.bench.operators import OPERATIONS, Operation

#: The number of copies of the inputs that are used in turn.
SETS = 3


@dataclass
class GpuRow:
    """The results of an operation.

    device    seconds of the device alone, by participant; ``copy`` copies as many bytes as the
              operation reads and writes
    wall      including copying the inputs there and the result back; ``CPU`` needs no copies
    differ    participants with a different result or none, with the reason
    launches  kernels of ours
    waits     how often ours had to wait for the device in between
    read, written  bytes of the inputs and of the result
    """

    operation: str
    read: int
    written: int
    device: dict[str, float] = field(default_factory=dict)
    wall: dict[str, Timing] = field(default_factory=dict)
    differ: dict[str, str] = field(default_factory=dict)
    launches: int = 0
    waits: int = 0


class Bench:
    """Measures operations on one volume.

    definitions  the text that defines the inputs
    libraries    those of the peers
    """

    def __init__(
        self,
        definitions: str,
        inputs: tuple[str, ...],
        gpu: Gpu,
        cpu: Cpu,
        libraries: Libraries,
        runs: int,
    ) -> None:
        self._operations = Operations(definitions, inputs, cpu)
        self._gpu, self._libraries, self._runs = gpu, libraries, runs
        self.clock = Clock(libraries.api, gpu.device.compute)
        self._copies = [uploaded(self._operations.given, gpu) for _ in range(SETS)]
        self._stream = libraries.api.cuda.Stream(non_blocking=True)
        self._peer_clock = Clock(libraries.api, self._stream)

    @property
    def voxels(self) -> int:
        """The number of voxels of the volume."""
        return int(next(iter(self._operations.arrays.values())).size)

    def rows(self, wanted: Callable[[str], bool], tell: Callable[[GpuRow], None]) -> list[GpuRow]:
        """The results of all operations whose names are wanted."""
        found = []
        for operation in OPERATIONS:
            if wanted(operation.name):
                found.append(self._row(operation))
                tell(found[-1])
        return found

    def _row(self, operation: Operation) -> GpuRow:
        ours = self._operations.call(operation.expression, self._gpu)
        cpu = self._operations.call(operation.expression)
        expected = ours()
        if not _same(cpu(), expected):
            message = f"{operation.name}: the GPU says something else than the CPU"
            raise AssertionError(message)
        arrays = self._operations.arrays
        read = sum(arrays[each].nbytes for each in operation.reads)
        row = GpuRow(operation.name, read, getattr(expected, "nbytes", 8))
        self._time_ours(operation, row)
        works = {"voxgpu": ours, "CPU": cpu}
        for peer in PEERS.get(operation.name, ()):
            work = self._time_peer(peer, operation, expected, row)
            if work is not None:
                works[peer.name] = work
        row.wall = alternate(works, self._runs)
        return row

    def _time_ours(self, operation: Operation, row: GpuRow) -> None:
        planned = self._operations.prepared(operation.expression, self._gpu)
        works = [queueing(planned, each, self._gpu) for each in self._copies]
        device = self._gpu.device
        works[0]()
        launches, waits = device.launches, device.waits
        works[0]()
        row.launches, row.waits = device.launches - launches, device.waits - waits
        row.device["voxgpu"] = self.clock.seconds(works, self._runs)
        size = max(1, (row.read + row.written) // 2)
        row.device["copy"] = 2 * size / self.clock.bandwidth(size)

    def _time_peer(
        self, peer: GpuPeer, operation: Operation, expected: Any, row: GpuRow
    ) -> Callable[[], Any] | None:
        """A peer's time on the device, and its work to time with copying; None if it has none."""
        if not peer.is_possible(self._libraries):
            return None
        arrays = self._operations.arrays
        needed = {name: arrays[name] for name in arrays if name in (*operation.reads, "m", "b")}

        def alone(given: Arrays) -> Callable[[], Any]:
            return lambda: self._on_stream(lambda: peer.function(given, self._libraries))

        try:
            copies = [self._arrays(needed) for _ in range(SETS)]
            reason = peer.equal(self._on_stream(lambda: host(alone(copies[0])())), expected)
            if not reason:
                works = [alone(each) for each in copies]
                row.device[peer.name] = self._peer_clock.seconds(works, self._runs)
        except Exception as error:
            # An operation that a library cannot do on this computer is reported in a line.
            reason = f"{type(error).__name__}: {str(error)[:80]}"
        if reason:
            row.differ[peer.name] = reason
            return None
        own = {name: arrays[name] for name in operation.reads}
        return lambda: self._on_stream(
            lambda: host(peer.function(self._arrays(own), self._libraries))
        )

    def _on_stream(self, work: Callable[[], Any]) -> Any:
        with self._stream:
            return work()

    def _arrays(self, given: Mapping[str, Any]) -> Arrays:
        """Copies of these arrays on the device; missing ones are not used."""

        def copied() -> Arrays:
            made = {name: self._libraries.api.asarray(array) for name, array in given.items()}
            return Arrays(**{name: made.get(name) for name in "vmbnf"})

        found: Arrays = self._on_stream(copied)
        return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)
