"""All limits on this process: system, control groups, batch system, and shell."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from voxgpu.frozen import frozen
from voxgpu.limits.batch import cores_of_job, memory_of_job
from voxgpu.limits.control_groups import cores_of_groups, memory_of_groups
from voxgpu.limits.memory_use import process_memory, system_memory


@frozen(slots=True)
class MemoryLimit:
    """A limit on the memory of this process.

    source     where it comes from, for people: a file, a variable, …
    limit      bytes
    available  bytes that are available now
    """

    source: str
    limit: int
    available: int


@frozen(slots=True)
class CoreLimit:
    """A limit on the cores of this process; see ``MemoryLimit``."""

    source: str
    cores: int


def memory_limits(
    root: Path = Path("/"), variables: Mapping[str, str] | None = None
) -> list[MemoryLimit]:
    """All memory limits, never empty; the one that leaves least comes first.

    root       the folder that stands for ``/``
    variables  the environment; None: the process's
    """
    return sorted(_memory(root, _environment(variables)), key=lambda limit: limit.available)


def core_limits(
    root: Path = Path("/"), variables: Mapping[str, str] | None = None
) -> list[CoreLimit]:
    """All limits on cores, never empty; the tightest comes first."""
    return sorted(_cores(root, _environment(variables)), key=lambda limit: limit.cores)


def resident_bytes() -> int:
    """Bytes of physical memory that this process uses."""
    return process_memory().resident


def _memory(root: Path, variables: Mapping[str, str]) -> Iterator[MemoryLimit]:
    system = system_memory()
    yield MemoryLimit("the computer", system.total, system.available)
    for group in memory_of_groups(root):
        yield MemoryLimit(str(group.file), group.limit, group.available)
    job = memory_of_job(variables)
    if job is not None:
        yield MemoryLimit(job[0], job[1], max(0, job[1] - resident_bytes()))
    yield from _of_shell()


def _cores(root: Path, variables: Mapping[str, str]) -> Iterator[CoreLimit]:
    count = os.cpu_count() or 1
    yield CoreLimit("the computer", count)
    if hasattr(os, "sched_getaffinity"):
        yield CoreLimit("the cores that the process may run on", len(os.sched_getaffinity(0)))
    for group in cores_of_groups(root):
        # A fraction of a core gets a thread, which then waits at times.
        yield CoreLimit(str(group.file), max(1, math.ceil(group.cores)))
    job = cores_of_job(variables)
    if job is not None:
        yield CoreLimit(*job)


def _of_shell() -> Iterator[MemoryLimit]:
    """Limits set by ``ulimit`` in a shell or batch system."""
    try:
        import resource
    except ImportError:  # Windows
        return
    taken = process_memory()
    for name, what, used in (
        ("RLIMIT_AS", "ulimit -v", taken.virtual),
        ("RLIMIT_DATA", "ulimit -d", taken.data),
    ):
        bound, _ = resource.getrlimit(getattr(resource, name))
        if bound not in (resource.RLIM_INFINITY, -1) and used is not None:
            yield MemoryLimit(what, int(bound), max(0, int(bound - used)))


def _environment(variables: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if variables is None else variables
