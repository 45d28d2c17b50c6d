"""Options that say where cases run, and with which limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.options import device_memory_option, device_option
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.store_options import store_options_of, with_store

if TYPE_CHECKING:
    from voxgpu.cohorts.placement import Placement
    from voxgpu.cohorts.run import Cohort
    from voxgpu.session_settings import SessionSettings

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Run cases in so many processes of dask.distributed at once (0: in this one, which "
        "is the default).",
    ),
    device_option("On what to compute; auto: what is faster; reference: with NumPy and SciPy."),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="How many threads compute (default: one a core).",
    ),
    click.option(
        "--memory",
        type=SIZE,
        metavar="SIZE",
        help="What a process may take, such as 4G; values beyond it wait on the disk.",
    ),
    device_memory_option,
    with_store,
)


def with_placement(command: _Command) -> _Command:
    """Add the options that say where cases run."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def placement_of(arguments: dict[str, Any]) -> Placement:
    """Where the cases run, as the options say."""
    from voxgpu.cohorts.placement import Placement

    return Placement(arguments["workers"])


def settings_of(arguments: dict[str, Any], cohort: Cohort) -> SessionSettings:
    """The settings of a session that runs cases, as the options say."""
    from voxgpu.session_settings import SessionSettings

    return SessionSettings(
        device=arguments["device"],
        threads=arguments["threads"],
        memory=arguments["memory"],
        device_memory=arguments["device_memory"],
        store=store_options_of(arguments),
        output=arguments["output"],
        roots=cohort.program.options.roots,
        keep_images=False,
    )
