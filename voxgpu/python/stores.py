"""Store options from the parameters of the Python interface."""

from __future__ import annotations

from pathlib import Path

from voxgpu.store.folder import default_folder
from voxgpu.store.open import StoreOptions
from voxgpu.store.policy import POLICIES


def store_options(
    store: str | Path | None, shared: str | Path | None, budget: int | None, keep: str
) -> StoreOptions | None:
    """The options of the requested store, or None. Raises ValueError for an unknown ``keep``."""
    if keep not in POLICIES:
        raise ValueError(f"keep is one of {', '.join(POLICIES)}, not {keep!r}")
    if store is None and shared is None:
        return None
    folder = None if store is None else default_folder() if store == "default" else Path(store)
    return StoreOptions(folder, None if shared is None else Path(shared), keep, budget)
