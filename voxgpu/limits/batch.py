"""Limits of a SLURM job, from the environment variables that SLURM sets.

If SLURM does not use control groups, these are the only trace of a job's limits, and a job that
exceeds them is killed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MIB = 1 << 20


def memory_of_job(variables: Mapping[str, str]) -> tuple[str, int] | None:
    """The variable that limits the memory of this task, and the bytes; None if there is none.

    A limit per core is multiplied by the cores of the task. The memory of a node is divided among
    the tasks of the step on that node.
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
    """The variable that limits the cores of this task, and the number; None if there is none."""
    for_task = _positive(variables, "SLURM_CPUS_PER_TASK")
    if for_task is not None:
        return "SLURM_CPUS_PER_TASK", for_task
    on_node = _positive(variables, "SLURM_CPUS_ON_NODE")
    if on_node is not None:
        return "SLURM_CPUS_ON_NODE", max(1, on_node // _tasks(variables))
    return None


def _tasks(variables: Mapping[str, str]) -> int:
    """The number of tasks of this step on the node: of ``2(x3),1`` the entry for this node."""
    counts: list[int] = []
    for part in variables.get("SLURM_STEP_TASKS_PER_NODE", "").split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part.strip())
        if match:
            counts += [int(match[1])] * min(int(match[2] or 1), 1 << 20)
    node = variables.get("SLURM_NODEID", "0")
    place = int(node) if node.isdigit() else 0
    return max(1, counts[place]) if place < len(counts) else 1


def _positive(variables: Mapping[str, str], name: str) -> int | None:
    """The number in a variable; SLURM writes 0 for "everything available"."""
    text = variables.get(name, "").strip()
    return int(text) if text.isdigit() and int(text) > 0 else None
