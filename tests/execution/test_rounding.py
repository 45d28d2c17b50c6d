"""Arithmetic on integers that float32 cannot represent causes one warning per image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu
from voxgpu.execution.rounding import lost_number

LABELS = (312782546, 312782550, 16777217, 997, 0, 7)


def annotation(element: str = "uint32", labels: tuple[int, ...] = LABELS) -> Any:
    return np.resize(np.array(labels, element), (3, 5, 7))


def warnings(body: str, **images: Any) -> list[str]:
    """What a program with these lines warns of, images loaded by their names."""
    loads = "".join(f'load {name} = "{name}"\n' for name in images)
    result = voxgpu.run(loads + body, images=images)
    return [str(each) for each in result.warnings]


EXACT = """
print "one" volume(a == 312782546)
print "two" volume(mask(a, a > 7) != a)
print "three" max(extract(intensity(a), [2, 2, 2], [0, 0, 0]))
print "four" avg(a, a < 16777217.5)
print "five" volume(percentiles(a, a > 0, 0.5) > 0.5)
save "six" resample(a, a)
save "seven" between(1, 2, a)
"""


def test_nothing_is_said_of_what_is_exact() -> None:
    assert warnings(EXACT, a=annotation()) == []


@pytest.mark.parametrize(
    "expression",
    [
        'print "x" max(a + 1)',
        'print "x" max(abs(a))',
        'save "x" mask(a, a > 0) * 2',
        'save "x" gradient(a)',
        'save "x" otsu(a, a > 0, 10)',
        'save "x" rgb(a, a, a)',
        'save "x" resample(a, a, "linear")',
        'save "x" extract(intensity(a), [2, 2, 2], [0, 0, 0]) - 1',
    ],
)
def test_what_rounds_is_told_once(expression: str) -> None:
    again = expression.replace('"x"', '"y"')
    (told,) = warnings(f"{expression}\n{again}", a=annotation())
    assert "W302" in told
    assert "312782546" in told
    assert "program:2:" in told


def test_each_image_is_told_of() -> None:
    one, other = annotation(), annotation("int64", (16777217, -5))
    found = warnings('print "x" max(a + b)\nprint "y" max(b + c)', a=one, b=other, c=other)
    assert len(found) == 2  # b and c are one image


def test_nothing_is_said_of_numbers_that_float32_has() -> None:
    assert warnings('print "x" max(a + 1)', a=annotation(labels=(16777216, 33554432, 5))) == []
    assert warnings('print "x" max(a + 1)', a=annotation("uint16", (65535, 3))) == []


def test_numbers_that_are_found_out_first() -> None:
    """The image is loaded before it is known that the program will calculate with it."""
    program = 'let n = max(a)\nprint "x" if n > 5 then max(a + 1) else 0'
    assert len(warnings(program, a=annotation())) == 1


def test_what_a_store_has_is_told_of_again(tmp_path: Path) -> None:
    program = 'load a = "a"\nsave "x" mask(a, a > 5) + 1'
    images = {"a": annotation()}
    for _ in range(2):
        found = voxgpu.run(program, images=images, store=tmp_path / "store")
        assert len(found.warnings) == 1
    exact = 'load a = "a"\nsave "x" mask(a, a > 5)'
    assert not voxgpu.run(exact, images=images, store=tmp_path / "store").warnings


def test_the_greatest_number_beyond_float64() -> None:
    beyond = annotation("uint64", (2**53 + 1, 5))
    (told,) = warnings('print "x" max(a)', a=beyond)
    assert str(2**53 + 1) in told
    assert warnings('print "x" volume(a > 9007199254740992)', a=beyond) == []


@pytest.mark.parametrize(
    ("element", "labels", "says"),
    [
        ("int32", (2**24, -(2**24)), None),
        ("int32", (2**24 + 1, 0), "16777217 is no float32"),
        ("int32", (-(2**24) - 1, 0), "-16777217 is no float32"),
        ("int32", (2**31 - 1, -(2**31)), "2147483647 is no float32"),
        ("uint32", (2**32 - 256, 2**31), None),
        ("int64", (2**53 + 1, 2**24 + 1), "9007199254740993 is no float64, and no float32"),
        ("int64", (-(2**63), 2**62), None),
        ("uint64", (2**64 - 1, 0), "18446744073709551615 is no float64, and no float32"),
        ("uint64", (2**63, 2**63 + 2**40), None),
        ("float64", (2**24 + 1, 0), None),
    ],
)
def test_which_numbers_are_lost(element: str, labels: tuple[int, ...], says: str | None) -> None:
    found = lost_number(annotation(element, labels))
    assert found == (None if says is None else f"the whole number {says}")
