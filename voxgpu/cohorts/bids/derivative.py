"""Names of a BIDS derivative for what a program saves, and what sidecars say of each image."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

from voxgpu.cohorts.bids.names import (
    described,
    file_name,
    is_acquired,
    suffix_of_kind,
    without_folder,
)
from voxgpu.cohorts.bids.sidecars import sidecar_values
from voxgpu.cohorts.bids.sources import Source, sources_of
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.column_types import kind_of_text, typed
from voxgpu.cohorts.output_names import relative_labels
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic, Diagnostics
from voxgpu.files.formats import is_nifti, suffix_of
from voxgpu.frozen import frozen
from voxgpu.plan.node import Goal, Plan
from voxgpu.plan.saves import refuse_inputs, with_files
from voxgpu.types import ImageOf


@frozen
class _Placed:
    """An image that is saved.

    name    of its file, relative to the derivative
    suffix  ``mask`` or ``dseg``; empty for images of numbers, which have that of a source
    """

    goal: Goal
    kind: ImageOf
    sources: Sequence[Source]
    suffix: str
    name: str


@frozen
class BidsNames:
    """Names of a derivative; images of numbers have the suffix of what they were computed from.

    links      the folders of the datasets that are read, as paths of images begin, by the names
               that URIs have for them
    output     the folder of the derivative
    program    the name of the program's file, for descriptions
    overwrite_inputs  whether the program may overwrite images that it loads
    """

    is_derivative: ClassVar[bool] = True

    links: Mapping[str, str]
    output: Path
    program: str
    overwrite_inputs: bool = False

    def folder(self, case: Case, combination: Combination) -> str:
        """``sub-01/ses-pre``."""
        own = entities_of_case(case.name)
        return "/".join(f"{key}-{own[key]}" for key in ("sub", "ses") if key in own)

    def names(self, case: Case, combination: Combination, plan: Plan) -> dict[str, str]:
        """For each label of a ``save`` the path in the derivative."""
        placed = self._placed(case, combination, plan, relative_labels(plan))
        return {each.goal.label: each.name for each in placed}

    def _placed(
        self, case: Case, combination: Combination, plan: Plan, labels: Sequence[str]
    ) -> Iterator[_Placed]:
        own = entities_of_case(case.name)
        goals = {each.label: each for each in plan.goals if each.action == "save"}
        for label in labels:
            goal = goals[label]
            kind = plan.types[goal.value]
            assert isinstance(kind, ImageOf)
            sources = sources_of(self.links, case, plan, goal.value)
            suffix = suffix_of_kind(goal, kind)
            parts = [(each.datatype, each.name.entities, each.name.suffix) for each in sources]
            last = suffix or (sources[0].name.suffix if sources else "")
            description = described(label, last, combination)
            name = file_name(own, parts, suffix, description, suffix_of(Path(label)))
            yield _Placed(goal, kind, sources, suffix, name)

    def problems(self, case: Case, combination: Combination, plan: Plan) -> list[Diagnostic]:
        """Images that BIDS has no name for, and names that are taken."""
        found = Diagnostics()
        labels: dict[str, str] = {}
        for each in self._placed(case, combination, plan, relative_labels(plan)):
            label = each.goal.label
            message, help = _refusal(each)
            other = labels.setdefault(each.name, label)
            if other != label:
                message = f"`{label}` and `{other}` would both be `{each.name}`"
                help = "rename one of them"
            if message:
                found.add(Diagnostic("E202", message, each.goal.label_span, help=help))
        names = {label: name for name, label in labels.items()}
        goals = tuple(replace(each, label=names.get(each.label, each.label)) for each in plan.goals)
        placed = with_files(replace(plan, goals=goals), self.output)
        refuse_inputs(placed, found, self.overwrite_inputs)
        return list(found.all)

    def content(
        self, case: Case, combination: Combination, plan: Plan, label: str
    ) -> dict[str, Any] | None:
        """What BIDS has keys for."""
        labels = [each for each in relative_labels(plan) if each == label]
        for each in self._placed(case, combination, plan, labels):
            content = {"Description": f"{label}, saved by {self.program}", **_said(each)}
            if combination:
                content["SweptVariables"] = {name: _swept(value) for name, value in combination}
            return content
        return None

    def wording(self, text: str) -> str:
        """The URI of a file of a dataset; of other files the name alone.

        A derivative is passed on, so it does not tell the folders of one computer.
        """
        path = Path(text)
        if os.sep in text:
            for link, folder in self.links.items():
                for root in (Path(folder), Path(folder).resolve()):
                    for each in (path, path.parent.resolve() / path.name):
                        if root in each.parents:
                            return f"bids:{link}:{each.relative_to(root).as_posix()}"
        return without_folder(text)


def _refusal(image: _Placed) -> tuple[str, str]:
    """Message and help where BIDS has no name for an image; else empty texts."""
    label = image.goal.label
    if not is_nifti(suffix_of(Path(label))):
        message = f"`{label}` cannot be in a BIDS derivative, whose images are NIfTI files"
        return message, f'save "{Path(label).with_suffix("").name}.nii.gz"'
    if image.suffix:
        return "", ""
    first = image.sources[0] if image.sources else None
    if first is not None and not is_acquired(first.datatype, first.name.suffix):
        return "", ""
    like = f"computed from `{first.name.suffix}`" if first else "that no image of the dataset is in"
    message = f"BIDS has no name for `{label}`, an image of numbers {like}"
    return message, "save a mask or labels, or give the images with --cases"


def _said(image: _Placed) -> dict[str, Any]:
    """What the JSON file of an image says besides what it is."""
    sources = image.sources
    on_grid = [each.uri for each in sources if each.kind.grid == image.kind.grid]
    content: dict[str, Any] = {
        "Sources": [each.uri for each in sources],
        "SpatialReference": on_grid[0] if on_grid else "orig",
    }
    if image.suffix == "mask":
        content["Type"] = "ROI"
    if image.suffix and not any("res" in each.name.entities for each in sources):
        return content
    values = [sidecar_values(each.root, each.path, each.name) for each in sources]
    if not image.suffix:
        # Required of other images. A program does not tell, so it is what its sources say.
        content["SkullStripped"] = any(each.get("SkullStripped") is True for each in values)
    if any("res" in each.name.entities for each in sources):
        told = (each["Resolution"] for each in values if each.get("Resolution"))
        content["Resolution"] = next(told, "that of the first of Sources")
    return content


def entities_of_case(name: str) -> dict[str, str]:
    """The entities of a case's name: ``sub-01_ses-pre``."""
    pairs = (each.partition("-") for each in name.split("_"))
    return {key: value for key, _, value in pairs if value}


def _swept(text: str) -> float | int | str:
    """The value of a swept variable as JSON has it: a finite number, or the text."""
    kind = kind_of_text(text)
    if kind == "str":
        return without_folder(text)
    value: float | int = typed(kind, text)
    return value if isfinite(value) else text
