"""One row of a cohort's table: what came of one case with one combination of swept variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from voxgpu.cohorts.sweep import Combination

DONE, FAILED = "done", "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a case with a combination.

    printed  values by label, in the program's order; sequences are lists, NaN and infinities texts
    seconds  wall time of the case, shared among its combinations
    peak     bytes of memory that the process took at most, so far
    error    what went wrong, as it is shown to people; empty where nothing did
    place    the number of the case, then that of the combination: the order of rows in the table
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

    @property
    def key(self) -> tuple[str, Combination]:
        """What tells a row from others."""
        return self.case, self.combination

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"combination": dict(self.combination)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Row:
        """The row of plain data. Raises TypeError, ValueError or KeyError where it is none."""
        combination = tuple((str(name), str(text)) for name, text in data["combination"].items())
        if not isinstance(data["case"], str) or data["status"] not in (DONE, FAILED):
            raise ValueError("not a row")
        first, second = data["place"]
        return Row(**{**data, "combination": combination, "place": (int(first), int(second))})
