"""Shared folders, and stores that cannot be used, on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import Ended, check_text, voxgpu
from voxgpu.caches.location import place
from voxgpu.cli.main import main

Store = Callable[..., Ended]

PROGRAM = 'load v = "v.nii"\nprint "n" volume(near(v > 90))\nsave "far.nii" dt(v > 50)\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    _write(tmp_path)
    return tmp_path


def _write(folder: Path) -> None:
    voxels = np.arange(24 * 20 * 16, dtype=np.int16).reshape(16, 20, 24) % 101
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "v.nii"))
    (folder / "p.imgql").write_text(PROGRAM)


@pytest.fixture(scope="module", autouse=True)
def _kernels(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The kernels of the program are compiled already: they are not what these tests are about."""
    _usual_caches()
    folder = tmp_path_factory.mktemp("kernels")
    _write(folder)
    assert voxgpu("run", "p.imgql", "--force-save", cwd=folder).status == 0


@cache
def _usual_caches() -> Path | None:
    """The folder of the caches before a test chooses another."""
    return place().folder


def _run(desk: Path, *more: object) -> Ended:
    # Results go to the first folder; compiled kernels are in the usual one, too.
    caches = f"{desk / 'c'}{os.pathsep}{_usual_caches()}"
    variables = {"VOXGPU_STORE": "", "VOXGPU_CACHE": caches}
    words = ("run", "p.imgql", "-o", "out", "--force-save", *more)
    ended = voxgpu(*words, cwd=desk, variables=variables)
    assert ended.status == 0, ended.err
    return ended


@pytest.fixture
def store(desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Store:
    """Run ``voxgpu store`` in this process, which is faster."""
    monkeypatch.chdir(desk)
    monkeypatch.setenv("VOXGPU_CACHE", str(desk / "c"))
    monkeypatch.setenv("VOXGPU_STORE", "")

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(["store", *words])
        told = capsys.readouterr()
        check_text(told.err)
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, told.out, told.err)

    return run


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


#: The mount of a network file system, as for home folders on a cluster.
NETWORK = """
import sys
import voxgpu.store.folder as folder
folder.file_system = lambda path: "nfs4" if "/c/" in str(path) else "ext4"
from voxgpu.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_shared_folder_alone_does_where_homes_lie_on_a_network(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.cli.command.COMMAND", [sys.executable, "-c", NETWORK])
    assert "lies on nfs4" in _run(desk).err
    ended = _run(desk, "--store-shared", "shared")
    assert "W401" not in ended.err and "W402" not in ended.err
    again = _run(desk, "--store-shared", "shared", "--json")
    assert again.json["computed"] == 0 and again.json["reused"]
    assert not (desk / "c" / "store").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--store", "--store-shared"])
def test_commands_know_shared_folders_and_make_no_index(desk: Path, how: str, store: Store) -> None:
    _run(desk, "--store", "none", "--store-shared", "shared")
    before = _names(desk / "shared")
    assert before == ["STORE", "objects"]
    for command in ("info", "list", "verify", "gc"):
        told = store(command, how, "shared")
        assert told.status == 0 and told.out and not told.err
        assert isinstance(store(command, how, "shared", "--json").json, dict)
    found = store("info", how, "shared", "--json").json
    listed = store("list", how, "shared", "--json").json["values"]
    assert found["objects"] == len(listed) > 1 and found["bytes"] > 0
    assert sum(each["objects"] for each in found["by_primitive"].values()) == len(listed)
    assert found["hits"] is None and "unknown" not in found["by_primitive"]
    ended = store("rebuild", how, "shared")
    assert ended.status == 1 and "share" in ended.err
    assert _names(desk / "shared") == before


@pytest.mark.slow
def test_a_shared_folder_is_verified_and_made_smaller(desk: Path, store: Store) -> None:
    _run(desk, "--store", "none", "--store-shared", "shared")
    shared = ("--store-shared", "shared")
    objects = [path for path in (desk / "shared/objects").rglob("*") if path.is_file()]
    objects[0].write_bytes(objects[0].read_bytes()[:-1])
    ended = store("verify", *shared)
    assert ended.status == 1 and f"{objects[0].name}: damaged" in ended.out
    assert store("verify", "--repair", *shared).status == 0
    assert store("verify", *shared).out.endswith("clean\n")
    assert not objects[0].exists()
    removed = store("gc", "--max-age", "1d", *shared, "--json").json
    assert removed["removed"] == 0 and removed["left_bytes"] > 0
    removed = store("gc", "--max-bytes", "4096", *shared, "--json").json
    assert removed["removed"] == len(objects) - 2 and removed["left_bytes"] == 4096
    removed = store("gc", "--max-bytes", "0", *shared, "--json").json
    assert (removed["removed"], removed["left_bytes"]) == (1, 0)
    store("clear", "--yes", *shared)
    assert _names(desk / "shared") == ["STORE", "objects"]


@pytest.mark.slow
def test_a_shared_folder_is_no_store_of_one_computer(desk: Path) -> None:
    _run(desk, "--store", "none", "--store-shared", "shared")
    ended = voxgpu("run", "p.imgql", "-o", "out", "--store", "shared", cwd=desk)
    assert ended.status == 1 and "E401" in ended.err and "--store-shared" in ended.err
    assert _names(desk / "shared") == ["STORE", "objects"]


@pytest.mark.parametrize("command", ["info", "list", "verify", "gc", "rebuild"])
def test_what_is_not_there_is_not_made(desk: Path, command: str, store: Store) -> None:
    for how in ("--store", "--store-shared"):
        ended = store(command, how, "nowhere")
        assert ended.status == 1 and "there is no such folder" in ended.err
        assert not (desk / "nowhere").exists()
        (desk / "empty").mkdir(exist_ok=True)
        ended = store(command, how, "empty")
        assert ended.status == 1 and "E401" in ended.err and not _names(desk / "empty")
    ended = store(command)
    assert ended.status == 0 and "nothing is kept yet" in ended.out
    ended = store(command, "--json")
    assert ended.json == {"path": str(desk / "c/store"), "exists": False, "objects": 0, "bytes": 0}
    assert not (desk / "c").exists()


@pytest.mark.slow
def test_a_named_store_that_cannot_be_used_is_a_warning(desk: Path) -> None:
    (desk / "file").touch()
    for how in ("--store", "--store-shared"):
        ended = _run(desk, "--store", "none", how, "file/store")
        assert "n=" in ended.out and ended.err.count("W401") == 1, ended.err
        told = _run(desk, "--store", "none", how, "file/store", "--json").json["warnings"]
        assert [each["code"] for each in told] == ["W401"]
    ended = _run(desk, "--store", "file/store", "--store-shared", "shared")
    assert "results are kept in `shared` alone" in ended.err
    assert _run(desk, "--store", "none", "--store-shared", "shared", "--json").json["computed"] == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_named_folder_that_may_only_be_read_is_a_warning(desk: Path) -> None:
    (desk / "kept").mkdir(mode=0o500)
    assert "W401" in _run(desk, "--store", "kept").err
