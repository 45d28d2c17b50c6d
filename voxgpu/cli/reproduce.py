"""``voxgpu reproduce``: a saved image computed again, and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.known_records import known_records
from voxgpu.cli.options import (
    UserPath,
    check_writable,
    device_memory_option,
    device_option,
    sidecar_option,
)
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.store_options import store_option
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.files.errors import FileError

if TYPE_CHECKING:
    from voxgpu.provenance.compare_files import Comparison
    from voxgpu.provenance.explain import Explanation
    from voxgpu.provenance.reproduce import Reproduction

#: Exit status if the image is another one now.
DIFFERENT = 3


@click.command()
@click.argument("file", type=UserPath(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE",
    help="Keep what is computed in this file, with the suffix of FILE.",
)
@sidecar_option
@device_option("Device to use; auto: the faster one.")
@click.option("--threads", type=click.IntRange(min=1), help="Number of threads.")
@click.option("--memory", type=SIZE, metavar="SIZE", help="Memory limit of the process.")
@device_memory_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")
def command(
    file: Path,
    output: Path | None,
    sidecar: bool,
    store: str | None,
    as_json: bool,
    **arguments: Any,
) -> int:
    """Compute FILE, an image that voxgpu saved, again, and compare it voxel by voxel.

    The program, its variables and options are those that the sidecar of FILE has; only FILE is
    computed, and nothing is taken from the store. Before it runs, what has changed since is told.
    FILE itself is not written. Exit status: 0 the image is equal, 3 it is not, 1 it could not be
    computed, 2 wrong usage.
    """
    from voxgpu.provenance.compare_files import compare_files
    from voxgpu.provenance.explain import explain
    from voxgpu.provenance.reproduce import options_of_record, reproduce
    from voxgpu.session_settings import SessionSettings

    with known_records(store) as (stored, digest):
        found = explain(file, digest, stored)
    if found is None:
        reason = "nothing is known of how it came about: voxgpu explain says more"
        raise FileError(str(file), reason, "", "reproduce")
    for line in _changes(found):
        print_stderr(f"warning: {line}")
    settings = SessionSettings(**arguments)
    with _target(found, output) as target:
        made = reproduce(found, target, settings, sidecar and output is not None)
        print_diagnostics(each for each in made.warnings if not as_json)
        compared = compare_files(found.file, target, options_of_record(found).read)
    if as_json:
        click.echo(json.dumps(_object(found, made, compared, output)))
    else:
        for line in _lines(found, made, compared):
            click.echo(line)
        if output is not None:
            print_stderr(f"saved {output.absolute()}")
    return 0 if compared.is_equal else DIFFERENT


def _changes(found: Explanation) -> Iterator[str]:
    """What has changed since the image was saved."""
    from voxgpu.provenance.states import CHANGED, GONE

    if found.status == CHANGED:
        yield f"{found.file} has been written since: it is not the file that its sidecar tells of"
    for each in found.files:
        if each.what == "program":
            continue  # the recorded text is run
        if each.status == CHANGED:
            yield f"the {each.what} {each.path} has changed since"
        elif each.status == GONE:
            yield f"the {each.what} {each.path} is not there any more"


@contextmanager
def _target(found: Explanation, output: Path | None) -> Iterator[Path]:
    """The file to write: that of ``--output``, or a temporary one."""
    from voxgpu.files.formats import suffix_of
    from voxgpu.temporary_files import temporary_folder

    suffix = suffix_of(found.file)
    if output is None:
        with temporary_folder("again") as folder:
            yield folder / f"again{suffix}"
        return
    if suffix_of(output) != suffix:
        raise click.BadParameter(f"{output} must end in {suffix}, as {found.file} does")
    inputs = (each.place for each in found.files if each.place is not None)
    if output.resolve() in {each.resolve() for each in (found.file, *inputs)}:
        raise click.BadParameter(f"{output} is needed: it would be overwritten")
    check_writable(output)
    yield output


def _lines(found: Explanation, made: Reproduction, compared: Comparison) -> Iterator[str]:
    from voxgpu.provenance.states import CHANGED

    on = f" on {made.device}" if made.device else ""
    computed = f"computed again{on} in {made.seconds:.2f} s"
    if compared.is_equal:
        how = "byte" if compared.is_same_file else "voxel, not in every byte"
        yield f"{found.file}: equal in every {how} ({compared.voxels} voxels), {computed}"
        return
    yield f"{found.file}: NOT EQUAL, {computed}"
    yield from (f"  {each}" for each in compared.remarks)
    first = compared.first
    if first is not None:
        share = 100 * compared.different / compared.voxels
        place = ", ".join(map(str, first.voxel))
        volume = f" of volume {first.volume}" if first.volume is not None else ""
        yield f"  {compared.different} of {compared.voxels} voxels differ ({share:.3g} %)"
        yield f"  first at voxel ({place}){volume}: it was {first.before} and is {first.now}"
        yield f"  largest difference {compared.largest:g}"
    if found.status == CHANGED:
        yield "  the file is not the one that was saved: it was written since"
    elif made.is_same:
        yield "  program and images are the same: another version of voxgpu, a library or a device"
    else:
        yield "  what is computed is not the same any more: see the warnings, and voxgpu explain"


def _object(
    found: Explanation, made: Reproduction, compared: Comparison, output: Path | None
) -> dict[str, Any]:
    return {
        "file": str(found.file),
        "changes": list(_changes(found)),
        "same_values": made.is_same,
        **compared.as_json(),
        "device": made.device,
        "seconds": made.seconds,
        "output": str(output.absolute()) if output is not None else None,
        "warnings": [each.as_json() for each in made.warnings],
    }
