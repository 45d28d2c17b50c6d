"""The options that select a store for commands that run programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import option_group
from voxgpu.cli.parameter_types import SIZE

if TYPE_CHECKING:
    from voxgpu.store.open import StoreOptions

#: The value that disables the store.
NONE = "none"

#: The store, for all commands that use one.
store_option = click.option(
    "--store",
    metavar="DIR|none",
    envvar="VOXGPU_STORE",
    show_envvar=True,
    help="Folder of stored results (default: in the platform's cache folder).",
)

#: Adds the store options to a command that runs programs.
with_store = option_group(
    store_option,
    click.option(
        "--store-shared",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        envvar="VOXGPU_STORE_SHARED",
        show_envvar=True,
        help="Folder of results that several computers share, for reading and writing.",
    ),
    click.option(
        "--store-budget",
        type=SIZE,
        metavar="SIZE",
        envvar="VOXGPU_STORE_BUDGET",
        show_envvar=True,
        help="Size limit of the store, such as 50G (default: 20G, or 10 % of the free space).",
    ),
    click.option(
        "--keep",
        type=click.Choice(["goals", "costly", "all", "none"]),
        default="costly",
        help="Results to keep: those saved and printed; those and expensive ones (default); all; "
        "none.",
    ),
)


def folder_of(store: str | None) -> Path | None:
    """The named folder, or the default one; None for none."""
    from voxgpu.store.folder import default_folder

    if store is None or store == "":
        return default_folder()
    return None if store == NONE else Path(store)


def store_options_of(arguments: dict[str, Any]) -> StoreOptions | None:
    """The options of the selected store; None for none."""
    from voxgpu.store.open import StoreOptions

    folder, shared = folder_of(arguments["store"]), arguments["store_shared"]
    if folder is None and shared is None:
        return None
    is_default = not arguments["store"]
    return StoreOptions(folder, shared, arguments["keep"], arguments["store_budget"], is_default)
