"""Shares of wall time: each instant counts once, and all of them are the whole."""

from __future__ import annotations

import os
import time

from hypothesis import given
from hypothesis import strategies as some

from voxgpu.profiling.shares import OTHER, START_UP, seconds_since_start, wall_shares
from voxgpu.spans import CATEGORIES, TimeSpan


def _span(category: str, start: float, end: float) -> TimeSpan:
    return TimeSpan(category, "x", "main", start, end, 0.0, {})


def test_an_instant_counts_for_the_first_of_what_is_done_in_it() -> None:
    spans = [
        _span("compiling", 2, 4),
        _span("reading", 3, 6),
        _span("computing", 5, 7),
        _span("writing", 8, 9),
    ]
    shares = wall_shares(spans, 0, 10)
    assert {name: seconds for name, seconds in shares.items() if seconds} == {
        START_UP: 2,
        "compiling": 1,
        "reading": 2,
        "computing": 2,
        OTHER: 2,
        "writing": 1,
    }


def test_a_run_without_spans_is_its_start() -> None:
    assert wall_shares([], 1, 3)[START_UP] == 2


_SPANS = some.lists(
    some.builds(
        lambda category, start, length: _span(category, start, start + length),
        some.sampled_from(CATEGORIES),
        some.integers(0, 100),
        some.integers(0, 100),
    ),
    max_size=20,
)


@given(_SPANS)
def test_shares_add_up_to_the_whole(spans: list[TimeSpan]) -> None:
    shares = wall_shares(spans, 10, 150)
    assert sum(shares.values()) == 140
    assert min(shares.values()) >= 0
    busy = {n for each in spans for n in range(int(max(10, each.start)), int(min(150, each.end)))}
    idle = shares[START_UP] + shares[OTHER]
    assert idle == 140 - len(busy)


def test_this_process_began_before_now() -> None:
    first = seconds_since_start()
    time.sleep(0.03)
    assert 0 < first < seconds_since_start()
    child = os.fork() if hasattr(os, "fork") else None
    if child == 0:
        os._exit(0 if seconds_since_start() < first else 1)
    if child is not None:
        assert os.waitpid(child, 0)[1] == 0
