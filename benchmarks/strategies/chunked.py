"""Chunked dataflow: images are arrays of dask in slabs, and kernels run slab by slab.

What reads beyond a voxel reads a border of the neighboring slabs (``dask.array.overlap``). Work
that needs a whole image (connected components, distances, ranks) is a barrier: all that is
pending is computed first. Failures are found before slabs are queued, since numbers are not lazy.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from benchmarks.strategies.interface import Counted, Failed, Graph, StrategyIO, deliver
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.compile import run_kernel
from voxgpu.codegen.kernel import Kernel
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import FusedStep

#: Voxels of a slab.
SLAB = 1 << 20

#: Runs the kernel of a slab on the thread that dask chose for it.
_ALONE = ThreadPool(1)

#: How partial results of slabs become one, exactly.
_MERGE = {"count": sum, "smallest": np.minimum.reduce, "largest": np.maximum.reduce}


class Lazy:
    """An image that is still to be computed, as an array of dask."""

    def __init__(self, array: Any, grid: Grid) -> None:
        self.array = array
        self.grid = grid


def is_chunkable(step: Any) -> bool:
    """Returns whether slabs of a kernel's inputs determine slabs of its outputs, bit for bit."""
    if not isinstance(step, FusedStep) or len(step.grid.shape) != 3:
        return False
    kernel = step.kernel
    places = any(each.operation in ("position", "extent") for each in kernel.expressions)
    exact = all(each.operation in _MERGE for each in kernel.reductions)
    needs_numbers = any(each.required_nonzero is not None for each in step.reduced_scalars)
    is_whole = bool(kernel.reductions) and (kernel.is_neighborhood or not exact or needs_numbers)
    return not places and not is_whole and bool(step.images)


def _run_slab(
    kernel: Kernel, numbers: list[Any], depth: int, start: int, stop: int, *slabs: Any
) -> tuple[list[Any], list[Any]]:
    """The kernel on planes start … stop of an image, whose slabs have ``depth`` planes more."""
    outputs, reductions = run_kernel(kernel, slabs, numbers, slabs[0].shape, _ALONE)
    first = min(depth, start)
    return [each[first : first + stop - start] for each in outputs], reductions


class _Dataflow:
    """The values of a run, some of them lazy."""

    def __init__(self, schedule: Schedule, io: StrategyIO) -> None:
        self._graph = Graph(schedule)
        self._io = io
        self._values: dict[ValueId, Any] = {}
        self._undelivered: list[Any] = []
        workers = io.backend.workers
        threads = workers.count if workers is not None else 1
        self._how = {"scheduler": "threads", "num_workers": threads}
        self.counted = Counted()
        self.chunked = 0

    def run(self) -> Counted:
        """Goes through the tasks in the order of the schedule."""
        try:
            for index, task in enumerate(self._graph.tasks):
                inputs = [self._values[id] for id in task.inputs]
                if is_chunkable(task.step) and not any(isinstance(v, Failed) for v in inputs):
                    self._io.begun(task)
                    made = self._queue(task.step)
                    self.chunked += 1
                else:
                    if any(isinstance(each, Lazy) for each in inputs):
                        self._compute_pending()
                    given = self._graph.inputs_of(index, self._values)
                    made = self._graph.perform(index, given, self._io)
                self.counted.performed += 1
                self._values.update((id, v) for id, v in made.items() if self._graph.uses[id])
                self._graph.release(task.inputs, self._values)
                self._undelivered += [g for id in made for g in self._graph.goals.get(id, ())]
                self._deliver()
            self._compute_pending()
            self._deliver()
        except BaseException:
            self._io.stop.set()
            raise
        return self.counted

    def _deliver(self) -> None:
        """Delivers the goals whose values are there."""
        waiting = []
        for goal in self._undelivered:
            if isinstance(self._values[goal.value], Lazy):
                waiting.append(goal)
                continue
            deliver(goal, self._values[goal.value], self._io, self.counted)
            self._graph.release([goal.value], self._values)
        self._undelivered = waiting

    def _compute_pending(self) -> None:
        """Computes all lazy values together, so that what they share is computed once."""
        import dask

        pending = {id: each for id, each in self._values.items() if isinstance(each, Lazy)}
        arrays = dask.compute(*(each.array for each in pending.values()), **self._how)
        for (id, each), array in zip(pending.items(), arrays, strict=True):
            self._values[id] = Image(array, each.grid)

    def _queue(self, step: FusedStep) -> dict[ValueId, Any]:
        """The lazy results of a kernel; its reductions are computed at once."""
        import dask
        import dask.array as da
        from dask.array import overlap

        depth, kernel, shape = step.kernel.halo[0], step.kernel, step.grid.shape
        planes = max(1, depth, SLAB // max(1, shape[1] * shape[2]))
        sources = [self._array(self._values[id], planes) for id in step.images]
        padded = sources
        if depth:
            border = {0: depth, 1: 0, 2: 0}
            padded = [
                overlap.overlap(each, border, {0: "none", 1: "none", 2: "none"}) for each in sources
            ]
        bounds = np.cumsum((0, *sources[0].chunks[0])).tolist()
        numbers = [self._values[id] for id in step.scalars]
        blocks = [each.to_delayed().ravel() for each in padded]
        call = dask.delayed(_run_slab, nout=2, pure=False)
        slabs = [
            call(kernel, numbers, depth, start, stop, *(each[place] for each in blocks))
            for place, (start, stop) in enumerate(itertools.pairwise(bounds))
        ]
        made: dict[ValueId, Any] = {}
        if step.reduced_scalars:
            slabs = list(dask.persist(*slabs, **self._how))
            made.update(self._reduced(step, numbers, slabs))
        for number, id in enumerate(step.output_images):
            kind = np.dtype(kernel.output_elements[number])
            parts = [
                da.from_delayed(slab[0][number], (stop - start, *shape[1:]), kind)
                for slab, start, stop in zip(slabs, bounds, bounds[1:], strict=False)
            ]
            made[id] = Lazy(da.concatenate(parts), step.grid)
        return made

    def _array(self, value: Any, planes: int) -> Any:
        import dask.array as da

        if isinstance(value, Lazy):
            return value.array.rechunk((planes, -1, -1))
        return da.from_array(value.array, chunks=(planes, -1, -1), name=False)

    def _reduced(self, step: FusedStep, numbers: list[Any], slabs: list[Any]) -> dict[Any, Any]:
        import dask

        from voxgpu.codegen.interpreter import evaluate

        partial = dask.compute(*(slab[1] for slab in slabs), **self._how)
        reductions = step.kernel.reductions
        merged = [
            np.float64(_MERGE[each.operation]([part[place] for part in partial]))
            for place, each in enumerate(reductions)
        ]
        found = dict(zip(map(id, reductions), merged, strict=True))
        return {
            each.id: float(evaluate(each.body, (), numbers, (), found))
            for each in step.reduced_scalars
        }


def run(schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule as chunked dataflow, with barriers where it cannot be expressed."""
    return _Dataflow(schedule, io).run()
