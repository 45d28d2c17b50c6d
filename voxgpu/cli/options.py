"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.parameter_types import DEVICE, SIZE, Number
from voxgpu.device_spec import DEVICES
from voxgpu.unicode_paths import from_home

if TYPE_CHECKING:
    from voxgpu.compile import Options
    from voxgpu.diagnostics import Source

_Command = TypeVar("_Command", bound=Callable[..., Any])


def option_group(*options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """A decorator that adds options to a command, whose help shows them in this order."""

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


class UserPath(click.Path):
    """A path; `~` is the home folder, also if no shell has expanded it (``--output=~/out``)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert a value to a path."""
        expanded = from_home(value) if isinstance(value, str) else value
        return super().convert(expanded, param, ctx)


_NAME = re.compile(r"[^\W\d]\w*$")


def _definitions(
    context: click.Context, parameter: click.Parameter, arguments: tuple[str, ...]
) -> dict[str, str]:
    definitions: dict[str, str] = {}
    for text in arguments:
        name, equal, value = text.partition("=")
        if not equal or not _NAME.match(name):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", context, parameter)
        definitions[name] = value
    return definitions


#: Files that define more primitives; also for commands that take no program.
primitives_option = click.option(
    "--primitives",
    multiple=True,
    type=UserPath(path_type=Path),
    metavar="FILE.py",
    help="Python file to run, which defines more primitives; repeatable.",
)


def device_option(help: str) -> Callable[[_Command], _Command]:
    """The option that selects the device; ``help`` says what the command does with it."""
    return click.option(
        "--device", type=DEVICE, default="auto", metavar="|".join(DEVICES), help=help
    )


#: For commands that save images.
sidecar_option = click.option(
    "--sidecar/--no-sidecar",
    default=True,
    help="Write a file NAME.json beside each saved image, which tells how it came about (default).",
)

#: For commands that compute.
device_memory_option = click.option(
    "--device-memory",
    type=SIZE,
    metavar="SIZE",
    help="Memory limit on a GPU (default: 70 % of its free memory).",
)

_PROGRAM = click.argument("program", type=UserPath(path_type=Path))

_define_option = click.option(
    "-D",
    "--define",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_definitions,
    help="Define the program variable $NAME; repeatable.",
)

_read_options = option_group(
    click.option(
        "--dialect",
        type=click.Choice(["imgql1", "imgql2", "voxgpu"]),
        help="Parse operators exactly as VoxLogicA 1, VoxLogicA 2 or voxgpu does.",
    ),
    click.option(
        "--same-grid",
        type=click.Choice(["strict", "adopt"]),
        help="adopt: treat images of equal shape as images on one grid.",
    ),
    click.option(
        "--grid-tolerance",
        type=Number(0, 0.5),
        metavar="PART",
        help="Largest distance of voxel centers of equal grids, in smallest spacings (0.001).",
    ),
    click.option(
        "--nifti-form",
        type=click.Choice(["sform", "qform"]),
        help="Orientation to use from NIfTI files that have both (default: sform).",
    ),
    click.option(
        "--series",
        metavar="UID",
        default="",
        help="DICOM series to use from folders that hold several.",
    ),
    click.option(
        "--read-root",
        multiple=True,
        type=UserPath(path_type=Path),
        metavar="DIR",
        help="Restrict reading to DIR; repeatable.",
    ),
)

#: Adds the options that affect what programs compute, for a command that saves nothing of theirs.
options_without_output = option_group(_define_option, _read_options, primitives_option)

#: Adds the options that affect the meaning of programs, for a command without PROGRAM.
options_without_program = option_group(
    _define_option,
    click.option(
        "-o",
        "--output",
        type=UserPath(path_type=Path, readable=False),
        default=Path(),
        metavar="DIR",
        help="Folder for saved files (default: the current folder).",
    ),
    _read_options,
    click.option(
        "--write-root",
        multiple=True,
        type=UserPath(path_type=Path),
        metavar="DIR",
        help="Restrict writing to DIR; repeatable.",
    ),
    primitives_option,
    click.option(
        "--overwrite-inputs",
        is_flag=True,
        help="Allow the program to overwrite files that it loads.",
    ),
)


def compile_options(command: _Command) -> _Command:
    """Add the argument PROGRAM and the options that affect its meaning."""
    return _PROGRAM(options_without_program(command))


def options_of(arguments: dict[str, Any], writes: bool = True) -> Options:
    """Options for the pipeline; ``writes`` says whether the program will run."""
    from voxgpu.compile import Options
    from voxgpu.files.access import AllowedRoots
    from voxgpu.files.options import ReadOptions
    from voxgpu.image import TOLERANCE
    from voxgpu.language.ast import Dialect

    return Options(
        define=arguments["define"],
        output=arguments["output"],
        dialect=Dialect(arguments["dialect"]) if arguments["dialect"] else None,
        adopt=None if arguments["same_grid"] is None else arguments["same_grid"] == "adopt",
        roots=AllowedRoots(arguments["read_root"], arguments["write_root"]),
        primitives=arguments["primitives"],
        read=ReadOptions(arguments["nifti_form"] or "", arguments["series"]),
        writes=writes,
        tolerance=TOLERANCE if arguments["grid_tolerance"] is None else arguments["grid_tolerance"],
        overwrite_inputs=arguments["overwrite_inputs"],
    )


def check_writable(path: Path, option: str = "--output") -> None:
    """Raise ImgqlError if a file cannot be written, before its content is computed.

    option  the option that chooses another path
    """
    from voxgpu.diagnostics import Diagnostic, ImgqlError
    from voxgpu.files.writable import path_obstruction, write_protection

    problem = path_obstruction(path) or write_protection(path)
    if problem is not None:
        message, help = problem
        help = help or f"choose another place with {option}"
        raise ImgqlError([Diagnostic("E202", message, help=help)])


def source_of(arguments: dict[str, Any]) -> Source:
    """Read the program; raises ImgqlError if it cannot be read."""
    from voxgpu.compile import read_source

    return read_source(arguments["program"])
