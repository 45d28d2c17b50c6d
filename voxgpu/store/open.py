"""Opening of stores according to the options of a run."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from voxgpu.caches.location import VARIABLE, is_full, private_folder
from voxgpu.caches.notices import tell
from voxgpu.frozen import frozen
from voxgpu.store.disk import DiskStore
from voxgpu.store.folder import StoreError, default_budget, objects_of
from voxgpu.store.index import PATIENCE
from voxgpu.store.shared import SharedFolder
from voxgpu.store.tiered_store import TieredStore


@frozen(slots=True)
class StoreOptions:
    """The options about stores.

    folder  the store on this computer; None: none
    is_default  whether ``folder`` is the default, not named by the user
    shared  a folder of objects that several computers share; None: none
    policy  which values are kept: one of ``POLICIES``
    budget  bytes that the store may take; None: 20 GB, or a tenth of the free space if that is less
    """

    folder: Path | None = None
    shared: Path | None = None
    policy: str = "costly"
    budget: int | None = None
    is_default: bool = False


def open_store(options: StoreOptions) -> TieredStore:
    """Open the requested stores; those that cannot be used are listed in ``refused``.

    Raises StoreError if a folder that the user named is something else than a store.
    """
    problems: list[StoreError] = []
    disk: DiskStore | None = None
    shared: SharedFolder | None = None
    try:
        disk = _disk(options)
    except StoreError as problem:
        if problem.is_mistake and not options.is_default:
            raise
        problems.append(problem)
    try:
        shared = SharedFolder(options.shared) if options.shared is not None else None
    except StoreError as problem:
        if problem.is_mistake:
            raise
        problems.append(problem)
    if shared is not None and options.is_default:
        # With a shared folder there is a store; the default one was not requested.
        problems = [each for each in problems if not each.is_network]
    kept = [f"`{each.folder}`" for each in (disk, shared) if each is not None]
    what = f"results are kept in {kept[0]} alone" if kept else "nothing is kept"
    refused = {f"{each}; {what}": each.help for each in problems}
    return TieredStore(disk, shared, options.policy if kept else "none", refused)


def _disk(options: StoreOptions) -> DiskStore | None:
    """The store on this computer; a private temporary one if the default one fails."""
    if options.folder is None:
        return None
    try:
        return open_disk(options.folder, options.budget)
    except StoreError as problem:
        private = private_folder() if options.is_default else None
        other = private / "store" if private is not None else options.folder
        if other == options.folder or problem.is_network or problem.is_mistake:
            raise
        disk = open_disk(other, options.budget)
        tell(f"{problem}: results are kept in `{other}`", f"set {VARIABLE} to a folder of your own")
        return disk


def open_disk(folder: Path, budget: int | None = None, patience: float = PATIENCE) -> DiskStore:
    """Open the store in a folder; raises StoreError if it cannot be used.

    An index that was lost or damaged is rebuilt from the objects. ``patience`` is how many seconds
    to wait for other writers.
    """
    store = DiskStore(folder, 0, patience)
    if store.index_is_new and not store.read_only and any(objects_of(folder).iterdir()):
        from voxgpu.store.maintenance import rebuild

        with suppress(sqlite3.Error, OSError):
            rebuild(store)
    # The store's own bytes count as free: they can be replaced.
    store.budget = default_budget(folder, store.size()) if budget is None else budget
    if is_full(folder):
        store.problems[f"hardly anything is kept in `{folder}`: its disk is full"] = None
    return store
