"""A number that the program writes and the language does not have is told."""

from __future__ import annotations

import pytest

import voxgpu


def warnings(number: str) -> list[str]:
    result = voxgpu.run(f'print "n" {number}')
    return [str(each) for each in result.warnings]


@pytest.mark.parametrize(
    "number", ["9007199254740993", "18446744073709551615", "36028797018963969"]
)
def test_what_is_read_as_another_number(number: str) -> None:
    (told,) = warnings(number)
    assert "W103" in told
    assert f"{number} is read as {int(float(number))}" in told


@pytest.mark.parametrize(
    "number", ["16777217", "9007199254740992", "9007199254740994", "18446744073709551616", "0.1"]
)
def test_what_is_what_it_says(number: str) -> None:
    assert warnings(number) == []


@pytest.mark.parametrize("number", ["9" * 5000, "0" * 5000 + "7"])
def test_any_number_of_digits(number: str) -> None:
    assert warnings(number) == []
