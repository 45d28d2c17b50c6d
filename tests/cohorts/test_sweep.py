"""Sweeps: values of decimal numbers, without drift, and their combinations."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.cohorts.sweep import combinations, parse_sweep, read_combinations
from voxgpu.files.errors import FileError


def test_both_ends_are_included() -> None:
    found = parse_sweep("HI=0.91:0.97:0.01").values
    assert found == ("0.91", "0.92", "0.93", "0.94", "0.95", "0.96", "0.97")
    assert parse_sweep("T=0.1:0.3:0.1").values == ("0.1", "0.2", "0.3")
    assert parse_sweep("T=3:1:-1").values == ("3", "2", "1")
    assert parse_sweep("T=1:2:0.3").values == ("1.0", "1.3", "1.6", "1.9")
    assert parse_sweep("T=5:5:1").values == ("5",)
    assert parse_sweep("T=1e2:3e2:1e2").values == ("100", "200", "300")


@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(0, 300), st.integers(0, 6))
def test_values_are_decimals(first: int, step: int, count: int, places: int) -> None:
    start, by = Decimal(first).scaleb(-places), Decimal(step).scaleb(-places)
    found = parse_sweep(f"T={start}:{start + count * by}:{by}").values
    assert [Decimal(each) for each in found] == [start + n * by for n in range(count + 1)]


def test_lists() -> None:
    assert parse_sweep("M=a.nii, b.nii").values == ("a.nii", "b.nii")
    assert parse_sweep("M=c:/x,d:/y").values == ("c:/x", "d:/y")


@pytest.mark.parametrize(
    "text",
    [
        *("T", "T=", "=1:2:1", "a b=1,2", "T=1:2", "T=1:2:3:4", "T=1:2:0", "T=2:1:1", "T=1:x:1"),
        *("T=1,,2", "T=1,1", "T=0:1:1e-9", "T=nan:1:1", "T=0:inf:1"),
    ],
)
def test_sweeps_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"`|write"):
        parse_sweep(text)


def test_all_combinations() -> None:
    found = combinations([parse_sweep("A=1,2"), parse_sweep("B=x,y,z")])
    assert len(found) == 6
    assert found[1] == (("A", "1"), ("B", "y"))
    assert combinations([]) == [()]
    with pytest.raises(ValueError, match="`A` is swept twice"):
        combinations([parse_sweep("A=1,2"), parse_sweep("A=3,4")])


def test_given_combinations(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("A,B\n1,x\n2,y\n")
    assert read_combinations(path) == [(("A", "1"), ("B", "x")), (("A", "2"), ("B", "y"))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,B\n", "no combinations"),
        ("A,B\n1\n", "line 2 has 1 values"),
        ("A,A\n1,2\n", "2 columns `A`"),
        ("A b\n1\n", "no name of a program variable"),
        ("A\n1\n1\n", "lines 2 and 3 are the same"),
    ],
)
def test_combinations_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=said):
        read_combinations(path)
