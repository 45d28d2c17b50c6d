"""File trees as the system shows them to a process in a control group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MOUNT_V2 = "31 23 0:28 {begins} /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate"
MOUNT_V1 = "35 31 0:32 {begins} /sys/fs/cgroup/{name} rw,relatime - cgroup cgroup rw,{name}"


def tree(root: Path, groups: str, mounts: list[str], files: Mapping[str, object]) -> Path:
    """Create a folder that stands for ``/``.

    groups  content of /proc/self/cgroup
    mounts  lines of /proc/self/mountinfo
    files   contents by path below /sys/fs/cgroup
    """
    own = root / "proc" / "self"
    own.mkdir(parents=True, exist_ok=True)
    (own / "cgroup").write_text(groups)
    (own / "mountinfo").write_text("\n".join(mounts) + "\n")
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root
