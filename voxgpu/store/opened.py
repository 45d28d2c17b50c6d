"""Which store does somebody use, and what is opened for it?"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from voxgpu.store.disk import DiskStore
from voxgpu.store.folder import default_budget, objects_of
from voxgpu.store.index import PATIENCE
from voxgpu.store.shared import SharedFolder
from voxgpu.store.tiers import Tiers


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What is asked for.

    folder  of the store on this computer; None: none
    shared  a folder of objects that several computers share; None: none
    policy  what is kept: one of ``POLICIES``
    budget  bytes that the store may take; None: 20 GB, or a tenth of what is free if that is less
    """

    folder: Path | None = None
    shared: Path | None = None
    policy: str = "costly"
    budget: int | None = None


def open_store(options: StoreOptions) -> Tiers:
    """Opens what is asked for; raises StoreProblem where it cannot be used."""
    disk = None if options.folder is None else open_disk(options.folder, options.budget)
    shared = None if options.shared is None else SharedFolder(options.shared)
    return Tiers(disk, shared, options.policy)


def open_disk(folder: Path, budget: int | None = None, patience: float = PATIENCE) -> DiskStore:
    """The store in a folder; raises StoreProblem where it cannot be used.

    An index that was lost or damaged is made anew from the objects. ``patience`` is how many
    seconds to wait for others that write.
    """
    store = DiskStore(folder, 0, patience)
    if store.index_is_new and not store.read_only and any(objects_of(folder).iterdir()):
        from voxgpu.store.maintenance import rebuild

        with suppress(sqlite3.Error, OSError):
            rebuild(store)
    # What the store takes already counts as free: it would go for something better.
    store.budget = default_budget(folder, store.taken()) if budget is None else budget
    return store
