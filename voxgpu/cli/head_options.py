"""The options of commands that generate a synthetic head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from voxgpu.cli.options import UserPath, option_group

_Command = Callable[..., Any]


def head_options(
    output: str, metavar: str, meaning: str, sizes: tuple[int, int]
) -> Callable[[_Command], _Command]:
    """Add ``--output``, ``--size`` and ``--seed``.

    output   default of ``--output``, with its name and its meaning in the help
    sizes    the least and the most voxels along an axis
    """
    return option_group(
        click.option(
            "-o",
            "--output",
            type=UserPath(path_type=Path, readable=False),
            default=Path(output),
            metavar=metavar,
            show_default=True,
            help=meaning,
        ),
        click.option(
            "--size",
            type=click.IntRange(*sizes),
            nargs=3,
            default=(240, 240, 155),
            metavar="X Y Z",
            show_default=True,
            help="Voxels along each axis.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Seed that determines the head.",
        ),
    )
