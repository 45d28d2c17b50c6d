"""Integer literals that float64 cannot represent exactly cause a warning."""

from __future__ import annotations

import pytest

import voxgpu


def warnings(number: str) -> list[str]:
    result = voxgpu.run(f'print "n" {number}')
    return [str(each) for each in result.warnings]


@pytest.mark.parametrize(
    "number", ["9007199254740993", "18446744073709551615", "36028797018963969"]
)
def test_inexact_literals_give_a_warning(number: str) -> None:
    (told,) = warnings(number)
    assert "W103" in told
    assert f"{number} is read as {int(float(number))}" in told


@pytest.mark.parametrize(
    "number", ["16777217", "9007199254740992", "9007199254740994", "18446744073709551616", "0.1"]
)
def test_exact_literals_give_no_warning(number: str) -> None:
    assert warnings(number) == []


@pytest.mark.parametrize("number", ["9" * 5000, "0" * 5000 + "7"])
def test_any_number_of_digits(number: str) -> None:
    assert warnings(number) == []
