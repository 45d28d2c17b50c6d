"""The shares of a run's wall time: each instant counts for one category."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from voxgpu.process_start import start_ticks
from voxgpu.spans import CATEGORIES, TimeSpan

#: Before the first span: the interpreter, imports, options.
START_UP = "starting"

#: Between spans: choosing what to do next, printing, waiting.
OTHER = "coordinating"

#: After the run: making the profile.
PROFILING = "profiling"


def wall_shares(spans: Sequence[TimeSpan], start: float, end: float) -> Mapping[str, float]:
    """The seconds from ``start`` to ``end`` by what was done in them; their sum is all of them.

    Where threads did several things at once, an instant counts for the first of them in the order
    of ``CATEGORIES``. What precedes the first span is the start; other instants without spans are
    coordination.
    """
    shares = dict.fromkeys((START_UP, *CATEGORIES, OTHER), 0.0)
    changes = [(min(max(each.start, start), end), 1, each.category) for each in spans]
    changes += [(min(max(each.end, start), end), -1, each.category) for each in spans]
    active = dict.fromkeys(CATEGORIES, 0)
    before, current = start, START_UP
    for instant, change, category in sorted(changes):
        shares[current] += instant - before
        active[category] += change
        before = instant
        current = next((each for each in CATEGORIES if active[each]), OTHER)
    shares[current] += end - before
    return shares


def seconds_since_start() -> float:
    """How long this process has existed, to 0.01 s; 0 where that is unknown."""
    ticks = start_ticks()
    if ticks is not None:
        started = ticks / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    import psutil

    with suppress(OSError, psutil.Error):
        return max(0.0, time.time() - psutil.Process().create_time())
    return 0.0
