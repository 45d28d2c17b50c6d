"""What became of each fault: a file of lines that runs add to and go on from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.faults import Fault

#: The committed results.
RESULTS = Path(__file__).parent / "results.jsonl"


@dataclass(frozen=True)
class Result:
    """What became of a fault.

    digest   that of the fault
    content  a hash of its file and of the files of its tests, as they were
    by, how  the first test that failed, and its error; empty where all passed
    seconds  that the tests took with the fault, on a machine shared with others
    """

    name: str
    digest: str
    content: str
    noticed: bool
    by: str
    how: str
    seconds: float

    def is_of(self, fault: Fault) -> bool:
        """Whether this is what became of the fault as it is in the table."""
        return (self.name, self.digest) == (fault.name, fault.digest)


def read_results(path: Path = RESULTS) -> dict[str, Result]:
    """Results by the names of faults; the last one of each counts. A line cut off is left out."""
    if not path.exists():
        return {}
    whole = (line for line in path.read_text("utf-8").splitlines(True) if line.endswith("\n"))
    return {each.name: each for each in (Result(**json.loads(line)) for line in whole)}


def append(path: Path, result: Result) -> None:
    """Adds a result, in place of a line that was cut off."""
    known = path.read_bytes() if path.exists() else b""
    with path.open("ab") as file:
        file.truncate(known.rfind(b"\n") + 1)
        file.write(_line(result).encode())


def rewrite(path: Path, faults: Iterable[Fault], results: Mapping[str, Result]) -> None:
    """Leaves one line for each fault of the table, in its order."""
    found = [results[each.name] for each in faults if each.name in results]
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text("".join(map(_line, found)), "utf-8")
    unfinished.replace(path)


def _line(result: Result) -> str:
    return json.dumps(asdict(result), ensure_ascii=False) + "\n"
