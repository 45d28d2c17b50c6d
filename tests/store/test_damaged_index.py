"""An index with flipped bits yields misses and warnings, never a wrong value or a traceback."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import voxgpu
from voxgpu.files.digest import Digests
from voxgpu.files.header import read_header
from voxgpu.files.write import write_image
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.store.disk import DiskStore
from voxgpu.store.folder import StoreError
from voxgpu.store.index import Index
from voxgpu.store.input_file_cache import SeenFiles
from voxgpu.store.open import open_disk
from voxgpu.store.row_checksums import sealed, unsealed

PROGRAM = """load f = "{scan}"
let a = f > 20
print "n" volume(a)
print "mm3" volume_mm3(near(a))
"""


def _id(number: int) -> ValueId:
    return ValueId(f"{number:064x}")


def _numbers(number: int) -> tuple[float, ...]:
    return tuple(float(1000 * number + each) for each in range(110))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store with some small values and an image."""
    with_values = open_disk(tmp_path / "store", 10**9)
    for number in range(20):
        assert with_values.put(_id(number), _numbers(number))
    image = Image(np.zeros((40, 40, 40), np.float32), Grid.regular((40, 40, 40)))
    assert with_values.put(_id(99), image)
    with_values.close()
    with sqlite3.connect(tmp_path / "store/index.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return tmp_path / "store"


def test_a_text_is_unsealed_only_where_all_of_it_is_as_it_was() -> None:
    text = sealed("some text", "id", "warnings")
    assert unsealed(text, "id", "warnings") == "some text"
    assert unsealed(text, "ie", "warnings") is None
    assert unsealed(text, "iddoubts", "") is None
    for place in range(len(text)):
        for bit in range(7):
            flipped = text[:place] + chr(ord(text[place]) ^ 1 << bit) + text[place + 1 :]
            assert unsealed(flipped, "id", "warnings") is None


def test_flipped_bits_of_an_index_never_give_a_wrong_value(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "index.sqlite").read_bytes()
    rng = np.random.default_rng(0)
    told = missed = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        (copy / "index.sqlite").write_bytes(damaged)
        try:
            store = open_disk(copy, 10**9)
        except Exception as error:
            assert type(error).__name__ == "StoreError", error
            told += 1
            continue
        for number in range(20):
            found = store.get(_id(number))
            missed += found is None
            assert found is None or found == (_numbers(number), ())
            store.put(_id(number), _numbers(number))
        store.put(_id(50), 1.0)
        told += bool(store.problems)
        store.close()
    assert told and missed


def test_a_small_value_that_is_damaged_is_computed_and_kept_again(folder: Path) -> None:
    with sqlite3.connect(folder / "index.sqlite") as connection:
        connection.execute("UPDATE objects SET small = replace(small, '3f', '3e')")
    connection.close()
    store = open_disk(folder, 10**9)
    broken = [n for n in range(20) if store.get(_id(n)) is None]
    assert broken and store.counts["damaged"] == len(broken)
    for number in broken:
        assert store.put(_id(number), _numbers(number))
        assert store.get(_id(number)) == (_numbers(number), ())
    store.close()


DAMAGE = {
    "schema": lambda whole: whole.replace(b"TABLE totals(name", b"TABLE totals(\xeeame"),
    "table": lambda whole: whole.replace(b"CREATE TABLE totals", b"CREATE TABLE totalr"),
    "trigger": lambda whole: whole.replace(b"value + new.size", b"value - new.size"),
    "magic": lambda whole: b"\0" + whole[1:],
    "empty": lambda whole: b"\0" * len(whole),
    "text": lambda whole: b"this is no database at all\n" * 400,
    "pages": lambda whole: whole[:4096] + b"\xff" * (len(whole) - 4096),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_index_is_made_anew_from_the_objects(folder: Path, kind: str) -> None:
    path = folder / "index.sqlite"
    damaged = DAMAGE[kind](path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    told = False
    for _ in range(3):  # a damaged page is found when read, and repaired for the next run
        store = open_disk(folder, 10**9)
        store.get(_id(99))
        store.put(_id(7), _numbers(7))
        told = told or any("damaged" in each or "malformed" in each for each in store.problems)
        store.close()
    assert told
    store = open_disk(folder, 10**9)
    assert not store.problems
    found = store.get(_id(99))
    assert found is not None and isinstance(found[0], Image)
    assert store.get(_id(7)) == (_numbers(7), ())
    store.close()


@pytest.mark.parametrize("kind", ["schema", "pages"])
def test_a_run_goes_on_with_a_damaged_index(tmp_path: Path, kind: str) -> None:
    voxels = np.random.default_rng(0).normal(0, 50, (12, 20, 20)).astype(np.float32)
    scan, store = tmp_path / "scan.nii", tmp_path / "store"
    write_image(scan, Image(voxels, Grid.regular(voxels.shape)))
    program = PROGRAM.format(scan=scan)
    right = voxgpu.run(program, store=store).values
    path = store / "index.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    path.write_bytes(DAMAGE[kind](path.read_bytes()))
    codes = set()
    for _ in range(3):
        result = voxgpu.run(program, store=store)
        assert result.values == right and not result.errors
        codes |= {each.code for each in result.warnings}
    assert codes == {"W401"}
    assert not voxgpu.run(program, store=store).warnings


def test_an_index_that_cannot_be_made_is_not_called_one_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(Index, "_made", made)
        for _ in range(2):  # the remains of the first run do not matter either
            with pytest.raises(StoreError, match="database or disk is full"):
                open_disk(tmp_path / "store", 10**9)
    store = open_disk(tmp_path / "store", 10**9)
    assert store.put(_id(1), _numbers(1)) and store.get(_id(1)) is not None
    store.close()


def test_an_index_that_another_process_holds_is_waited_for_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(folder / "index.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = DiskStore(folder, 10**9, patience=0.2)
    waits = []
    real = Index.writing

    def writing(self: Index):  # type: ignore[no-untyped-def]
        waits.append(self._is_held)
        return real(self)

    monkeypatch.setattr(Index, "writing", writing)
    for number in range(200, 210):
        assert not store.put(_id(number), 1.0)
    store.close()
    other.execute("ROLLBACK")
    other.close()
    assert waits[0] is False and len(waits) > 5 and all(waits[1:])
    assert any("another process holds its index" in each for each in store.problems)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts need root")
def test_a_reader_that_may_not_write_reads_no_half_written_rows(
    folder: Path, tmp_path: Path
) -> None:
    """A read-only mount of a store that another process writes to."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    script = f"""
import subprocess, sys
from pathlib import Path
subprocess.run(["mount", "--bind", {str(folder)!r}, {str(mounted)!r}], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", {str(mounted)!r}], check=True)
from voxgpu.store.open import open_disk
reader = open_disk(Path({str(mounted)!r}), 10**9)
assert reader.read_only and reader.index.read_only
numbers = lambda n: tuple(float(1000 * n + k) for k in range(110))
assert reader.get(f"{{1:064x}}") == (numbers(1), ())
writer = open_disk(Path({str(folder)!r}), 10**9)
for round in range(20):
    writer.index.remove([f"{{n:064x}}" for n in range(3, 9)])
    for n in range(100 * round + 100, 100 * round + 130):
        writer.put(f"{{n:064x}}", numbers(n))
    writer.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for n in [*range(20), *range(100, 200)]:
        found = reader.get(f"{{n:064x}}")
        assert found is None or found == (numbers(n), ()), n
reader.close()
late = open_disk(Path({str(mounted)!r}), 10**9)  # while the writer is at it
print("late", late.get(f"{{100:064x}}") == (numbers(100), ()))
"""
    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", script], capture_output=True, text=True
    )
    if ("unshare" in done.stderr and "not permitted" in done.stderr) or "mount:" in done.stderr:
        pytest.skip(f"no mounts here: {done.stderr.strip()[:80]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "late True\n"


def test_a_reader_and_a_writer_on_threads_of_one_process(folder: Path) -> None:
    reader, writer = open_disk(folder, 10**9), open_disk(folder, 10**9)
    wrong: list[int] = []

    def write() -> None:
        for number in range(100, 160):
            writer.put(_id(number), _numbers(number))
            writer.index.remove([_id(number - 1)])

    thread = threading.Thread(target=write)
    thread.start()
    while thread.is_alive():
        for number in range(100, 160):
            found = reader.get(_id(number))
            wrong.extend([number] * (found is not None and found != (_numbers(number), ())))
    thread.join()
    assert not wrong
    reader.close()
    writer.close()


def test_how_an_image_is_read_is_remembered_with_its_header(tmp_path: Path) -> None:
    """Otherwise a multi-frame DICOM file would be read by another reader in the next run."""
    path, store = tmp_path / "scan.nii", tmp_path / "store"
    voxels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_image(path, Image(voxels, Grid.regular(voxels.shape)))
    time.sleep(0.1)  # younger files are not remembered
    disk = open_disk(store)
    header = replace(read_header(path), reading=("dicom 2",))
    SeenFiles(disk.index).note_header(str(path), header)
    assert SeenFiles(disk.index).header(str(path)) == header
    disk.close()


def test_a_flipped_bit_of_a_remembered_header_or_digest_is_not_believed(tmp_path: Path) -> None:
    path, store = tmp_path / "scan.nii", tmp_path / "store"
    voxels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_image(path, Image(voxels, Grid.regular(voxels.shape, (3.5, 2.5, 1.5))))
    time.sleep(0.1)  # younger files are not remembered
    disk = open_disk(store)
    seen, header = SeenFiles(disk.index), read_header(path)
    seen.note_header(str(path), header)
    digest = Digests(seen).of(header)
    assert seen.header(str(path)) == header and seen.digest(header.states[0]) == digest
    with disk.index.writing() as connection:
        connection.execute("UPDATE headers SET header = replace(header, '3.5', '3.7')")
        connection.execute("UPDATE files SET digest = replace(digest, ?, ?)", (digest, "0" * 64))
    assert seen.header(str(path)) is None and seen.digest(header.states[0]) is None
    disk.close()
