"""``voxgpu store``: maintenance of stored results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from voxgpu.byte_sizes import size_text
from voxgpu.cli.open_store import StoreSelection, is_there, opened
from voxgpu.cli.parameter_types import AGE, SIZE, age_text
from voxgpu.cli.store_options import store_option
from voxgpu.cli.terminal import confirm, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError

_Command = TypeVar("_Command", bound=Callable[..., Any])

_shared = click.option(
    "--store-shared",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of results that several computers share, instead of the store.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON object to stdout.")


@click.group()
def command() -> None:
    """Maintain the results that are kept between runs.

    They are in one folder, a file each, named by a hash of how they were computed. Nothing else
    depends on the folder: it may be cleared at any time.
    """


def _with_selection(function: _Command) -> _Command:
    """Add the options that select a store; the command receives an ``StoreSelection``."""

    @wraps(function)
    def call(
        *args: Any, store: str | None, store_shared: Path | None, as_json: bool, **arguments: Any
    ) -> Any:
        return function(*args, StoreSelection(store, store_shared, as_json), **arguments)

    return cast(_Command, store_option(_shared(_json(call))))


@command.command()
@_with_selection
def info(selection: StoreSelection) -> None:
    """Show the size of the store, its content, and how often values were reused."""
    from voxgpu.store.maintenance import information
    from voxgpu.store.objects_only import information as of_objects

    with opened(selection) as store:
        disk = store.disk
        statistics = information(disk) if disk is not None else of_objects(store.folder)
    if selection.as_json:
        click.echo(json.dumps(statistics))
        return
    rate = statistics["hit_rate"]
    click.echo(f"path     {statistics['path']}")
    budget = f" of {size_text(statistics['budget'])}" if statistics["budget"] is not None else ""
    click.echo(f"size     {size_text(statistics['bytes'])}{budget}")
    click.echo(f"values   {statistics['objects']:,}")
    if disk is None:
        click.echo("shared   objects only: without an index, reuse is not counted")
    elif rate is None:
        click.echo("reused   nothing was asked for yet")
    else:
        click.echo(
            f"reused   {rate:.0%} of {statistics['hits'] + statistics['misses']:,} values asked for"
        )
    if statistics["oldest_use"] is not None:
        done = "used" if disk is not None else "written"
        click.echo(f"oldest   {done} {age_text(time.time() - statistics['oldest_use'])} ago")
    if statistics["damaged"]:
        click.echo(f"damaged  {statistics['damaged']:,} found, and computed again")
    if statistics["by_primitive"]:
        click.echo("\n  values        size  made by")
    by_size = sorted(statistics["by_primitive"].items(), key=lambda item: -item[1]["bytes"])
    for name, entry in by_size:
        click.echo(f"{entry['objects']:8,}  {size_text(entry['bytes']):>10}  {name}")


@command.command("list")
@_with_selection
@click.option("-n", "--limit", type=click.IntRange(min=1), help="List at most this many values.")
def list_values(selection: StoreSelection, limit: int | None) -> None:
    """List the values, most recently used first."""
    from voxgpu.store.objects_only import rows_of

    now = time.time()
    with opened(selection) as store:
        if store.disk is not None:
            rows = list(store.disk.index.rows("used DESC", limit or -1))
        else:
            rows = sorted(rows_of(store.folder), key=lambda row: row.used, reverse=True)[:limit]
    if selection.as_json:
        values = [
            {
                "id": row.id,
                "kind": row.kind,
                "primitive": row.primitive,
                "size": row.size,
                "bytes": row.bytes,
                "seconds": row.seconds,
                "created": row.created,
                "used": row.used,
            }
            for row in rows
        ]
        click.echo(json.dumps({"values": values}))
        return
    for row in rows:
        click.echo(
            f"{row.id[:16]}  {row.kind:<18} {size_text(row.size):>9} "
            f"{row.seconds * 1000:9.1f} ms  {age_text(now - row.used):>6} ago  {row.primitive}"
        )


@command.command()
@_with_selection
@click.option("--repair", is_flag=True, help="Remove damaged values, index intact ones.")
def verify(selection: StoreSelection, repair: bool) -> int:
    """Verify every value and list damaged ones; exit status 1 if there are any."""
    from voxgpu.store.maintenance import verify as verified
    from voxgpu.store.objects_only import verify as of_objects

    with opened(selection) as store:
        disk = store.disk
        findings = verified(disk, repair) if disk is not None else of_objects(store.folder, repair)
    if selection.as_json:
        click.echo(json.dumps(findings.as_json()))
    else:
        click.echo(f"{findings.objects:,} objects read")
        for paths, what in (
            (findings.damaged, "damaged"),
            (findings.foreign, "of another version, left alone"),
            (findings.unindexed, "not in the index"),
            (findings.unfinished, "left behind unfinished"),
        ):
            for path in paths:
                click.echo(f"{path}: {what}")
        for id in findings.lost:
            click.echo(f"{id}: in the index, but its file is gone")
        if repair:
            click.echo("repaired")
        elif not findings.is_clean:
            click.echo("`voxgpu store verify --repair` removes what is damaged")
        else:
            click.echo("clean")
    return 0 if findings.is_clean or repair else 1


@command.command()
@_with_selection
@click.option(
    "--max-bytes", type=SIZE, metavar="SIZE", help="Size to reduce the store to, such as 20G."
)
@click.option(
    "--max-age", type=AGE, metavar="TIME", help="Keep values used within this time, such as 30d."
)
def gc(selection: StoreSelection, max_bytes: int | None, max_age: float | None) -> None:
    """Shrink the store: values with the least computing time per byte go first."""
    from voxgpu.store.maintenance import collect
    from voxgpu.store.objects_only import collect as of_objects

    with opened(selection) as store:
        if store.disk is None:
            count, size, left = of_objects(store.folder, max_bytes, max_age)
        else:
            is_open = max_bytes is None and max_age is None
            limit = store.disk.budget if is_open else max_bytes
            count, size = collect(store.disk, limit, max_age)
            left = store.disk.size()
    if selection.as_json:
        click.echo(json.dumps({"removed": count, "bytes": size, "left_bytes": left}))
    else:
        click.echo(f"{count:,} values removed, {size_text(size)}; {size_text(left)} are left")


@command.command()
@_with_selection
def rebuild(selection: StoreSelection) -> None:
    """Rebuild the index from the object files."""
    from voxgpu.store.maintenance import rebuild as rebuilt

    with opened(selection, to_index=True) as store:
        assert store.disk is not None
        count, failed = rebuilt(store.disk)
    if selection.as_json:
        click.echo(json.dumps({"values": count, "unreadable": failed}))
    else:
        click.echo(f"{count:,} values indexed" + (f", {failed:,} unreadable" if failed else ""))


@command.command()
@_with_selection
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def clear(selection: StoreSelection, yes: bool) -> int:
    """Remove every value, after confirmation; exit status 1 if it is refused."""
    from voxgpu.store.folder import is_store
    from voxgpu.store.maintenance import clear as cleared

    folder = selection.folder
    exists = is_there(folder)
    if not is_store(folder):
        if exists:
            raise ImgqlError([Diagnostic("E401", f"`{folder}` is no store: nothing was removed")])
    else:
        if not (yes or selection.as_json or confirm(f"remove every value from {folder}?")):
            print_stderr("nothing was removed")
            return 1
        with opened(selection):
            pass  # raises for stores of another version
        cleared(folder)
    click.echo(json.dumps({"path": str(folder)}) if selection.as_json else f"{folder} is empty")
    return 0


@command.command()
@_with_selection
def path(selection: StoreSelection) -> None:
    """Print the folder of the store."""
    folder = selection.folder
    click.echo(json.dumps({"path": str(folder)}) if selection.as_json else str(folder))
