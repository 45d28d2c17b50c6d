"""Limits from the Linux control groups (cgroups, versions 1 and 2) of this process.

A group is limited by its own settings and by those of every group above it, so the limits are read
from the process's own group (``/proc/self/cgroup``) up to the root of the mount. In a container the
mount may begin at the group of the container while ``/proc/self/cgroup`` gives the path on the
host, or the other way around; then the visible part of the path is used.

Every function takes ``root``, the folder that stands for ``/``, for tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from voxgpu.frozen import frozen

#: The conventional mount point of control groups, for containers that hide the mounts.
_USUAL = "sys/fs/cgroup"

#: Version 1 writes "no limit" as the largest multiple of a page.
_NO_LIMIT = 1 << 60


@frozen(slots=True)
class GroupMemory:
    """The memory limit of a group.

    file       the file with the limit
    limit      bytes
    available  bytes that are still free, or used only by cached files that can be dropped
    """

    file: Path
    limit: int
    available: int


@frozen(slots=True)
class GroupCores:
    """The CPU quota of a group, possibly a fraction of a core.

    file   the file with the quota
    cores  CPU seconds per second
    """

    file: Path
    cores: float


def memory_of_groups(root: Path = Path("/")) -> Iterator[GroupMemory]:
    """The memory limits of this process's groups, from its own group up."""
    for folder in _groups("memory", root):
        for name in ("memory.max", "memory.high"):
            yield from _memory(folder, name, "memory.current", "")
        yield from _memory(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_")


def cores_of_groups(root: Path = Path("/")) -> Iterator[GroupCores]:
    """The CPU quotas of this process's groups, from its own group up."""
    for folder in _groups("cpu", root):
        quota, period = _two_numbers(folder / "cpu.max")
        if quota is not None and period:
            yield GroupCores(folder / "cpu.max", quota / period)
        quota = _number(folder / "cpu.cfs_quota_us")
        period = _number(folder / "cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            yield GroupCores(folder / "cpu.cfs_quota_us", quota / period)


def _memory(folder: Path, limit: str, usage: str, prefix: str) -> Iterator[GroupMemory]:
    """The limit in a file of a group; ``prefix`` is that of the counts in memory.stat."""
    bound = _number(folder / limit)
    if bound is None or bound >= _NO_LIMIT:
        return
    counts = _counts(folder / "memory.stat")

    def count(name: str) -> int:
        return counts.get(prefix + name, counts.get(name, 0))

    # Mapped files, such as the code of programs, would be read again at once.
    mapped = count("file_mapped") or count("mapped_file")
    files = max(0, count("inactive_file") + count("active_file") - mapped)
    used = max(0, (_number(folder / usage) or 0) - files)
    yield GroupMemory(folder / limit, bound, max(0, bound - used))


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of the groups that may limit this process, each once, from its own group up."""
    paths = _paths(root)
    seen: set[Path] = set()
    for version in (1, 2):
        path = paths.get(controller if version == 1 else "", "/")
        for top, begins in _mounts(controller, version, root):
            for folder in _upwards(top, _within(top, begins, path)):
                if folder not in seen:
                    seen.add(folder)
                    yield folder


def _paths(root: Path) -> dict[str, str]:
    """The path of this process's group by controller; that of version 2 has an empty name."""
    paths: dict[str, str] = {}
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number.isdigit() and path.startswith("/"):
            paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def _mounts(controller: str, version: int, root: Path) -> list[tuple[Path, str]]:
    """The mounts of a controller: the folder, and the path of the group mounted there."""
    usual = root / _USUAL
    mounts: list[tuple[Path, str]] = []
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_wanted = kind[0] == "cgroup" and controller in kind[2].split(",")
        if is_wanted if version == 1 else kind[0] == "cgroup2":
            begins, path_on_mount = _plain(fields[3]), _plain(fields[4])
            mounts.append((root / path_on_mount.lstrip("/"), begins))
    path = _paths(root).get(controller if version == 1 else "", "/")
    # Elsewhere there may be groups of other processes.
    mounts = [each for each in mounts if usual in (each[0], *each[0].parents) or _shows(each, path)]
    names = ("", "unified") if version == 2 else (controller, "cpu,cpuacct")
    mounts += [(usual / each, "/") for each in names]
    return [each for each in mounts if each[0].is_dir()]


def _shows(mount: tuple[Path, str], path: str) -> bool:
    """Whether a group is visible in a mount."""
    begins = mount[1].rstrip("/")
    return path == begins or path.startswith(begins + "/")


def _within(top: Path, begins: str, path: str) -> list[str]:
    """The existing components of a group's path below a mount.

    begins  the path of the group that is mounted
    """
    above = [each for each in begins.split("/") if each]
    parts = [each for each in path.split("/") if each]
    if parts[: len(above)] == above:
        parts = parts[len(above) :]
    parts = [each for each in parts if each != ".."]
    # A mount may begin deeper than stated, such as at the group of a container.
    for start in range(len(parts)):
        if top.joinpath(*parts[start:]).is_dir():
            return parts[start:]
    # The process's own group may be gone or hidden; the groups above it still limit it.
    while parts and not top.joinpath(*parts).is_dir():
        parts.pop()
    return parts


def _upwards(top: Path, parts: list[str]) -> Iterator[Path]:
    for count in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:count])


def _plain(escaped: str) -> str:
    """Decode a path of mountinfo, where spaces and the like are octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), escaped)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """The number in a file; None if there is none, as in ``max``."""
    return _two_numbers(path)[0]


def _two_numbers(path: Path) -> tuple[int | None, int | None]:
    words = [*(" ".join(_lines(path))).split(), "", ""]
    first, second = (int(each) if each.lstrip("-").isdigit() else None for each in words[:2])
    return first, second


def _counts(path: Path) -> dict[str, int]:
    """Names and numbers, one pair per line."""
    pairs = (line.split() for line in _lines(path))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
