"""What a killed process leaves is removed by the next one; what a live one works on never is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from voxgpu import temporary_files
from voxgpu.temporary_files import computer, new_file, new_folder, sweep_files, sweep_folders

pytest.importorskip("fcntl")

#: Makes both kinds and says so; then waits to be killed.
PROGRAM = """
import sys
from pathlib import Path
from voxgpu.temporary_files import new_file, new_folder
file, folder = new_file(Path("."), "a.nii", ".nii"), new_folder("spill", Path("."))
(folder.path / "ab").mkdir()
(folder.path / "ab" / "value").touch()
print(file.path.name, folder.path.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not looked at any folder."""
    monkeypatch.setattr(temporary_files, "_is_first", lambda folder: True)


@contextmanager
def _process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[Path]]]:
    """A process that works on a file and a folder."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, [folder / name for name in process.stdout.readline().split()]
        finally:
            process.kill()


def _sweep(folder: Path) -> None:
    sweep_files(folder)
    sweep_folders(folder)


def test_what_a_killed_process_left_is_removed_and_not_before(tmp_path: Path) -> None:
    with _process(tmp_path) as (process, made):
        assert len(made) == 2
        _sweep(tmp_path)
        assert all(each.exists() for each in made)
        process.kill()
        process.wait()
        _sweep(tmp_path)
        assert list(tmp_path.iterdir()) == []


def test_a_name_is_no_proof_and_a_lock_is(tmp_path: Path) -> None:
    # The number of a process that lives, which had been that of one that was killed.
    reused = tmp_path / f".a.nii.{computer()}-{os.getpid()}.999.part"
    reused.touch()
    mine = new_file(tmp_path, "a.nii")
    assert not reused.exists()
    mine.descriptor, kept = None, mine.descriptor
    _sweep(tmp_path)
    assert mine.path.exists()
    assert kept is not None
    os.close(kept)
    _sweep(tmp_path)
    assert not mine.path.exists()
    mine.release()


def test_what_other_computers_made_is_left_for_a_day(tmp_path: Path) -> None:
    file = tmp_path / ".a.nii.elsewhere-12.0.part.nii"
    file.touch()
    folder = tmp_path / "voxgpu-spill-elsewhere-12-abc"
    folder.mkdir()
    (folder / ".lock").touch()
    _sweep(tmp_path)
    assert file.exists() and folder.exists()
    yesterday = time.time() - 25 * 3600
    for each in (file, folder):
        os.utime(each, (yesterday, yesterday))
    _sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", [".a.part", "a.nii.part", ".a.12.part", "voxgpu-spill", "voxgpu-1", ".x.part.12"]
)
def test_what_others_made_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (0, 0))
    (tmp_path / f"{name}-folder").mkdir()
    _sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "value").touch()
    (tmp_path / f"voxgpu-spill-{computer()}-1-abc").symlink_to(kept)
    (tmp_path / f".a.{computer()}-1.0.part").symlink_to(kept / "value")
    os.mkfifo(tmp_path / f".b.{computer()}-1.0.part")
    _sweep(tmp_path)
    assert (kept / "value").exists()


def test_a_file_gets_its_name_and_is_nobodys_then(tmp_path: Path) -> None:
    file = new_file(tmp_path, "a")
    file.path.write_text("whole")
    file.become(tmp_path / "a")
    file.remove()
    temporary_files.sweep_files(tmp_path)
    assert (tmp_path / "a").read_text() == "whole"
    assert file.path not in temporary_files._THERE


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_removes_nothing_of_its_parent(tmp_path: Path) -> None:
    file, folder = new_file(tmp_path, "a"), new_folder("spill", tmp_path)
    child = os.fork()
    if child == 0:
        folder.remove()
        file.remove()
        _sweep(tmp_path)
        os._exit(0)
    os.waitpid(child, 0)
    assert file.path.exists() and folder.path.exists()
    _sweep(tmp_path)  # the child has not given the lock back, either
    assert file.path.exists() and folder.path.exists()
    file.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []
