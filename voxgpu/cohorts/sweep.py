"""Sweeps: the values that program variables take, in all combinations or in given ones."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path

from voxgpu.cohorts.text_table import read_text_table
from voxgpu.files.errors import FileError
from voxgpu.frozen import frozen

#: The most values of one variable: more are a slip of the pen, such as a step of 1e-9.
MOST_VALUES = 1_000_000

#: A combination: names and values of the swept variables.
Combination = tuple[tuple[str, str], ...]


@frozen(slots=True)
class Sweep:
    """A program variable and the texts that it stands for, one after the other."""

    name: str
    values: tuple[str, ...]


def parse_sweep(text: str) -> Sweep:
    """``HI=0.91:0.97:0.01`` (both ends included) or ``T1=a.nii,b.nii``.

    Steps are those of decimal numbers: the third of 0.1:0.3:0.1 is 0.3. A step may be negative.
    Raises ValueError, whose text says what was expected.
    """
    name, equals, values = text.partition("=")
    if not equals or not name.isidentifier() or not values:
        raise ValueError(f"`{text}`: write NAME=FIRST:LAST:STEP or NAME=VALUE,VALUE,…")
    if ":" in values and "," not in values:
        return Sweep(name, _range(text, values.split(":")))
    every = tuple(each.strip() for each in values.split(","))
    if "" in every:
        raise ValueError(f"`{text}` has an empty value between commas")
    if len(set(every)) < len(every):
        raise ValueError(f"`{text}` has a value twice")
    return Sweep(name, every)


def _range(text: str, parts: Sequence[str]) -> tuple[str, ...]:
    if len(parts) != 3:
        raise ValueError(f"`{text}`: a range is FIRST:LAST:STEP, both ends included")
    try:
        first, last, step = map(Decimal, parts)
        finite = all(each.is_finite() for each in (first, last, step))
    except InvalidOperation:
        finite = False
    if not finite:
        raise ValueError(f"`{text}`: first, last and step of a range are numbers, such as 0.01")
    if not step:
        raise ValueError(f"`{text}`: the step is 0")
    if (last - first) * step < 0:
        raise ValueError(f"`{text}`: steps of {step} do not lead from {first} to {last}")
    count = int((last - first) / step) + 1
    if count > MOST_VALUES:
        raise ValueError(f"`{text}` has {count} values, more than {MOST_VALUES}")
    places = max(0, *(-int(each.as_tuple().exponent) for each in (first, step)))
    return tuple(f"{first + number * step:.{places}f}" for number in range(count))


def combinations(sweeps: Sequence[Sweep]) -> list[Combination]:
    """All combinations, the last variable changing fastest; one that is empty without sweeps.

    Raises ValueError where a variable is swept twice.
    """
    names = [each.name for each in sweeps]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"`{name}` is swept twice")
    pairs = [[(each.name, value) for value in each.values] for each in sweeps]
    return list(product(*pairs))


def read_combinations(path: Path) -> list[Combination]:
    """The combinations in a table: a variable in each column, a combination in each row.

    Raises FileError where the table cannot be used.
    """
    table = read_text_table(path, "combinations")
    if not table.rows:
        hint = "its first line names program variables, each other line has their values"
        raise FileError(str(path), "it has no combinations", hint)
    seen: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(table.rows, start=2):
        before = seen.setdefault(row, number)
        if before != number:
            raise FileError(str(path), f"lines {before} and {number} are the same combination")
    return [tuple(zip(table.columns, row, strict=True)) for row in table.rows]
