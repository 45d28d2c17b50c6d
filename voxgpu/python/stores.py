"""Which store does a caller ask for?"""

from __future__ import annotations

from pathlib import Path

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.store.folder import StoreError, default_folder
from voxgpu.store.open import StoreOptions, open_store
from voxgpu.store.policy import POLICIES
from voxgpu.store.tiered_store import TieredStore


def opened(
    store: str | Path | None, shared: str | Path | None, budget: int | None, keep: str
) -> TieredStore | None:
    """The store that is asked for, None for none.

    Raises ImgqlError where it cannot be used, ValueError for what no store keeps.
    """
    if keep not in POLICIES:
        raise ValueError(f"keep is one of {', '.join(POLICIES)}, not {keep!r}")
    if store is None and shared is None:
        return None
    folder = None if store is None else default_folder() if store == "default" else Path(store)
    try:
        return open_store(
            StoreOptions(folder, None if shared is None else Path(shared), keep, budget)
        )
    except StoreError as problem:
        raise ImgqlError([Diagnostic("E401", str(problem), help=problem.help)]) from None
