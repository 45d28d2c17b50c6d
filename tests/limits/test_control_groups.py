"""Limits of control groups are found however batch systems and containers nest and mount them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.limits.group_tree import MOUNT_V1, MOUNT_V2, tree
from voxgpu.limits.control_groups import cores_of_groups, memory_of_groups

GB = 10**9
JOB = "system.slice/slurmstepd.scope/job_7"
SLICE = "user.slice/user-1000.slice"
V2 = [MOUNT_V2.format(begins="/")]
STAT = "anon 5\ninactive_file 0\nactive_file 0\nfile_mapped 0"


def _v2(folder: str, most: object, used: int, stat: str = STAT, name: str = "memory.max") -> dict:
    prefix = f"{folder}/" if folder else ""
    return {f"{prefix}{name}": most, f"{prefix}memory.current": used, f"{prefix}memory.stat": stat}


def _v1(folder: str, most: int, used: int, stat: str = "total_inactive_file 0") -> dict:
    prefix = f"memory/{folder}/" if folder else "memory/"
    return {
        f"{prefix}memory.limit_in_bytes": most,
        f"{prefix}memory.usage_in_bytes": used,
        f"{prefix}memory.stat": stat,
    }


def _m1(begins: str) -> list[str]:
    return [
        MOUNT_V1.format(begins=begins, name="memory"),
        MOUNT_V1.format(begins=begins, name="cpu"),
    ]


UNLIMITED = 9223372036854771712

CASES = {
    "docker, version 2": ("0::/\n", V2, _v2("", GB, GB // 5)),
    "docker, version 1": (
        "4:memory:/docker/abc\n1:cpu:/docker/abc\n",
        _m1("/docker/abc"),
        _v1("", GB, GB // 5),
    ),
    "docker, version 1, mounts not told": (
        "4:memory:/docker/abc\n",
        [],
        _v1("", GB, GB // 5),
    ),
    "a namespace of groups, version 1": ("4:memory:/\n", _m1("/"), _v1("", GB, GB // 5)),
    "mounted further down than is said": (
        "0::/host/docker/abc/job_7/step_0\n",
        V2,
        _v2("job_7", GB, GB // 5) | {"job_7/step_0/memory.max": "max"},
    ),
    "outside of the namespace's root": (
        "0::/../other\n",
        V2,
        _v2("", GB, GB // 5),
    ),
    "SLURM, version 2": (
        f"0::/{JOB}/step_0/user/task_0\n",
        V2,
        _v2(JOB, GB, GB // 5) | {f"{JOB}/step_0/user/task_0/memory.max": "max"},
    ),
    "SLURM, version 1": (
        "4:memory:/slurm/uid_5/job_7/step_batch/task_0\n0::/\n",
        _m1("/"),
        _v1("slurm/uid_5/job_7", GB, GB // 5)
        | _v1("slurm/uid_5/job_7/step_batch/task_0", UNLIMITED, 0)
        | _v1("", UNLIMITED, 9 * GB),
    ),
    "systemd: the user's slice": (
        f"0::/{SLICE}/user@1000.service/app.slice/run-5.scope\n",
        V2,
        _v2(f"{SLICE}/user@1000.service/app.slice/run-5.scope", 3 * GB, 0)
        | _v2(SLICE, GB, GB // 5),
    ),
    "systemd: memory.high": (
        f"0::/{SLICE}\n",
        V2,
        _v2(SLICE, 2 * GB, GB // 5) | {f"{SLICE}/memory.high": GB},
    ),
    "the group is gone": (
        f"0::/{SLICE}/gone.scope (deleted)\n",
        V2,
        _v2(SLICE, GB, GB // 5),
    ),
    "a colon in the path": (
        "0::/a.slice/b:c\n",
        V2,
        _v2("a.slice/b:c", GB, GB // 5),
    ),
    "version 1 beside an empty version 2": (
        "4:memory:/job\n0::/job\n",
        [
            *_m1("/"),
            "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
        ],
        _v1("job", GB, GB // 5) | {"unified/job/cgroup.procs": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_tightest_limit_of_memory_is_found(name: str, tmp_path: Path) -> None:
    found = list(memory_of_groups(tree(tmp_path, *CASES[name])))
    assert min(each.available for each in found) == GB - GB // 5
    assert min(each.limit for each in found) == GB
    assert all(each.file.is_file() for each in found)


def test_files_that_only_cache_count_as_free(tmp_path: Path) -> None:
    stat = "inactive_file 300\nactive_file 200\nfile_mapped 50\ntotal_inactive_file 9"
    (found,) = memory_of_groups(tree(tmp_path / "2", "0::/\n", V2, _v2("", 1000, 800, stat)))
    assert found.available == 1000 - (800 - 450)
    stat = "inactive_file 1\ntotal_inactive_file 300\ntotal_active_file 200\ntotal_mapped_file 50"
    files = _v1("", 1000, 800, stat)
    (found,) = memory_of_groups(tree(tmp_path / "1", "4:memory:/\n", _m1("/"), files))
    assert found.available == 1000 - (800 - 450)


def test_nothing_is_left_of_a_group_that_is_full(tmp_path: Path) -> None:
    (found,) = memory_of_groups(tree(tmp_path, "0::/\n", V2, _v2("", 1000, 1200)))
    assert found.available == 0


def test_groups_of_others_do_not_count(tmp_path: Path) -> None:
    """A mount elsewhere may show the groups of other containers."""
    files = _v2("own", 5 * GB, 0)
    mounts = [*V2, "50 23 0:28 /docker/other /mnt/other rw - cgroup2 cgroup2 rw"]
    root = tree(tmp_path, "0::/own\n", mounts, files)
    (root / "mnt/other").mkdir(parents=True)
    (root / "mnt/other/memory.max").write_text("10\n")
    assert [each.limit for each in memory_of_groups(root)] == [5 * GB]


def test_where_there_are_no_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert not list(memory_of_groups(tmp_path))
    assert not list(cores_of_groups(tmp_path))
    root = tree(tmp_path, "garbage\n\n::\n", ["too short", "a b c - d"], {"memory.max": "soon"})
    assert not list(memory_of_groups(root))


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "cores"),
    [
        ("0::/\n", V2, {"cpu.max": "150000 100000"}, [1.5]),
        ("0::/\n", V2, {"cpu.max": "max 100000"}, []),
        (
            f"0::/{JOB}/step_0\n",
            V2,
            {f"{JOB}/cpu.max": "200000 100000", f"{JOB}/step_0/cpu.max": "max 100000"},
            [2.0],
        ),
        (
            "1:cpu,cpuacct:/docker/a\n",
            [MOUNT_V1.format(begins="/docker/a", name="cpu,cpuacct")],
            {"cpu,cpuacct/cpu.cfs_quota_us": 50000, "cpu,cpuacct/cpu.cfs_period_us": 100000},
            [0.5],
        ),
        (
            "1:cpu:/\n",
            _m1("/"),
            {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100000},
            [],
        ),
    ],
)
def test_quotas_of_time_are_found(
    groups: str, mounts: list[str], files: dict[str, object], cores: list[float], tmp_path: Path
) -> None:
    found = cores_of_groups(tree(tmp_path, groups, mounts, files))
    assert [each.cores for each in found] == cores
