"""A store on the disk returns the stored value or nothing, never anything else."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.store.values import id_of, image, same, values
from tests.strategies import law
from voxgpu.image import Grid, Image
from voxgpu.store import maintenance, object_file
from voxgpu.store.disk import DiskStore
from voxgpu.store.folder import StoreError
from voxgpu.store.object_file import FORMAT, object_path
from voxgpu.store.tier import bytes_of

GENEROUS = 10**9


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "store", GENEROUS)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> DiskStore:
    return DiskStore(tmp_path_factory.mktemp("laws") / "store", GENEROUS)


COUNT = iter(range(10**6))


@given(value=values)
@law(200)
def test_get_after_put_is_the_value(shared_store: DiskStore, value: Any) -> None:
    """P3, P9: for every kind of value, of any size."""
    id = id_of(next(COUNT))
    assert shared_store.get(id) is None
    assert shared_store.put(id, value)
    found = shared_store.get(id)
    assert found is not None and same(found[0], value)


def _objects(store: DiskStore) -> list[Path]:
    return [path for path in (store.folder / "objects").rglob("*") if path.is_file()]


def test_values_outlive_the_object_that_wrote_them(store: DiskStore) -> None:
    warnings = ((id_of(8), "empty"), (id_of(9), "odd"))
    store.put(id_of(1), image(), 2.5, {"primitive": "near"}, warnings)
    store.put(id_of(2), 7.25, warnings=warnings)
    store.close()
    again = DiskStore(store.folder, GENEROUS)
    found = again.get(id_of(1))
    assert found is not None and same(found[0], image()) and found[1] == warnings
    assert again.get(id_of(2)) == (7.25, warnings)
    row = again.index.row(id_of(1))
    assert row is not None and (row.seconds, row.primitive) == (2.5, "near")


def test_small_values_take_no_file(store: DiskStore) -> None:
    for number, value in enumerate([1.5, True, "text", (1.0, 2.0), ()]):
        store.put(id_of(number), value)
    assert not _objects(store)
    store.put(id_of(9), "x" * 5000)
    assert len(_objects(store)) == 1 and store.get(id_of(9)) == ("x" * 5000, ())


def test_a_value_is_written_once(store: DiskStore) -> None:
    """P7: one writer; a second put writes nothing."""
    assert store.put(id_of(1), image())
    (path,) = _objects(store)
    before = path.stat()
    assert not store.put(id_of(1), image())
    assert path.stat() == before and store.counts["written"] == 1


def test_only_the_owner_may_look(store: DiskStore) -> None:
    store.put(id_of(1), image())
    folders = [store.folder, *(each for each in store.folder.rglob("*") if each.is_dir())]
    assert {each.stat().st_mode & 0o777 for each in folders} == {0o700}
    assert {each.stat().st_mode & 0o777 for each in _objects(store)} == {0o600}


@pytest.mark.slow
@pytest.mark.parametrize("value", [image((2, 2, 3)), image((2, 3, 3), "bool"), "y" * 4200])
def test_every_byte_of_an_object_matters(store: DiskStore, value: Any) -> None:
    """Each byte is changed in turn: the value is reported missing, never wrong."""
    store.put(id_of(1), value)
    (path,) = _objects(store)
    whole = path.read_bytes()
    places = range(len(whole)) if len(whole) < 2000 else range(0, len(whole), 7)
    for place in places:
        torn = bytearray(whole)
        torn[place] ^= 1 << place % 8
        path.write_bytes(bytes(torn))
        with sqlite3.connect(store.folder / "index.sqlite") as connection:
            rows = connection.execute("SELECT * FROM objects").fetchall()
        assert store.get(id_of(1)) is None
        is_other_version = torn[14:18] != whole[14:18] and path.exists()
        assert is_other_version or not path.exists()
        path.write_bytes(whole)
        if not store.has(id_of(1)):
            with sqlite3.connect(store.folder / "index.sqlite") as connection:
                marks = ",".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO objects VALUES({marks})", rows)
        connection.close()
    found = store.get(id_of(1))
    assert found is not None and same(found[0], value)


def test_cut_and_vanished_objects_are_misses_and_replaced(store: DiskStore) -> None:
    store.put(id_of(1), image())
    (path,) = _objects(store)
    whole = path.read_bytes()
    for length in (0, 1, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert store.get(id_of(1)) is None and not store.has(id_of(1))
        assert store.put(id_of(1), image())
        found = store.get(id_of(1))
        assert found is not None and same(found[0], image())
    assert store.counts["damaged"] == 5
    path.unlink()
    assert store.get(id_of(1)) is None and store.counts["damaged"] == 5
    assert store.put(id_of(1), image())


def test_an_object_under_another_name_is_not_believed(store: DiskStore) -> None:
    store.put(id_of(1), image())
    store.put(id_of(2), image(seed=1))
    first, second = (object_path(store.folder / "objects", id_of(n)) for n in (1, 2))
    second.write_bytes(first.read_bytes())
    assert store.get(id_of(2)) is None


def test_objects_of_another_version_are_left_alone(store: DiskStore) -> None:
    store.put(id_of(1), image())
    (path,) = _objects(store)
    data = bytearray(path.read_bytes())
    data[14] = FORMAT + 1
    other = bytes(data[:-16]) + object_file.xxhash.xxh3_128_digest(bytes(data[:-16]))
    path.write_bytes(other)
    assert store.get(id_of(1)) is None
    store.index.remove([id_of(1)])
    assert not store.put(id_of(1), image())
    assert path.read_bytes() == other
    found = maintenance.verify(store, repair=True)
    assert found.foreign == [path] and found.is_clean and path.read_bytes() == other


@pytest.mark.parametrize("text", ["voxgpu store 2\n", "something else\n", "", "\xff"])
def test_a_store_of_another_version_is_left_alone(store: DiskStore, text: str) -> None:
    store.put(id_of(1), image())
    store.close()
    (store.folder / "STORE").write_text(text, "latin-1")
    with pytest.raises(StoreError):
        DiskStore(store.folder, GENEROUS)
    assert len(_objects(store)) == 1


def test_an_index_of_another_version_is_left_alone(store: DiskStore) -> None:
    store.close()
    with sqlite3.connect(store.folder / "index.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="another voxgpu"):
        DiskStore(store.folder, GENEROUS)


def test_a_folder_with_other_files_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="holds other files"):
        DiskStore(tmp_path, GENEROUS)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(StoreError, match="is a file"):
        DiskStore(tmp_path / "thesis.txt", GENEROUS)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100])
def test_a_damaged_index_is_put_aside_and_can_be_made_again(
    store: DiskStore, damage: bytes
) -> None:
    for number in range(5):
        store.put(id_of(number), image(seed=number), seconds=number)
    store.close()
    for path in store.folder.glob("index.sqlite*"):
        path.unlink()
    (store.folder / "index.sqlite").write_bytes(damage)
    again = DiskStore(store.folder, GENEROUS)
    assert not again.has(id_of(1))
    assert maintenance.rebuild(again) == (5, 0)
    for number in range(5):
        found = again.get(id_of(number))
        assert found is not None and same(found[0], image(seed=number))
    assert again.size() == 5 * 4096


def test_rebuilding_keeps_small_values_and_times(store: DiskStore) -> None:
    store.put(id_of(1), 2.5, seconds=3.0)
    store.put(id_of(2), image(), seconds=4.0)
    rows = sorted(store.index.rows(), key=lambda row: row.id)
    maintenance.rebuild(store)
    assert sorted(store.index.rows(), key=lambda row: row.id) == rows


def test_verify_tells_what_is_wrong_and_repairs_it(store: DiskStore) -> None:
    for number in range(6):
        store.put(id_of(number), image(seed=number))
    folder = store.folder / "objects"
    object_path(folder, id_of(0)).unlink()
    object_path(folder, id_of(1)).write_bytes(b"torn")
    store.index.remove([id_of(2)])
    left_behind = object_path(folder, id_of(3)).with_name(".nobody-1-2.part")
    left_behind.write_bytes(b"half")
    os.utime(left_behind, (0, 0))
    found = maintenance.verify(store)
    assert found.lost == [id_of(0)] and found.unfinished == [left_behind]
    assert [path.name for path in found.damaged] == [id_of(1)[2:]]
    assert [path.name for path in found.unindexed] == [id_of(2)[2:]]
    assert not found.is_clean
    maintenance.verify(store, repair=True)
    found = maintenance.verify(store)
    assert found.is_clean and not found.unindexed and not found.unfinished
    assert store.has(id_of(2)) and not store.has(id_of(0)) and not store.has(id_of(1))


@pytest.mark.slow
def test_the_budget_is_held_and_what_is_worth_least_goes(tmp_path: Path) -> None:
    """A hundred times the budget is written; the disk use never exceeds it by 5 %."""
    budget = 2_000_000
    store = DiskStore(tmp_path / "store", budget)
    random = np.random.default_rng(0)
    most = 0
    store.put(id_of(10**6), image((16, 32, 32)), seconds=3600.0)
    for number in range(2000):
        voxels = random.integers(0, 2**31, (20, 25, 50), np.int32)
        store.put(id_of(number), Image(voxels, Grid.regular((20, 25, 50))), seconds=0.01)
        if number % 10 == 0:
            taken = sum(path.stat().st_blocks * 512 for path in _objects(store))
            most = max(most, taken)
    assert budget / 2 < most <= budget * 1.05
    assert store.has(id_of(10**6)) and store.has(id_of(1999)) and not store.has(id_of(0))


def test_a_value_that_would_drive_out_all_others_is_not_kept(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 100_000)
    assert not store.put(id_of(1), image((40, 40, 40)))
    assert store.put(id_of(2), image())


def test_what_is_going_to_be_read_stays(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 30_000)
    store.put(id_of(0), image())
    store.pin([id_of(0)])
    for number in range(1, 30):
        store.put(id_of(number), image(seed=number), seconds=9.0)
    assert store.has(id_of(0)) and not store.has(id_of(1))


def test_a_full_disk_is_said_once_and_nothing_else_happens(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(id_of(1), image())

    def full(descriptor: int, part: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(object_file.os, "write", full)
    for number in range(2, 6):
        assert not store.put(id_of(number), image(seed=number))
    assert list(store.problems) == [
        f"results are not kept in `{store.folder}`: No space left on device"
    ]
    assert not list(store.folder.rglob("*.part"))


def test_a_disk_that_takes_only_parts_gets_whole_values(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(object_file.os, "write", lambda fd, part: write(fd, part[:7]))
    assert store.put(id_of(1), image())
    found = store.get(id_of(1))
    assert found is not None and same(found[0], image())


def test_a_file_system_that_is_really_full(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    made = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(mount)], capture_output=True
        )
        if shutil.which("mount")
        else None
    )
    if made is None or made.returncode:
        pytest.skip("needs the right to mount a small file system")
    store = DiskStore(mount / "store", GENEROUS)
    try:
        values = {id_of(n): image((20, 30, 40), seed=n) for n in range(10)}
        for id, value in values.items():
            store.put(id, value)
        # The least valuable entries made room for later ones.
        assert 2 <= sum(map(store.has, values)) < len(values)
        for id, value in values.items():
            found = store.get(id)
            assert found is None or same(found[0], value)
        assert not list(store.folder.rglob("*.part"))
    finally:
        store.close()
        subprocess.run(["umount", "--lazy", str(mount)], check=True)


def test_collecting_by_age_and_by_bytes(store: DiskStore) -> None:
    for number in range(10):
        store.put(id_of(number), image(seed=number))
    with store.index.writing() as connection:
        connection.execute(
            "UPDATE objects SET used = used - 1000 WHERE id < ?", (bytes(31) + b"\5",)
        )
    assert maintenance.collect(store, None, 500)[0] == 5
    assert maintenance.collect(store, 2 * 4096, None)[0] == 3
    assert len(_objects(store)) == 2 and store.size() == 2 * 4096


def test_clearing_leaves_an_empty_store(store: DiskStore) -> None:
    store.put(id_of(1), image())
    store.close()
    maintenance.clear(store.folder)
    again = DiskStore(store.folder, GENEROUS)
    assert again.size() == 0 and not _objects(again)


def test_a_database_that_fails_is_a_miss(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(id_of(1), image())

    def fails(*_: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    for name in ("has", "row", "add", "bytes"):
        monkeypatch.setattr(store.index, name, fails)
    assert not store.has(id_of(1)) and store.get(id_of(1)) is None
    assert not store.put(id_of(2), image())
    assert "disk I/O error" in "".join(store.problems)
    assert bytes_of(image()) == 480
