"""The cases of a BIDS dataset: one for each participant and session, with its images by name."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from voxgpu.cohorts.bids.dataset import NUMBERED, BidsImage, Dataset, place_of
from voxgpu.cohorts.cases import Case
from voxgpu.files.errors import FileError
from voxgpu.frozen import frozen

#: The most files that a message lists.
_LISTED = 3


@frozen
class Selection:
    """Which images of a dataset are looked at, and what makes a case.

    participants  labels without ``sub-``; empty for all
    sessions      labels without ``ses-``; empty for all
    entities      the values wanted of an entity; the empty text stands for images without it
    per           entities besides participant and session of whose values each makes a case
    """

    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per: tuple[str, ...] = ()


def bids_cases(datasets: Sequence[Dataset], selection: Selection) -> list[Case]:
    """The cases of the first dataset, in the order of their names; others add images to them.

    A case has a program variable for each entity that makes it, such as ``$sub``; for each image
    the name of its file without participant, session and what else makes the case, with ``_`` for
    ``-``, such as ``$ce_gadolinium_T1w``; and its suffix, such as ``$FLAIR``, where just one image
    has it. Raises FileError for labels that no image has.
    """
    first = datasets[0]
    _check_labels(first, "sub", "participant", selection.participants)
    _check_labels(first, "ses", "session", selection.sessions)
    for entity, values in selection.entities.items():
        _check_entity(datasets, entity, values)
    for entity in selection.per:
        _check_entity(datasets, entity, ())
    groups: dict[tuple[str, str | None], list[BidsImage]] = {}
    for number, dataset in enumerate(datasets):
        for image in dataset.images:
            entities = image.name.entities
            key = entities["sub"], entities.get("ses")
            wanted = _is_wanted(key[0], selection.participants) and _is_wanted(
                key[1], selection.sessions
            )
            if wanted and (number == 0 or key in groups):
                groups.setdefault(key, []).append(image)
    cases = [
        case
        for _, images in sorted(groups.items(), key=lambda each: (each[0][0], each[0][1] or ""))
        for case in _cases(first.folder, _filtered(images, selection.entities), selection.per)
    ]
    return _with_absent(cases)


def _is_wanted(label: str | None, labels: Sequence[str]) -> bool:
    return not labels or label in labels


def _check_labels(dataset: Dataset, entity: str, what: str, labels: Iterable[str]) -> None:
    known = {each.name.entities[entity] for each in dataset.images if entity in each.name.entities}
    for label in labels:
        if label not in known:
            raise FileError(
                str(dataset.folder), f"no {what} `{label}` has images", _known(label, known)
            )


def _check_entity(datasets: Sequence[Dataset], entity: str, values: Iterable[str]) -> None:
    images = [each for dataset in datasets for each in dataset.images]
    known = {each.name.entities[entity] for each in images if entity in each.name.entities}
    folder = str(datasets[0].folder)
    if not known:
        every = {name for each in images for name in each.name.entities}
        raise FileError(folder, f"no image has the entity `{entity}`", _known(entity, every))
    for value in values:
        if value and not any(_is_equal(entity, value, each) for each in known):
            reason = f"no image has {entity}-{value} in its name"
            raise FileError(folder, reason, _known(value, known))


def _known(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), 1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there are {_list(sorted(known), 10)}" if known else ""


def _list(words: Sequence[str], most: int = _LISTED) -> str:
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def _is_equal(entity: str, first: str, second: str) -> bool:
    return _same(entity, first) == _same(entity, second)


def _same(entity: str, value: str) -> str:
    """The value as a text that is the same for 1 and 01 where values are numbers."""
    return str(int(value)) if entity in NUMBERED and value.isdecimal() else value


def _filtered(
    images: Sequence[BidsImage], wanted: Mapping[str, tuple[str, ...]]
) -> list[BidsImage]:
    """The images that have the wanted values; where none of a suffix has, those without entity."""
    left = list(images)
    for entity, values in wanted.items():
        fit = [each for each in left if _has(each, entity, values)]
        suffixes = {each.name.suffix for each in fit}
        left = [
            each
            for each in left
            if each in fit
            or (each.name.suffix not in suffixes and entity not in each.name.entities)
        ]
    return left


def _has(image: BidsImage, entity: str, values: Iterable[str]) -> bool:
    own = image.name.entities.get(entity, "")
    return any(_is_equal(entity, own, each) for each in values)


def _cases(root: Path, images: Sequence[BidsImage], per: Sequence[str]) -> list[Case]:
    """The cases of a participant's session: one for each combination of values of ``per``."""
    combinations: dict[tuple[tuple[str, str], ...], None] = {}
    written: dict[tuple[str, str], str] = {}
    for image in images:
        own = image.name.entities
        combinations[
            tuple(
                (each, written.setdefault((each, _same(each, own[each])), own[each]))
                for each in per
                if each in own
            )
        ] = None
    longest = [
        each for each in combinations if not any(set(each) < set(other) for other in combinations)
    ]
    return [
        _case(root, images, dict(each)) for each in sorted(longest, key=lambda x: place_of(dict(x)))
    ]


