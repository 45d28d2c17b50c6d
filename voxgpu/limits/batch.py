"""What SLURM gave to this job, by the variables that it sets.

Where SLURM does not use control groups these are the only trace of a job's limits, and a job that
takes more is ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MIB = 1 << 20


def memory_of_job(variables: Mapping[str, str]) -> tuple[str, int] | None:
    """The variable that bounds the memory of this task, and the bytes; None where none does.

    A limit for each core counts for the cores of the task. The memory of a node is shared by the
    tasks of a step there.
    """
    for_node = _positive(variables, "SLURM_MEM_PER_NODE")
    if for_node is not None:
        return "SLURM_MEM_PER_NODE", for_node * _MIB // _tasks(variables)
    for_core = _positive(variables, "SLURM_MEM_PER_CPU")
    if for_core is not None:
        cores = cores_of_job(variables)
        return "SLURM_MEM_PER_CPU", for_core * _MIB * (cores[1] if cores else 1)
    return None


def cores_of_job(variables: Mapping[str, str]) -> tuple[str, int] | None:
    """The variable that bounds the cores of this task, and the number; None where none does."""
    for_task = _positive(variables, "SLURM_CPUS_PER_TASK")
    if for_task is not None:
        return "SLURM_CPUS_PER_TASK", for_task
    on_node = _positive(variables, "SLURM_CPUS_ON_NODE")
    if on_node is not None:
        return "SLURM_CPUS_ON_NODE", max(1, on_node // _tasks(variables))
    return None


def _tasks(variables: Mapping[str, str]) -> int:
    """How many tasks of this step share the node: of ``2(x3),1`` the number for this node."""
    counts: list[int] = []
    for part in variables.get("SLURM_STEP_TASKS_PER_NODE", "").split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part.strip())
        if match:
            counts += [int(match[1])] * min(int(match[2] or 1), 1 << 20)
    node = variables.get("SLURM_NODEID", "0")
    place = int(node) if node.isdigit() else 0
    return max(1, counts[place]) if place < len(counts) else 1


def _positive(variables: Mapping[str, str], name: str) -> int | None:
    """The number in a variable; SLURM says "all there is" with 0."""
    text = variables.get(name, "").strip()
    return int(text) if text.isdigit() and int(text) > 0 else None
