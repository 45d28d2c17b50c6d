"""What the store of a command knows of image files, where there is a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voxgpu.cli.open_store import StoreSelection, is_there, opened
from voxgpu.cli.store_options import folder_of

if TYPE_CHECKING:
    from voxgpu.files.header import Header
    from voxgpu.provenance.from_store import StoreRecords


@contextmanager
def known_records(
    store: str | None,
) -> Iterator[tuple[StoreRecords | None, Callable[[Header], str]]]:
    """What a store knows, or None without one; and a function that digests image files.

    store  the value of ``--store`` or VOXGPU_STORE; None: the default one, if it exists

    Raises ImgqlError if a folder that is named is no store.
    """
    from voxgpu.files.digest import Digests
    from voxgpu.provenance.from_store import StoreRecords
    from voxgpu.store.input_file_cache import SeenFiles

    folder = folder_of(store)
    if folder is None or (not store and not is_there(folder)):
        yield None, Digests().of
        return
    with opened(StoreSelection(store, None, False)) as found:
        if found.disk is None:
            yield None, Digests().of
        else:
            index = found.disk.index
            yield StoreRecords(index, found.folder), Digests(SeenFiles(index)).of
