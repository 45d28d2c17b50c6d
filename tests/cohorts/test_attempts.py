"""What is tried again: failures that may pass, and cases that workers died of."""

from __future__ import annotations

from voxgpu.cohorts.attempts import DEATHS_FOR_GOOD, Attempts, Patience
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.row import DONE, FAILED, SET_ASIDE, Row

CASE = Case("a")
ONE, TWO = (("T", "1"),), (("T", "2"),)


def _row(
    combination: tuple[tuple[str, str], ...], status: str = FAILED, transient: bool = True
) -> Row:
    return Row("a", combination, status=status, error="x" * (status != DONE), transient=transient)


def test_failures_that_may_pass_are_tried_again_so_often() -> None:
    attempts = Attempts(Patience(retries=2))
    good, bad = _row(ONE, DONE, False), _row(TWO)
    assert attempts.settle(CASE, [good, bad]) == [good]
    assert attempts.again() == [(CASE, [TWO])] and attempts.again() == []
    assert attempts.settle(CASE, [bad]) == []
    assert attempts.again() == [(CASE, [TWO])]
    (row,) = attempts.settle(CASE, [bad])
    assert row.error == "x (tried 3 times)" and attempts.again() == []


def test_one_that_passes_is_not_tried_again() -> None:
    attempts = Attempts(Patience(retries=2))
    attempts.settle(CASE, [_row(ONE)])
    attempts.again()
    assert attempts.settle(CASE, [_row(ONE, DONE)]) == [_row(ONE, DONE)]
    assert attempts.again() == []


def test_errors_of_the_program_are_not_tried_again() -> None:
    attempts = Attempts(Patience(retries=2))
    lasting = _row(ONE, transient=False)
    assert attempts.settle(CASE, [lasting]) == [lasting] and attempts.again() == []


def test_nothing_is_tried_again_without_being_asked() -> None:
    attempts = Attempts()
    assert attempts.settle(CASE, [_row(ONE)]) == [_row(ONE)] and attempts.again() == []


def test_a_case_that_workers_die_of_twice_is_set_aside() -> None:
    attempts = Attempts()
    assert attempts.died((CASE, [ONE, TWO]), "killed") == []
    assert attempts.deaths("a") == 1 and attempts.again() == [(CASE, [ONE, TWO])]
    rows = attempts.died((CASE, [ONE, TWO]), "killed")
    assert [(each.combination, each.status, each.deaths) for each in rows] == [
        (ONE, SET_ASIDE, 2),
        (TWO, SET_ASIDE, 2),
    ]
    assert rows[0].error == "two workers died while they ran this case: killed"
    assert attempts.again() == []


def test_one_that_was_set_aside_is_tried_last_and_once() -> None:
    other = Case("b")
    attempts = Attempts(deaths={"a": 2})
    assert attempts.without_deaths([(CASE, [ONE]), (other, [ONE])]) == [(other, [ONE])]
    assert attempts.again() == [(CASE, [ONE])]
    (row,) = attempts.died((CASE, [ONE]), "killed")
    assert row.deaths == 3
    (row,) = Attempts(deaths={"a": 3}).died((CASE, [ONE]), "killed")
    assert row.deaths == DEATHS_FOR_GOOD and "--run-set-aside" in row.error
