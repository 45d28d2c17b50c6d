"""Processes that share a store are killed at random times: no value is ever wrong."""

from __future__ import annotations

import gzip
import itertools
import os
import random
import sqlite3
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.store import maintenance
from voxgpu.store.open import open_disk

#: VOXGPU_TEST_KILLS=200 or more hunts longer.
KILLS, PROCESSES = int(os.environ.get("VOXGPU_TEST_KILLS", "100")), 4

PROGRAM = """
load v = "v.nii.gz"
let bright = v > $T
let wide = near(near(bright))
let ranks = percentiles(v, wide, 0.5)
save "wide.nii.gz" wide
save "far.nii.gz" dt(bright)
save "ranks.nii.gz" ranks
save "large.nii.gz" maxvol(bright)
save "grown.nii.gz" grow(bright, wide)
print "voxels" volume(wide)
print "most" max(mask(v, bright))
print "counts" for t in range(0, 5) do volume(v > t * 20)
"""


#: The output of a run, and its files by name: header and voxels, decompressed.
Outcome = tuple[str, dict[str, bytes]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    voxels = np.random.default_rng(0).integers(0, 120, (40, 80, 80), np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "v.nii.gz"))
    (folder / "p.imgql").write_text(PROGRAM)
    return folder


#: Processes are forked from one that has the imports of a run: most of a run is then its own work,
#: and kills hit that instead of imports.
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    ["__main__", "voxgpu.cli.run", "voxgpu.backends.cpu.backend", "voxgpu.store.open", "SimpleITK"]
)


class Run:
    """A process that runs the program, and the files with its output."""

    def __init__(self, desk: Path, threshold: int, output: str, store: str) -> None:
        self.output = desk / output
        self._texts = (desk / f"{output}.stdout", desk / f"{output}.stderr")
        arguments = ["run", "p.imgql", "-q", "-D", f"T={threshold}", "-o", output]
        arguments += ["--store", store, "--keep", "all"]
        self._process = FORKS.Process(target=_run, args=(desk, arguments, self._texts))
        self._process.start()

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()

    def outcome(self) -> Outcome:
        """Its results; it must have ended without an error."""
        self._process.join()
        told, errors = (text.read_text() for text in self._texts)
        assert self._process.exitcode == 0 and not errors, errors
        self._process.close()
        images = self.output.glob("*.nii.gz")
        return told, {path.name: gzip.decompress(path.read_bytes()) for path in images}


def _run(desk: Path, arguments: list[str], texts: tuple[Path, Path]) -> None:
    """Run ``voxgpu`` with these arguments in this process."""
    from voxgpu.cli.main import main

    os.chdir(desk)
    for descriptor, text in enumerate(texts, start=1):
        os.dup2(os.open(text, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w") for descriptor in (1, 2))
    main(arguments)


def _whole(desk: Path, threshold: int, output: str, store: str) -> Outcome:
    return Run(desk, threshold, output, store).outcome()


def _assert_same(found: Outcome, expected: Outcome) -> None:
    """Report which file differs, and how: a diff of a megabyte of voxels would be unreadable."""
    assert found[0] == expected[0]
    assert sorted(found[1]) == sorted(expected[1])
    for name, content in expected[1].items():
        if found[1][name] != content:
            pairs = enumerate(zip(found[1][name], content, strict=False))
            places = [(place, *pair) for place, pair in pairs if pair[0] != pair[1]]
            sizes = len(found[1][name]), len(content)
            pytest.fail(f"{name}: {len(places)} bytes differ of {sizes}: {places[:20]}")


@pytest.mark.slow
def test_kills_over_four_processes(desk: Path) -> None:
    choice = random.Random(5)
    expected = {t: _whole(desk, t, f"expected{t}", "none") for t in range(100, 110)}
    # Seconds of a run that ended, as the machine is busy: longer after each that did not.
    lasts = 0.5
    running: list[tuple[Run, float, float, int]] = []
    numbers = itertools.count()
    killed = finished = 0
    while killed < KILLS:
        while len(running) < PROCESSES:
            threshold, output = choice.randrange(100, 110), f"out{next(numbers)}"
            start = time.monotonic()
            ends = start + lasts * choice.uniform(0.1, 1.3)
            running.append((Run(desk, threshold, output, "store"), start, ends, threshold))
        for entry in list(running):
            run, start, ends, threshold = entry
            if not run.is_running:
                _assert_same(run.outcome(), expected[threshold])
                finished += 1
                lasts = time.monotonic() - start
            elif time.monotonic() >= ends:
                run.kill()
                killed += 1
                lasts *= 1.02
            else:
                continue
            running.remove(entry)
            if choice.random() < 0.1:
                _forget_some(desk / "store", choice)
        time.sleep(0.002)
    for run, *_ in running:
        run.kill()
    _check(desk / "store")
    for threshold, outcome in expected.items():
        _assert_same(_whole(desk, threshold, f"after{threshold}", "store"), outcome)
    assert finished >= KILLS / 20


def _forget_some(store: Path, choice: random.Random) -> None:
    """Evict some values, so that there is something to write until the end."""
    disk = open_disk(store)
    disk.evict_until(int(disk.size() * choice.random() * 0.7))
    disk.close()


def _check(store: Path) -> None:
    disk = open_disk(store)
    found = maintenance.verify(disk)
    assert found.is_clean and found.objects
    assert disk.index.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = list(disk.index.rows())
    totals = disk.index.totals()
    assert (totals["objects"], totals["bytes"]) == (len(rows), sum(row.size for row in rows))
    maintenance.verify(disk, repair=True)
    assert not maintenance.verify(disk).unfinished
    disk.close()
    with sqlite3.connect(store / "index.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was(desk: Path) -> None:
    """Values written before the kill are not computed again."""
    run = Run(desk, 90, "first", "resumed")
    while run.is_running and not list((desk / "resumed" / "objects").glob("??/??*")):
        time.sleep(0.001)
    run.kill()
    found = _whole(desk, 90, "second", "resumed")
    _assert_same(found, _whole(desk, 90, "without", "none"))
