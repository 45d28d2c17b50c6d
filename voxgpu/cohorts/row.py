"""One row of a cohort's table: what came of one case with one combination of swept variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from voxgpu.cohorts.sweep import Combination
from voxgpu.frozen import frozen

#: Values of ``status``. A case is set aside when workers died of it again and again.
DONE, FAILED, SET_ASIDE = "done", "failed", "set aside"

STATUSES = (DONE, FAILED, SET_ASIDE)


@frozen(slots=True)
class Row:
    """The outcome of a case with a combination.

    printed    values by label, in the program's order; sequences are lists, NaN and infinities
               texts
    seconds    wall time of the case, shared among its combinations
    peak       bytes of memory that the process took at most while it ran the case
    error      what went wrong, as it is shown to people; empty where nothing did
    place      the number of the case, then that of the combination: the order of rows in the table
    deaths     how many workers have died while they ran the case
    transient  whether the same may succeed when it is tried again: reading and writing of files,
               lack of memory, a device that failed
    """

    case: str
    combination: Combination
    printed: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    peak: int = 0
    device: str = ""
    worker: str = ""
    status: str = DONE
    error: str = ""
    place: tuple[int, int] = (0, 0)
    deaths: int = 0
    transient: bool = False

    @property
    def key(self) -> tuple[str, Combination]:
        """What tells a row from others."""
        return self.case, self.combination

    @property
    def is_done(self) -> bool:
        """Whether the row has values; otherwise ``error`` says why not."""
        return self.status == DONE

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        data = {name: getattr(self, name) for name in _FIELDS}
        return data | {"combination": dict(self.combination)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Row:
        """Return the row from plain data; raises TypeError, ValueError or KeyError if invalid."""
        combination = tuple((str(name), str(text)) for name, text in data["combination"].items())
        if not isinstance(data["case"], str) or data["status"] not in STATUSES:
            raise ValueError("not a row")
        first, second = data["place"]
        return Row(**{**data, "combination": combination, "place": (int(first), int(second))})


_FIELDS = tuple(each.name for each in fields(Row))
