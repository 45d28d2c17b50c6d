"""A store shared by threads, processes and users, or opened read-only."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.store.values import id_of, image, same
from voxgpu.store import maintenance
from voxgpu.store.disk import DiskStore

GENEROUS = 10**9


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "store", GENEROUS)


READ_ONLY = """
import os, sys
from pathlib import Path
import numcodecs, numpy.random
from tests.store.values import id_of, image, same
from voxgpu.store.disk import DiskStore
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
store = DiskStore(Path(sys.argv[1]), 10**9)
assert store.read_only
assert store.get(id_of(2)) == (3.5, ())
found = store.get(id_of(1))
assert found is not None and same(found[0], image())
assert not store.put(id_of(3), image())
store.close()
print("read", store.problems)
"""


def test_a_store_that_may_only_be_read_serves_what_it_has(tmp_path: Path) -> None:
    import tempfile

    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        store = DiskStore(Path(folder) / "store", GENEROUS)
        store.put(id_of(1), image())
        store.put(id_of(2), 3.5)
        store.close()
        for path in [Path(folder), *Path(folder).rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            ended = subprocess.run(
                [sys.executable, "-c", READ_ONLY, str(store.folder)],
                cwd=root, capture_output=True, text=True,
            )  # fmt: skip
            assert ended.stdout == "read {}\n", ended.stderr
        finally:
            for path in [Path(folder), *Path(folder).rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)


def test_many_threads_use_one_store(store: DiskStore) -> None:
    wrong: list[object] = []

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(40):
            number = int(random.integers(0, 10))
            store.put(id_of(number), image(seed=number))
            found = store.get(id_of(number))
            if found is not None and not same(found[0], image(seed=number)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong and not store.problems and store.size() == 10 * 4096


OPENING = """
import sys, time
from pathlib import Path
from tests.store.values import id_of, image
from voxgpu.store.disk import DiskStore
time.sleep(max(0, float(sys.argv[2]) - time.time()))
store = DiskStore(Path(sys.argv[1]), 10**9)
assert not store.read_only
for number in range(20):
    store.put(id_of(number), image(seed=number))
assert store.get(id_of(7)) and not store.problems, store.problems
store.close()
"""


@pytest.mark.slow
def test_many_processes_make_one_store(tmp_path: Path) -> None:
    """All at the same moment, in an empty folder."""
    root = Path(__file__).resolve().parents[2]
    begin = str(time.time() + 1.5)
    command = [sys.executable, "-c", OPENING, str(tmp_path / "store"), begin]
    started = [
        subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(6)
    ]
    for process in started:
        _, told = process.communicate()
        assert process.returncode == 0, told
    store = DiskStore(tmp_path / "store", GENEROUS)
    assert maintenance.verify(store).is_clean and store.size() == 20 * 4096
