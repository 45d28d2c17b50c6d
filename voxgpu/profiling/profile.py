"""The profile of a run, as data and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from voxgpu.frozen import frozen
from voxgpu.profiling.shares import PROFILING, wall_shares
from voxgpu.profiling.table import (
    Known,
    Line,
    by_device,
    by_kernel,
    by_primitive,
    by_source_line,
    task_times,
)
from voxgpu.spans import Recorder

#: Bytes of the array whose copy says how fast this computer's memory is: about those of an image.
_COPIED = 16 << 20


@frozen
class Profile:
    """Where the time of a run went.

    shares             seconds of wall time by what was done; their sum is ``seconds``
    seconds            wall time from the start of the process until this profile was made
    copy               bytes per second that a copy of an array reads and writes
    tables             lines by "primitive", "kernel", "line" and "devices", the longest first
    device             what computed
    spilled            bytes that were written to the disk for lack of memory
    stored             values that were written to the store
    """

    shares: Mapping[str, float]
    seconds: float
    copy: float
    tables: Mapping[str, Sequence[Line]]
    device: str = ""
    spilled: int = 0
    stored: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "seconds": self.seconds,
            "shares": dict(self.shares),
            "device": self.device,
            "spilled_bytes": self.spilled,
            "stored_values": self.stored,
            "copy_bytes_per_second": self.copy,
            **{
                name: [
                    {
                        "name": each.name,
                        "calls": each.calls,
                        "seconds": each.seconds,
                        "cpu_seconds": each.cpu,
                        "bytes_read": each.bytes_read,
                        "bytes_written": each.bytes_written,
                        "bytes_per_second": each.bytes_per_second(),
                        "sources": each.sources,
                        "hits": each.sources.get("store", 0),
                        "misses": each.sources.get("computed", 0),
                        "stored": each.stored,
                        "spilled_bytes": each.spilled,
                    }
                    for each in lines
                ]
                for name, lines in self.tables.items()
            },
        }


def profile_of(recorder: Recorder, start: float, end: float, device: str = "") -> Profile:
    """The profile of what was recorded between two times, in seconds of ``perf_counter``."""
    known = Known.of(recorder.plans)
    times = task_times(recorder.spans, known)
    tables = {
        "primitive": by_primitive(times),
        "kernel": by_kernel(times),
        "line": by_source_line(times, known),
        "devices": by_device(times),
    }
    shares = wall_shares(recorder.spans, start, end)
    # The profile itself takes time, which belongs to the run as well.
    copy, until = copy_speed(), perf_counter()
    shares = {**shares, PROFILING: max(0.0, until - end)}
    spilled = sum(each.details.get("spilled", 0) for each in recorder.spans)
    stored = sum(each.category == "writing to the store" for each in recorder.spans)
    return Profile(shares, max(until, end) - start, copy, tables, device, spilled, stored)


def copy_speed() -> float:
    """Bytes per second that a copy of an array reads and writes: the better of two."""
    memory = np.empty(2 * _COPIED, np.uint8)
    # Both halves are written first: untouched memory would all be one page, which caches hold.
    memory.fill(1)
    best = 0.0
    for _ in range(2):
        start = perf_counter()
        np.copyto(memory[_COPIED:], memory[:_COPIED])
        best = max(best, 2 * _COPIED / (perf_counter() - start))
    return best


def text_of(profile: Profile) -> str:
    """The profile for people."""
    lines = [f"{profile.seconds:.3f} s in all, on {profile.device or 'no device'}"]
    for name, seconds in profile.shares.items():
        if seconds >= 0.0005:
            lines.append(f"{seconds * 1e3:10.1f} ms {seconds / profile.seconds:6.1%}  {name}")
    if profile.stored:
        lines.append(f"{profile.stored} values were written to the store")
    if profile.spilled:
        lines.append(f"{profile.spilled / 1e6:.1f} MB were spilled to the disk")
    if not any(profile.tables.values()):
        return "\n".join([*lines, "nothing was computed: there is nothing to tell by line"])
    lines.append(f"a copy of an array reads and writes {profile.copy / 1e9:.1f} GB/s")
    for title, table in profile.tables.items():
        if not table:
            continue
        lines += ["", *_table(f"by {title}", table, profile.copy)]
    return "\n".join(lines)


def _table(title: str, table: Sequence[Line], copy: float) -> list[str]:
    head = f"{'wall ms':>10} {'CPU ms':>10} {'calls':>7} {'MB read':>9} {'MB written':>10}"
    kept = f"{'stored':>6} {'MB spilled':>10}"
    lines = [f"{head} {'GB/s':>6} {'of a copy':>9} {kept} {'from':<12} {title}"]
    for each in table:
        speed = each.bytes_per_second()
        sources = ", ".join(
            name if len(each.sources) == 1 else f"{name} {number}"
            for name, number in each.sources.items()
        )
        lines.append(
            f"{each.seconds * 1e3:10.2f} {each.cpu * 1e3:10.2f} {each.calls:7.3g} "
            f"{each.bytes_read / 1e6:9.1f} {each.bytes_written / 1e6:10.1f} {speed / 1e9:6.1f} "
            f"{speed / copy:9.0%} {each.stored:6} {each.spilled / 1e6:10.1f} "
            f"{sources:<12} {each.name}"
        )
    return lines
