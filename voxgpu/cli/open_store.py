"""Opening of the store that a maintenance command works on, with or without an index."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.cli.store_options import folder_of
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.frozen import frozen

if TYPE_CHECKING:
    from voxgpu.store.disk import DiskStore


@frozen(slots=True)
class StoreSelection:
    """The options that select a store.

    store    the value of ``--store`` or VOXGPU_STORE; None: not given
    shared   the folder of ``--store-shared``; None: not given
    as_json  whether JSON is written to stdout
    """

    store: str | None
    shared: Path | None
    as_json: bool

    @property
    def folder(self) -> Path:
        """The folder. Raises UsageError if there is none."""
        folder = self.shared if self.shared is not None else folder_of(self.store)
        if folder is None:
            raise click.UsageError("there is no store: --store or VOXGPU_STORE says none")
        return folder

    @property
    def is_named(self) -> bool:
        """Whether the user named the folder."""
        return self.shared is not None or bool(self.store)


@frozen(slots=True)
class Opened:
    """A store: its folder, and the store with its index, or None if it has none."""

    folder: Path
    disk: DiskStore | None


def is_there(folder: Path) -> bool:
    """Whether the path exists; raises ImgqlError if this user may not read it."""
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
def opened(selection: StoreSelection, to_index: bool = False) -> Iterator[Opened]:
    """Open the selected store for a command; never creates a store.

    to_index  create an index if there is none

    Raises ImgqlError if the folder is not a store. If it is the default folder and does not exist
    yet, says so and ends the command.
    """
    from voxgpu.store.folder import StoreError, is_store, is_without_index, open_folder
    from voxgpu.store.index import PATIENCE_OF_COMMANDS
    from voxgpu.store.open import open_disk

    folder = selection.folder
    if not is_there(folder):
        if not selection.is_named:
            _tell_nothing(folder, selection.as_json)
            raise click.exceptions.Exit(0)
        message = f"there is no store in `{folder}`: there is no such folder"
        raise ImgqlError([Diagnostic("E401", message, help="the first run with it makes it")])
    if folder.is_dir() and not is_store(folder) and not any(folder.iterdir()):
        raise ImgqlError([Diagnostic("E401", f"`{folder}` is no store: it is empty")])
    try:
        if selection.shared is not None or (is_without_index(folder) and not to_index):
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
