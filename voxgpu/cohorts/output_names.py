"""Where the files go that a program saves for a case: below a folder of the case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, ClassVar, Protocol

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic
from voxgpu.frozen import frozen
from voxgpu.plan.node import Plan


class OutputNames(Protocol):
    """Names of saved files in the folder of output, and what sidecars say of them."""

    @property
    def is_derivative(self) -> bool:
        """Whether the folder is a BIDS derivative: sidecars are part of it, and in it only."""

    def folder(self, case: Case, combination: Combination) -> str:
        """The folder of a case that its files will be in, or below, relative to that of output."""

    def names(self, case: Case, combination: Combination, plan: Plan) -> dict[str, str]:
        """For each label of a ``save`` the name of the file, relative to the folder of output.

        Labels that are absolute paths are not among them.
        """

    def problems(self, case: Case, combination: Combination, plan: Plan) -> list[Diagnostic]:
        """What is wrong with the names."""

    def content(
        self, case: Case, combination: Combination, plan: Plan, label: str
    ) -> dict[str, Any] | None:
        """What the sidecar of a file says by the keys of BIDS; None: the usual."""

    def wording(self, text: str) -> str:
        """A path, or a text that may be one, as sidecars have it."""


@frozen
class CaseFolders:
    """Names as the program has them, in a folder of the case and the combination."""

    is_derivative: ClassVar[bool] = False

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

    def content(
        self, case: Case, combination: Combination, plan: Plan, label: str
    ) -> dict[str, Any] | None:
        """The usual."""
        return None

    def wording(self, text: str) -> str:
        """The text."""
        return text


def relative_labels(plan: Plan) -> Sequence[str]:
    """The labels of ``save`` that are relative to the folder of output, each once."""
    labels = dict.fromkeys(each.label for each in plan.goals if each.action == "save")
    return [x for x in labels if not (PurePath(x).is_absolute() or x.startswith("~"))]
