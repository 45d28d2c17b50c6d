"""``voxgpu runs``: the runs that the store knows of, and how to end one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.store_options import folder_of, store_option

if TYPE_CHECKING:
    from voxgpu.store.run_records import RunRecord

_json = click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")


@click.group(invoke_without_command=True)
@store_option
@_json
@click.option("-n", "--last", type=click.IntRange(min=1), default=20, help="How many (20).")
@click.pass_context
def command(context: click.Context, store: str | None, as_json: bool, last: int) -> None:
    """List runs, the newest last; each has an id.

    They are kept with the store, the last 500 of them.
    """
    context.obj = store
    if context.invoked_subcommand is not None:
        return
    records = _records(store)[-last:]
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in records]))
        return
    for each in records:
        started = datetime.fromtimestamp(each.started).strftime("%Y-%m-%d %H:%M")
        click.echo(
            f"{each.id}  {each.current_status():<11}  {started}  {each.seconds:8.1f} s  "
            f"{each.kind:<6}  {each.program}"
        )


@command.command()
@click.argument("id")
@_json
@click.pass_obj
def show(store: str | None, id: str, as_json: bool) -> None:
    """Show all that is known of the run ID, or of the only one whose id begins so."""
    record = _record(store, id)
    if as_json:
        click.echo(json.dumps(_as_json(record)))
        return
    click.echo(f"run      {record.id}, {record.current_status()}")
    defined = "".join(f" -D {name}={text}" for name, text in record.definitions.items())
    click.echo(f"program  {record.program}{defined}")
    click.echo(f"sha256   {record.sha256}")
    click.echo(f"in       {record.folder}")
    job = f", job {record.job} of SLURM" if record.job else ""
    click.echo(f"on       {record.host}, process {record.pid}{job}")
    started = datetime.fromtimestamp(record.started).isoformat(" ", "seconds")
    click.echo(f"started  {started}, {record.seconds:.2f} s")
    for name, value in record.details.items():
        click.echo(f"{name:<8} {value}")
    for label, value in record.prints.items():
        click.echo(f"print    {label}={value}")
    for kind, texts in (
        ("saved", record.saved),
        ("warning", record.warnings),
        ("error", record.errors),
    ):
        for text in texts:
            click.echo(f"{kind:<8} " + text.replace("\n", "\n         "))


@command.command()
@click.argument("id")
@click.pass_obj
def cancel(store: str | None, id: str) -> None:
    """End the run ID as SIGTERM does: what was delivered is whole."""
    from voxgpu.store.run_records import ELSEWHERE, RUNNING

    record = _record(store, id)
    status = record.current_status()
    if status == RUNNING:
        os.kill(record.pid, signal.SIGTERM)
        click.echo(f"{record.id}: process {record.pid} was told to end")
        return
    if status == ELSEWHERE and record.job and shutil.which("scancel"):
        subprocess.run(["scancel", record.job], check=True)
        click.echo(f"{record.id}: job {record.job} of SLURM was cancelled")
        return
    hint = f"; end process {record.pid} on {record.host}" if status == ELSEWHERE else ""
    raise click.ClickException(f"run {record.id} cannot be ended: it is {status}{hint}")


def _records(store: str | None) -> list[RunRecord]:
    from voxgpu.store.run_records import read_records

    folder = folder_of(store)
    return read_records(folder) if folder is not None else []


def _record(store: str | None, id: str) -> RunRecord:
    """The record of an id. Raises ClickException where none, or several, begin so."""
    found = [each for each in _records(store) if id and each.id.startswith(id)]
    exact = [each for each in found if each.id == id]
    if len(exact or found) == 1:
        return (exact or found)[0]
    reason = f"{len(found)} runs begin with" if found else "there is no run"
    raise click.ClickException(f"{reason} `{id}`: `voxgpu runs` lists them")


def _as_json(record: RunRecord) -> dict[str, Any]:
    return {**asdict(record), "status": record.current_status(), "seconds": record.seconds}
