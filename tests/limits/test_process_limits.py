"""The tightest limit applies, and names its source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits.group_tree import MOUNT_V2, tree
from voxgpu.limits.batch import cores_of_job, memory_of_job
from voxgpu.limits.process import core_limits, memory_limits

MIB = 1 << 20


@pytest.mark.parametrize(
    ("variables", "memory"),
    [
        ({}, None),
        ({"SLURM_MEM_PER_NODE": "4096"}, ("SLURM_MEM_PER_NODE", 4096)),
        ({"SLURM_MEM_PER_NODE": "0"}, None),
        ({"SLURM_MEM_PER_NODE": "lots"}, None),
        (
            {"SLURM_MEM_PER_NODE": "4096", "SLURM_STEP_TASKS_PER_NODE": "1,4(x2)"},
            ("SLURM_MEM_PER_NODE", 4096),
        ),
        (
            {
                "SLURM_MEM_PER_NODE": "4096",
                "SLURM_STEP_TASKS_PER_NODE": "1,4(x2)",
                "SLURM_NODEID": "2",
            },
            ("SLURM_MEM_PER_NODE", 1024),
        ),
        ({"SLURM_MEM_PER_CPU": "1000"}, ("SLURM_MEM_PER_CPU", 1000)),
        (
            {"SLURM_MEM_PER_CPU": "1000", "SLURM_CPUS_PER_TASK": "3"},
            ("SLURM_MEM_PER_CPU", 3000),
        ),
        (
            {"SLURM_MEM_PER_CPU": "1000", "SLURM_CPUS_ON_NODE": "8"},
            ("SLURM_MEM_PER_CPU", 8000),
        ),
    ],
)
def test_memory_of_a_job(variables: dict[str, str], memory: tuple[str, int] | None) -> None:
    wanted = (memory[0], memory[1] * MIB) if memory else None
    assert memory_of_job(variables) == wanted


@pytest.mark.parametrize(
    ("variables", "cores"),
    [
        ({}, None),
        ({"SLURM_CPUS_PER_TASK": "2", "SLURM_CPUS_ON_NODE": "8"}, ("SLURM_CPUS_PER_TASK", 2)),
        ({"SLURM_CPUS_ON_NODE": "8"}, ("SLURM_CPUS_ON_NODE", 8)),
        (
            {"SLURM_CPUS_ON_NODE": "8", "SLURM_STEP_TASKS_PER_NODE": "4(x9)"},
            ("SLURM_CPUS_ON_NODE", 2),
        ),
    ],
)
def test_cores_of_a_job(variables: dict[str, str], cores: tuple[str, int] | None) -> None:
    assert cores_of_job(variables) == cores


def test_the_tightest_limit_comes_first_and_says_what_it_is(tmp_path: Path) -> None:
    files = {"memory.max": 10**7, "memory.current": 10**6, "cpu.max": "10000 100000"}
    root = tree(tmp_path, "0::/\n", [MOUNT_V2.format(begins="/")], files)
    memory, cores = memory_limits(root, {})[0], core_limits(root, {})[0]
    assert (memory.source, memory.limit, memory.available) == (
        str(root / "sys/fs/cgroup/memory.max"), 10**7, 9 * 10**6,
    )  # fmt: skip
    assert (cores.source, cores.cores) == (str(root / "sys/fs/cgroup/cpu.max"), 1)
    variables = {"SLURM_MEM_PER_NODE": "5", "SLURM_CPUS_PER_TASK": "1"}
    assert memory_limits(root, variables)[0].source == "SLURM_MEM_PER_NODE"
    assert memory_limits(root, variables)[0].available == 0  # the process itself uses more
    assert "the computer" in {each.source for each in core_limits(root, variables)}


def test_cores_are_those_of_the_affinity() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("needs Linux")
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from voxgpu.backends.thread_pool import usable_cores; print(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_doctor_tells_limits_and_where_they_come_from() -> None:
    command = "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 36, 1 << 36))"
    command += "; from voxgpu.cli.main import main; main(['doctor', '--quick'])"
    variables = os.environ | {"SLURM_CPUS_PER_TASK": "1", "SLURM_MEM_PER_NODE": "1000"}
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, env=variables
    )
    assert "\ncpu        1 core to use" in done.stdout
    assert "1: SLURM_CPUS_PER_TASK" in done.stdout
    assert "of 1.0 GB: SLURM_MEM_PER_NODE" in done.stdout
    if sys.platform == "linux":
        assert "of 68.7 GB: ulimit -v" in done.stdout
