"""``voxgpu explain``: how a saved image came about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.cli.known_records import known_records
from voxgpu.cli.options import UserPath
from voxgpu.cli.store_options import store_option
from voxgpu.files.errors import FileError

if TYPE_CHECKING:
    from voxgpu.provenance.explain import Explanation
    from voxgpu.provenance.record import Provenance
    from voxgpu.provenance.states import FileState

#: Lines of a program that are shown at most.
_MOST_LINES = 60

_HINT = "sidecars are written beside images by `voxgpu run`, unless --no-sidecar says otherwise"


@click.command()
@click.argument("file", type=UserPath(path_type=Path))
@store_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")
def command(file: Path, store: str | None, as_json: bool) -> int:
    """Tell how FILE, an image that voxgpu saved, came about.

    From its sidecar FILE.json; without one from the store, which knows saved files by their
    content, wherever they are now. Tells also what has changed since: the file, the program,
    the images that it was computed from. Exit status: 0 it is known, 1 it is not.
    """
    from voxgpu.provenance.explain import explain, image_of

    with known_records(store) as (stored, digest):
        found = explain(file, digest, stored)
    if found is None:
        reason = "nothing is known of how it came about: it has no sidecar, and the store knows no"
        raise FileError(str(image_of(file)), f"{reason} such file", _HINT, "explain")
    click.echo(json.dumps(found.as_json()) if as_json else "\n".join(_lines(found)))
    return 0


def _lines(found: Explanation) -> Iterator[str]:
    from voxgpu.provenance.states import CHANGED, STREAM

    record = found.record
    yield f"{found.file}" + (": as it was saved" if found.status != CHANGED else "")
    if found.status == CHANGED:
        yield f"CHANGED   it is not the file that {found.sidecar} tells of: it was written since"
        if found.now is not None:
            yield f"now       {_where(found.now)}: {found.now.expression}"
        else:
            yield "now       nothing is known of what is in it"
        yield f"before    as {found.sidecar} has it:"
    yield from _about(record)
    states = {(each.what, each.path): each for each in found.files}
    if record.program:
        state = states["program", record.program]
        text = "; its text is in the sidecar" if record.text and found.sidecar is not None else ""
        yield f"program   {record.program}{_told(state)}{text if state.status == STREAM else ''}"
    elif record.text:
        yield "program   a text, which the sidecar has"
    yield from _commands(record)
    for what, title in (
        ("import", "import"),
        ("primitives", "defined by"),
        ("input", "input"),
        ("other input", "also read"),
    ):
        for each in found.files:
            if each.what == what:
                yield f"{title:<9} {each.path}{_told(each)}"
    if record.text:
        yield f"again     voxgpu reproduce {found.file}"


def _about(record: Provenance) -> Iterator[str]:
    when = record.date.replace("T", " ").replace("+00:00", " UTC")
    took = f", {record.seconds:.2f} s into the run" if record.seconds else ""
    on = f", on {record.device}" if record.device else ""
    if when:
        yield f"saved     {when}{on}{took}"
    if record.versions:
        yield f"with      {', '.join(f'{name} {each}' for name, each in record.versions.items())}"
    ids = [each[:16] for each in record.values]
    more = f" and {len(ids) - 1} more, one for each volume" if ids[1:] else ""
    yield f"value     {ids[0]}{more}" if ids else "value     unknown"
    yield f"as        {record.label}"
    for name, text in record.definitions.items():
        yield f"variable  {name}={text}"
    for name, value in record.options.items():
        yield f"option    --{name} {value}"


def _commands(record: Provenance) -> Iterator[str]:
    """The commands that the image depends on, or its expression."""
    if not record.lines:
        if record.expression:
            yield f"          {record.expression}"
        return
    for each in record.lines[-_MOST_LINES:]:
        first, *rest = each.text.split("\n")
        path = f"  ({each.path})" if each.path else ""
        yield f"{each.number:>8} │ {first}{path}"
        yield from (f"         │ {line}" for line in rest)
    left = len(record.lines) - _MOST_LINES
    if left > 0:
        yield f"          and {left} commands before: --json has all"


def _where(record: Provenance) -> str:
    return f"saved by {record.program} as {record.label}" if record.program else record.label


def _told(state: FileState) -> str:
    """What has happened to a file since, as the end of its line."""
    from voxgpu.provenance.states import CHANGED, GONE, IN_MEMORY, STREAM, UNKNOWN

    if state.status == CHANGED:
        return "  CHANGED since"
    if state.status == GONE:
        return "  NOT THERE any more"
    if state.status == STREAM:
        is_input = re.fullmatch(r".*/(?:stdin|fd/0)", state.path)
        return f"  read from {'standard input' if is_input else 'a pipe'}"
    if state.status == UNKNOWN:
        return "  which may have changed since"
    if state.status == IN_MEMORY:
        return "  an image in memory, in no file"
    moved = state.place is not None and str(state.place) != state.path
    return f"  now {state.place}" if moved else ""