def _case(root: Path, images: Sequence[BidsImage], more: Mapping[str, str]) -> Case:
    first = images[0].name.entities
    made_by = {each: first[each] for each in ("sub", "ses") if each in first} | dict(more)
    name = "_".join(f"{entity}-{value}" for entity, value in made_by.items())
    folders = [f"{each}-{made_by[each]}" for each in ("sub", "ses") if each in made_by]
    own = [
        each
        for each in images
        if all(
            _is_equal(entity, each.name.entities.get(entity, value), value)
            for entity, value in more.items()
        )
    ]
    named: dict[str, list[BidsImage]] = {}
    for image in own:
        named.setdefault(_variable(image, made_by), []).append(image)
    values = dict(made_by)
    absent: dict[str, str] = {}
    notes: dict[str, str] = {}
    for variable, found in named.items():
        if len(found) == 1:
            values[variable] = found[0].path
        else:
            files = _list([each.relative for each in found])
            absent[variable] = f"there are {len(found)} files of this name: {files}"
    for suffix, times in Counter(each.name.suffix for each in own).items():
        some = [each for each in own if each.name.suffix == suffix]
        if times == 1:
            values[suffix] = some[0].path
            continue
        others = [variable for variable, each in named.items() if each[0] in some]
        told = _list([f"${each}" for each in others if each != suffix])
        if suffix in values:
            notes[suffix] = f"it is `{Path(values[suffix]).name}`; there is {told} besides"
        elif suffix not in absent:
            absent[suffix] = (
                f"there are {times} images of this suffix, which {_differences(some)} tells apart: "
                f"{told}"
            )
    return Case(name, str(root.joinpath(*folders)), values, absent, notes)


def _variable(image: BidsImage, made_by: Mapping[str, str]) -> str:
    """The name of the file without what makes the case: ``ce_gadolinium_T1w``."""
    more = [f"{key}_{value}" for key, value in image.name.entities.items() if key not in made_by]
    return "_".join([*more, image.name.suffix])


def _differences(images: Sequence[BidsImage]) -> str:
    """The entities that tell images apart."""
    names = dict.fromkeys(name for each in images for name in each.name.entities)
    found = [name for name in names if len({each.name.entities.get(name) for each in images}) > 1]
    return " and ".join(found) or "only the folder or the extension"


def _with_absent(cases: Sequence[Case]) -> list[Case]:
    """The cases, each with the variables that just others have."""
    every = dict.fromkeys(name for case in cases for name in (*case.values, *case.absent))
    entities = {part.partition("-")[0] for case in cases for part in case.name.split("_")}
    images = every.keys() - entities
    found = []
    for case in cases:
        lacking = {
            name: f"`{case.path}` has no such {'image' if name in images else 'entity'}"
            for name in every
            if name not in case.values and name not in case.absent
        }
        found.append(replace(case, absent={**lacking, **case.absent}))
    return found
