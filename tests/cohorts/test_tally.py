"""How far a cohort is: counts, rate and the time that is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.cohorts.tally import Standing, Tally, duration, rate_text


def test_rate_and_time_left_follow_from_rows_of_this_run() -> None:
    tally = Tally(total=100, known=40, now=1000.0)
    assert str(tally.standing(1000.0)) == "40 of 100 rows, 0 failed"
    for number in range(20):
        tally.add(failed=number % 10 == 0, now=1000.0 + 3 * (number + 1))
    found = tally.standing(1060.0)
    assert (found.done, found.failed, found.left) == (58, 2, 40)
    assert found.rate == pytest.approx(1 / 3) and found.seconds_left == pytest.approx(120)
    assert str(found) == "60 of 100 rows, 2 failed, 20 a minute, 2 min left"
    # Nothing ends any more: the rate sinks.
    assert tally.standing(1180.0).rate == pytest.approx(20 / 180)


def test_the_rate_is_that_of_late() -> None:
    tally = Tally(10_000, 0, 0.0)
    for number in range(1000):
        tally.add(False, float(number))
    for number in range(300):
        tally.add(False, 1000.0 + number / 10)
    assert tally.standing(1030.0).rate == pytest.approx(10, rel=0.05)


def test_rows_of_one_case_end_at_one_moment() -> None:
    tally = Tally(77 * 300, 0, 0.0)
    for case in range(200):
        for number in range(77):
            tally.add(False, 10.0 * (case + 1) + number * 1e-4)
    assert tally.standing(2000.0).rate == pytest.approx(7.7, rel=0.02)


@given(st.integers(0, 500), st.lists(st.booleans(), max_size=300))
def test_no_row_is_lost(known: int, ends: list[bool]) -> None:
    tally = Tally(known + len(ends), known, 0.0)
    for number, failed in enumerate(ends):
        tally.add(failed, float(number) / 7)
    found = tally.standing(1000.0)
    assert found.done == known + ends.count(False) and found.failed == ends.count(True)
    assert found.left == 0 and found.seconds_left == 0.0


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert Standing(5, 0, 0).seconds_left is None
    assert str(Standing(5, 0, 0, noun="cases")) == "0 of 5 cases, 0 failed"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (7800, "2 h 10 min"),
        (7200, "2 h"),
        (200_000, "2 d 7 h"),
        (86_400, "1 d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (2161.4, "2,161 a second"),
        (12.34, "12 a second"),
        (0.5, "30 a minute"),
        (1 / 600, "6 an hour"),
        (1e-5, "0.036 an hour"),
    ],
)
def test_rates(rate: float, text: str) -> None:
    assert rate_text(rate) == text
