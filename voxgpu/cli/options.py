"""Which options do several commands share?"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.parameter_types import DEVICE, SIZE
from voxgpu.device_spec import DEVICES
from voxgpu.unicode_paths import from_home

if TYPE_CHECKING:
    from voxgpu.compile import Options
    from voxgpu.diagnostics import Source

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Place(click.Path):
    """A path; `~` is the home folder, also where no shell has replaced it (``--output=~/out``)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path of a value that was given."""
        expanded = from_home(value) if isinstance(value, str) else value
        return super().convert(expanded, param, ctx)


_NAME = re.compile(r"[^\W\d]\w*$")


def _definitions(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equal, value = text.partition("=")
        if not equal or not _NAME.match(name):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", context, parameter)
        found[name] = value
    return found


#: Where more primitives come from, for commands that take no program, too.
primitives_option = click.option(
    "--primitives",
    multiple=True,
    type=Place(path_type=Path),
    metavar="FILE.py",
    help="Python file that defines more primitives, which is run; repeatable.",
)


def device_option(help: str) -> Callable[[_Command], _Command]:
    """On what to compute; ``help`` says what the command does with it."""
    return click.option(
        "--device", type=DEVICE, default="auto", metavar="|".join(DEVICES), help=help
    )


#: For commands that compute.
device_memory_option = click.option(
    "--device-memory",
    type=SIZE,
    metavar="SIZE",
    help="What may be taken of a GPU (default: 70 % of what is free there).",
)

_PROGRAM = click.argument("program", type=Place(path_type=Path))

_SHARED = (
    click.option(
        "-D",
        "--define",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_definitions,
        help="Define the program variable $NAME; repeatable.",
    ),
    click.option(
        "-o",
        "--output",
        type=Place(path_type=Path, readable=False),
        default=Path(),
        metavar="DIR",
        help="Folder for the files that are saved (default: the current one).",
    ),
    click.option(
        "--dialect",
        type=click.Choice(["imgql1", "imgql2", "voxgpu"]),
        help="Read operators exactly as VoxLogicA 1 or 2 does, or as voxgpu does, for certain.",
    ),
    click.option(
        "--same-grid",
        type=click.Choice(["strict", "adopt"]),
        help="adopt: images of equal shape count as images on one grid.",
    ),
    click.option(
        "--grid-tolerance",
        type=click.FloatRange(0, 0.5),
        metavar="PART",
        help="How far apart voxel centers of one grid may lie, in smallest spacings (0.001).",
    ),
    click.option(
        "--nifti-form",
        type=click.Choice(["sform", "qform"]),
        help="The orientation to take from NIfTI files that have both (default: the sform).",
    ),
    click.option(
        "--series",
        metavar="UID",
        default="",
        help="The DICOM series to take from folders that hold several.",
    ),
    click.option(
        "--read-root",
        multiple=True,
        type=Place(path_type=Path),
        metavar="DIR",
        help="The program may read only in DIR; repeatable.",
    ),
    click.option(
        "--write-root",
        multiple=True,
        type=Place(path_type=Path),
        metavar="DIR",
        help="The program may write only in DIR; repeatable.",
    ),
    primitives_option,
    click.option(
        "--overwrite-inputs",
        is_flag=True,
        help="Let the program save over files that it loads.",
    ),
)


def bearing_on_meaning(command: _Command) -> _Command:
    """The program and the options that bear on what it means."""
    return _PROGRAM(without_program(command))


def without_program(command: _Command) -> _Command:
    """The options that bear on what programs mean, for a command that is given none."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def options_of(given: dict[str, Any], writes: bool = True) -> Options:
    """What was given, for the pipeline; ``writes`` says whether the program is to be run."""
    from voxgpu.compile import Options
    from voxgpu.files.access import AllowedRoots
    from voxgpu.files.options import ReadOptions
    from voxgpu.image import TOLERANCE
    from voxgpu.language.ast import Dialect

    return Options(
        define=given["define"],
        output=given["output"],
        dialect=Dialect(given["dialect"]) if given["dialect"] else None,
        adopt=None if given["same_grid"] is None else given["same_grid"] == "adopt",
        roots=AllowedRoots(given["read_root"], given["write_root"]),
        primitives=given["primitives"],
        read=ReadOptions(given["nifti_form"] or "", given["series"]),
        writes=writes,
        tolerance=TOLERANCE if given["grid_tolerance"] is None else given["grid_tolerance"],
        overwrite_inputs=given["overwrite_inputs"],
    )


def refuse_place(path: Path, option: str = "--output") -> None:
    """Raises ImgqlError where a file cannot be written, before anything is made to be written.

    option  the one that names another place
    """
    from voxgpu.diagnostics import Diagnostic, ImgqlError
    from voxgpu.files.writable import in_the_way, write_protected

    found = in_the_way(path) or write_protected(path)
    if found is not None:
        message, help = found
        help = help or f"choose another place with {option}"
        raise ImgqlError([Diagnostic("E202", message, help=help)])


def source_of(given: dict[str, Any]) -> Source:
    """The text of the program; raises ImgqlError where it cannot be read."""
    from voxgpu.compile import read_source

    return read_source(given["program"])
