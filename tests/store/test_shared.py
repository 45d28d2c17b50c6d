"""A folder of objects without an index, shared by several computers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.values import id_of, image, same
from voxgpu.store.disk import DiskStore
from voxgpu.store.folder import StoreError
from voxgpu.store.object_file import object_path
from voxgpu.store.shared import SharedFolder
from voxgpu.store.tiered_store import TieredStore

GENEROUS = 10**9


def test_there_is_no_database_and_small_values_are_objects_too(tmp_path: Path) -> None:
    shared = SharedFolder(tmp_path / "shared")
    assert shared.put(id_of(1), image(), 2.0) and shared.put(id_of(2), 7.5)
    assert not shared.put(id_of(2), 7.5)
    names = {path.name for path in shared.folder.rglob("*") if path.is_file()}
    assert names == {"STORE", id_of(1)[2:], id_of(2)[2:]}
    other = SharedFolder(tmp_path / "shared")
    found = other.get(id_of(1))
    assert found is not None and same(found[1], image()) and found[0].seconds == 2.0


def test_what_is_found_there_is_kept_here(tmp_path: Path) -> None:
    first = TieredStore(DiskStore(tmp_path / "one", GENEROUS), SharedFolder(tmp_path / "shared"))
    warnings = ((id_of(9), "odd"),)
    assert first.keep(id_of(1), image(), 2.0, {"primitive": "near"}, warnings, must=True)
    first.close()
    second = TieredStore(DiskStore(tmp_path / "two", GENEROUS), SharedFolder(tmp_path / "shared"))
    assert second.has(id_of(1))
    found = second.get(id_of(1))
    assert found is not None and same(found[0], image()) and found[1] == warnings
    assert second.disk is not None and second.disk.has(id_of(1))
    row = second.disk.index.row(id_of(1))
    assert row is not None and (row.seconds, row.primitive) == (2.0, "near")
    assert second.get(id_of(2)) is None


def test_torn_objects_are_misses_and_replaced(tmp_path: Path) -> None:
    shared = SharedFolder(tmp_path / "shared")
    shared.put(id_of(1), image())
    path = object_path(shared.folder / "objects", id_of(1))
    path.write_bytes(path.read_bytes()[:-3])
    assert shared.get(id_of(1)) is None
    assert shared.put(id_of(1), image())
    assert shared.get(id_of(1)) is not None


def test_a_group_may_share_what_the_folder_lets_it(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o770)
    shared = SharedFolder(folder)
    shared.put(id_of(1), image())
    path = object_path(folder / "objects", id_of(1))
    assert path.stat().st_mode & 0o777 == 0o660
    assert {each.stat().st_mode & 0o777 for each in (folder, *path.parents[:2])} == {0o770}
    private = SharedFolder(tmp_path / "private")
    private.put(id_of(1), image())
    assert private.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError):
        SharedFolder(tmp_path)
