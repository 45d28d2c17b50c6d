"""The options that say which store a command uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.parameter_types import SIZE

if TYPE_CHECKING:
    from voxgpu.store.open import StoreOptions

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: What stands for no store.
NONE = "none"

#: The store, for all commands that look at one.
store_option = click.option(
    "--store",
    metavar="DIR|none",
    envvar="VOXGPU_STORE",
    show_envvar=True,
    help="Folder of the results that are kept (default: in the platform's cache folder).",
)

_OPTIONS = (
    store_option,
    click.option(
        "--store-shared",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        envvar="VOXGPU_STORE_SHARED",
        show_envvar=True,
        help="Folder of results that several computers share: read, and written to.",
    ),
    click.option(
        "--store-budget",
        type=SIZE,
        metavar="SIZE",
        envvar="VOXGPU_STORE_BUDGET",
        show_envvar=True,
        help="What the store may take, such as 50G (default: 20G, or 10 % of what is free).",
    ),
    click.option(
        "--keep",
        type=click.Choice(["goals", "costly", "all", "none"]),
        default="costly",
        help="What is kept: what is saved and printed; that and what took long (default); "
        "everything; nothing.",
    ),
)


def with_store(command: _Command) -> _Command:
    """The options of commands that run programs."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def folder_of(store: str | None) -> Path | None:
    """The folder that was asked for, or the default one; None for none."""
    from voxgpu.store.folder import default_folder

    if store is None or store == "":
        return default_folder()
    return None if store == NONE else Path(store)


def store_options_of(given: dict[str, Any]) -> StoreOptions | None:
    """The store that the options ask for, None for none."""
    from voxgpu.store.open import StoreOptions

    folder, shared = folder_of(given["store"]), given["store_shared"]
    if folder is None and shared is None:
        return None
    is_default = not given["store"]
    return StoreOptions(folder, shared, given["keep"], given["store_budget"], is_default)
