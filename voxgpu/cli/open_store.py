"""The store that a command looks after: a folder with an index, or one of objects alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.cli.store_options import folder_of
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.store.disk import DiskStore


@dataclass(frozen=True, slots=True)
class Asked:
    """Which store a command was given.

    store    what ``--store`` says, or VOXGPU_STORE; None: nothing
    shared   the folder of ``--store-shared``; None: it was not given
    as_json  whether JSON is written to stdout
    """

    store: str | None
    shared: Path | None
    as_json: bool

    @property
    def folder(self) -> Path:
        """The folder. Raises UsageError where there is none."""
        folder = self.shared if self.shared is not None else folder_of(self.store)
        if folder is None:
            raise click.UsageError("there is no store: --store or VOXGPU_STORE says none")
        return folder

    @property
    def is_named(self) -> bool:
        """Whether somebody named the folder."""
        return self.shared is not None or bool(self.store)


@dataclass(frozen=True, slots=True)
class Opened:
    """A store: its folder, and the store with its index; None where it has none."""

    folder: Path
    disk: DiskStore | None


def is_there(folder: Path) -> bool:
    """Whether there is something; raises ImgqlError where this user may not look into it."""
    try:
        if stat.S_ISDIR(folder.stat().st_mode):
            os.scandir(folder).close()
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        message = f"the store `{folder}` cannot be looked into: {(error.strerror or '').lower()}"
        help = "name another one with --store DIR"
        raise ImgqlError([Diagnostic("E401", message, help=help)]) from None


@contextmanager
def opened(asked: Asked, to_index: bool = False) -> Iterator[Opened]:
    """The store that was asked for, as long as a command looks at it; nothing is made.

    to_index  an index is to be made where there is none

    Raises ImgqlError where the folder is no store. Where nobody named the folder and nothing was
    kept there yet, says so and ends the command.
    """
    from voxgpu.store.folder import StoreError, is_store, is_without_index, open_folder
    from voxgpu.store.index import PATIENCE_OF_COMMANDS
    from voxgpu.store.open import open_disk

    folder = asked.folder
    if not is_there(folder):
        if not asked.is_named:
            _tell_nothing(folder, asked.as_json)
            raise click.exceptions.Exit(0)
        message = f"there is no store in `{folder}`: there is no such folder"
        raise ImgqlError([Diagnostic("E401", message, help="the first run with it makes it")])
    if folder.is_dir() and not is_store(folder) and not any(folder.iterdir()):
        raise ImgqlError([Diagnostic("E401", f"`{folder}` is no store: it is empty")])
    try:
        if asked.shared is not None or (is_without_index(folder) and not to_index):
            if not is_store(folder):
                raise StoreError(f"`{folder}` holds other files and is no store of voxgpu")
            if to_index:
                raise StoreError(f"`{folder}` is one that several computers share, without index")
            open_folder(folder, with_index=False)
            disk = None
        else:
            disk = open_disk(folder, patience=PATIENCE_OF_COMMANDS)
    except StoreError as problem:
        raise ImgqlError([Diagnostic("E401", str(problem), help=problem.help)]) from None
    try:
        yield Opened(folder, disk)
    finally:
        if disk is not None:
            disk.close()


def _tell_nothing(folder: Path, as_json: bool) -> None:
    nothing = {"path": str(folder), "exists": False, "objects": 0, "bytes": 0}
    click.echo(json.dumps(nothing) if as_json else f"nothing is kept yet: there is no `{folder}`")
