"""Where the files go that a program saves for a case: below a folder of the case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic
from voxgpu.plan.node import Plan


class OutputNames(Protocol):
    """Names of saved files in the folder of output, and what is written beside them."""

    def folder(self, case: Case, combination: Combination) -> str:
        """The folder of a case that its files will be in, or below, relative to that of output."""

    def names(self, case: Case, combination: Combination, plan: Plan) -> dict[str, str]:
        """For each label of a ``save`` the name of the file, relative to the folder of output.

        Labels that are absolute paths are not among them.
        """

    def problems(self, case: Case, combination: Combination, plan: Plan) -> list[Diagnostic]:
        """What is wrong with the names."""

    def describe(
        self, case: Case, combination: Combination, plan: Plan, label: str, file: Path
    ) -> list[Path]:
        """Write what belongs beside a file that was saved; return the paths.

        Raises FileError if that fails.
        """


@dataclass(frozen=True)
class CaseFolders:
    """Names as the program has them, in a folder of the case and the combination."""

    def folder(self, case: Case, combination: Combination) -> str:
        """``case/HI=0.91,VI=0.82``."""
        parts = ",".join(f"{name}={value}" for name, value in combination)
        safe = [re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", each) for each in (case.name, parts) if each]
        return "/".join(f"_{each}" if each.strip(".") == "" else each for each in safe)

    def names(self, case: Case, combination: Combination, plan: Plan) -> dict[str, str]:
        """The names of the program, below the folder."""
        folder = self.folder(case, combination)
        return {each: f"{folder}/{each}" for each in relative_labels(plan)} if folder else {}

    def problems(self, case: Case, combination: Combination, plan: Plan) -> list[Diagnostic]:
        """Nothing: names are those of the program."""
        return []

    def describe(
        self, case: Case, combination: Combination, plan: Plan, label: str, file: Path
    ) -> list[Path]:
        """Nothing is written beside files."""
        return []


def relative_labels(plan: Plan) -> Sequence[str]:
    """The labels of ``save`` that are relative to the folder of output, each once."""
    labels = dict.fromkeys(each.label for each in plan.goals if each.action == "save")
    return [x for x in labels if not (PurePath(x).is_absolute() or x.startswith("~"))]
