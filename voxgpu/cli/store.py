"""``voxgpu store``: what is kept, and how much."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.amounts import AGE, SIZE, age_text, size_text
from voxgpu.cli.store_options import folder_of, store_option
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.store.disk import DiskStore

_Command = TypeVar("_Command", bound=Callable[..., Any])

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@click.group()
def command() -> None:
    """Look after the results that are kept between runs.

    They lie in one folder, a file each, named by what they mean. Nothing else depends on it: it
    may be cleared at any time.
    """


def _here(function: _Command) -> _Command:
    return store_option(_json(function))


@command.command()
@_here
def info(store: str | None, as_json: bool) -> None:
    """Tell how large the store is, what is in it, and how often it helped."""
    from voxgpu.store.maintenance import information

    with _Opened(store) as disk:
        found = information(disk)
    if as_json:
        click.echo(json.dumps(found))
        return
    rate = found["hit_rate"]
    click.echo(f"path     {found['path']}")
    click.echo(f"size     {size_text(found['bytes'])} of {size_text(found['budget'])}")
    click.echo(f"values   {found['objects']:,}")
    if rate is None:
        click.echo("reused   nothing was asked for yet")
    else:
        click.echo(f"reused   {rate:.0%} of {found['hits'] + found['misses']:,} values asked for")
    if found["oldest_use"] is not None:
        click.echo(f"oldest   used {age_text(time.time() - found['oldest_use'])} ago")
    if found["damaged"]:
        click.echo(f"damaged  {found['damaged']:,} found, and computed again")
    if found["by_primitive"]:
        click.echo("\n  values        size  made by")
    by_size = sorted(found["by_primitive"].items(), key=lambda item: -item[1]["bytes"])
    for name, entry in by_size:
        click.echo(f"{entry['objects']:8,}  {size_text(entry['bytes']):>10}  {name}")


@command.command("list")
@_here
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many.")
def list_values(store: str | None, as_json: bool, limit: int | None) -> None:
    """List the values, those used last first."""
    now = time.time()
    with _Opened(store) as disk:
        rows = list(disk.index.rows("used DESC", limit or -1))
    if as_json:
        told = [
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
        click.echo(json.dumps({"values": told}))
        return
    for row in rows:
        click.echo(
            f"{row.id[:16]}  {row.kind:<18} {size_text(row.size):>9} "
            f"{row.seconds * 1000:9.1f} ms  {age_text(now - row.used):>6} ago  {row.primitive}"
        )


@command.command()
@_here
@click.option("--repair", is_flag=True, help="Remove what is damaged, index what is not.")
def verify(store: str | None, as_json: bool, repair: bool) -> int:
    """Read every value and tell which are damaged; exit status 1 if there are such."""
    from voxgpu.store.maintenance import verify as verified

    with _Opened(store) as disk:
        found = verified(disk, repair)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        click.echo(f"{found.objects:,} objects read")
        for paths, what in (
            (found.damaged, "damaged"),
            (found.foreign, "of another version, left alone"),
            (found.unindexed, "not in the index"),
            (found.unfinished, "left behind unfinished"),
        ):
            for path in paths:
                click.echo(f"{path}: {what}")
        for id in found.lost:
            click.echo(f"{id}: in the index, but its file is gone")
        if repair:
            click.echo("repaired")
        elif not found.is_clean:
            click.echo("`voxgpu store verify --repair` removes what is damaged")
        else:
            click.echo("clean")
    return 0 if found.is_clean or repair else 1


@command.command()
@_here
@click.option("--max-bytes", type=SIZE, metavar="SIZE", help="Keep at most so much, such as 20G.")
@click.option("--max-age", type=AGE, metavar="TIME", help="Keep what was used within, such as 30d.")
def gc(store: str | None, as_json: bool, max_bytes: int | None, max_age: float | None) -> None:
    """Make the store smaller: what is least worth its bytes goes first."""
    from voxgpu.store.maintenance import collect

    with _Opened(store) as disk:
        limit = disk.budget if max_bytes is None and max_age is None else max_bytes
        count, size = collect(disk, limit, max_age)
        left = disk.taken()
    if as_json:
        click.echo(json.dumps({"removed": count, "bytes": size, "left_bytes": left}))
    else:
        click.echo(f"{count:,} values removed, {size_text(size)}; {size_text(left)} are left")


@command.command()
@_here
def rebuild(store: str | None, as_json: bool) -> None:
    """Make the index again from the objects."""
    from voxgpu.store.maintenance import rebuild as rebuilt

    with _Opened(store) as disk:
        count, failed = rebuilt(disk)
    if as_json:
        click.echo(json.dumps({"values": count, "unreadable": failed}))
    else:
        click.echo(f"{count:,} values indexed" + (f", {failed:,} unreadable" if failed else ""))


@command.command()
@_here
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def clear(store: str | None, as_json: bool, yes: bool) -> None:
    """Remove every value."""
    from voxgpu.store.folder import is_store
    from voxgpu.store.maintenance import clear as cleared

    folder = _folder(store)
    if not is_store(folder):
        if folder.exists():
            raise ImgqlError([Diagnostic("E401", f"`{folder}` is no store: nothing was removed")])
    else:
        if not (yes or as_json):
            click.confirm(f"remove every value from {folder}?", abort=True, err=True)
        with _Opened(store):
            pass  # says so where the store is of another version
        cleared(folder)
    click.echo(json.dumps({"path": str(folder)}) if as_json else f"{folder} is empty")


@command.command()
@_here
def path(store: str | None, as_json: bool) -> None:
    """Print the folder of the store."""
    folder = _folder(store)
    click.echo(json.dumps({"path": str(folder)}) if as_json else str(folder))


def _folder(store: str | None) -> Path:
    folder = folder_of(store)
    if folder is None:
        raise click.UsageError("there is no store: --store or VOXGPU_STORE says none")
    return folder


class _Opened:
    """The store while a command looks at it."""

    def __init__(self, store: str | None) -> None:
        from voxgpu.store.folder import StoreProblem
        from voxgpu.store.index import PATIENCE_OF_COMMANDS
        from voxgpu.store.opened import open_disk

        try:
            self._disk = open_disk(_folder(store), patience=PATIENCE_OF_COMMANDS)
        except StoreProblem as problem:
            raise ImgqlError([Diagnostic("E401", str(problem), help=problem.help)]) from None

    def __enter__(self) -> DiskStore:
        return self._disk

    def __exit__(self, *_: object) -> None:
        self._disk.close()
