"""Options of cohorts that are BIDS datasets: which images make the cases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import UserPath, option_group
from voxgpu.cli.terminal import print_stderr

if TYPE_CHECKING:
    from voxgpu.cohorts.bids.cases import Selection
    from voxgpu.cohorts.bids.dataset import Dataset
    from voxgpu.cohorts.cases import Case
    from voxgpu.cohorts.output_names import OutputNames
    from voxgpu.cohorts.sweep import Combination

#: The most characters of labels in the name of a file, before a digest stands for the rest.
_LONGEST = 60

_DATASET = click.option(
    "--bids",
    type=UserPath(path_type=Path),
    metavar="DIR",
    help="A BIDS dataset: each session of each participant is a case, its images are $T1w, $FLAIR "
    "and so on, and --output becomes a BIDS derivative.",
)

#: Adds the options that say which images of a BIDS dataset are meant.
with_bids_selection = option_group(
    click.option(
        "--participant-label",
        "--participant_label",
        multiple=True,
        metavar="LABEL",
        help="Only this participant of a BIDS dataset, with or without sub-; repeatable.",
    ),
    click.option(
        "--session",
        "--session-label",
        "--session_label",
        multiple=True,
        metavar="LABEL",
        help="Only this session, with or without ses-; repeatable.",
    ),
    click.option(
        "--entity",
        multiple=True,
        metavar="NAME=VALUE",
        help="Of images that an entity tells apart, such as acq or run, those with this value; "
        "NAME= those without it. Repeatable.",
    ),
    click.option(
        "--per",
        multiple=True,
        metavar="NAME",
        help="A case for each value of this entity, too, such as run; repeatable.",
    ),
    click.option(
        "--derivatives",
        multiple=True,
        type=UserPath(path_type=Path),
        metavar="DIR",
        help="A BIDS derivative with more images of the same participants; repeatable.",
    ),
    click.option(
        "--skip-bids-validation",
        "--skip_bids_validation",
        is_flag=True,
        help="Go on where dataset_description.json is not right.",
    ),
)

#: Adds the options of BIDS datasets.
with_bids = option_group(_DATASET, with_bids_selection)


def bids_cases_of(arguments: dict[str, Any]) -> list[Case]:
    """The cases of the dataset of ``--bids``. Raises FileError where there are none."""
    from voxgpu.cohorts.bids.cases import bids_cases
    from voxgpu.cohorts.bids.dataset import read_dataset
    from voxgpu.files.errors import FileError

    check = not arguments["skip_bids_validation"]
    datasets = [read_dataset(each, check) for each in folders_of(arguments)]
    _tell_left_out(datasets)
    cases = bids_cases(datasets, _selection(arguments))
    if not cases:
        reason = "it has no images of participants"
        hint = "they are in folders such as sub-01/anat, as sub-01_T1w.nii.gz"
        raise FileError(str(arguments["bids"]), reason, hint)
    return cases


def folders_of(arguments: dict[str, Any]) -> list[Path]:
    """The folders of the datasets that are read."""
    return [arguments["bids"], *arguments["derivatives"]]


def _tell_left_out(datasets: Sequence[Dataset]) -> None:
    for each in datasets:
        for reason in each.left_out[:3]:
            print_stderr(f"left out: {reason}")
        if len(each.left_out) > 3:
            print_stderr(f"left out: {len(each.left_out) - 3} more in `{each.folder}`")


def _selection(arguments: dict[str, Any]) -> Selection:
    from voxgpu.cohorts.bids.cases import Selection
    from voxgpu.cohorts.bids.dataset import LONG_NAMES

    entities: dict[str, tuple[str, ...]] = {}
    for text in arguments["entity"]:
        name, equals, value = text.partition("=")
        name = LONG_NAMES.get(name, name)
        if not equals or not name or name in ("sub", "ses"):
            hint = "; participants and sessions have options of their own" if equals else ""
            raise click.BadParameter(f"`{text}` is not NAME=VALUE{hint}", param_hint="--entity")
        entities[name] = (*entities.get(name, ()), value.removeprefix(f"{name}-"))
    per = tuple(dict.fromkeys(LONG_NAMES.get(each, each) for each in arguments["per"]))
    return Selection(
        _labels(arguments["participant_label"], "sub-"),
        _labels(arguments["session"], "ses-"),
        entities,
        tuple(each for each in per if each not in ("sub", "ses")),
    )


def chosen_labels(arguments: dict[str, Any]) -> str:
    """The participants and sessions that are asked for, for the names of files; empty for all.

    Jobs that run participants of their own have a table and a journal each.
    """
    chosen = [("sub", _labels(arguments["participant_label"], "sub-"))]
    chosen.append(("ses", _labels(arguments["session"], "ses-")))
    parts = [f"{entity}-{'+'.join(labels)}" for entity, labels in chosen if labels]
    name = "_".join(re.sub(r"[^\w+-]", "_", each) for each in parts)
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}-{sha256(name.encode()).hexdigest()[:8]}"


def _labels(texts: Sequence[str], start: str) -> tuple[str, ...]:
    """Labels without what begins them; a text may have several."""
    words = [word for text in texts for word in text.replace(",", " ").split()]
    return tuple(dict.fromkeys(word.removeprefix(start) for word in words))


def bids_names_of(
    arguments: dict[str, Any], program: Path, combinations: Sequence[Combination]
) -> OutputNames:
    """How the files of the derivative are named. Raises FileError where two would be one."""
    from voxgpu.cohorts.bids.derivative import BidsNames
    from voxgpu.cohorts.bids.names import check_combinations
    from voxgpu.cohorts.bids.root import links_of

    check_combinations(combinations)
    return BidsNames(
        links_of(folders_of(arguments)),
        arguments["output"],
        program.name,
        arguments["overwrite_inputs"],
    )
