"""Caches use the expected folder or a private one; a run never fails because of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.caches import notices
from voxgpu.caches.location import VARIABLE, place, private_folder

WITHOUT_PASSWD = """
import pwd, sys
def nobody(*_):
    raise KeyError("no such user")
pwd.getpwuid = pwd.getpwnam = nobody
from voxgpu.cli.main import main
main(sys.argv[1:])
"""

PROGRAM = 'load v = "v.nii"\nprint "mean" avg(dt(v > 3), v > 3)\n'


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment without cache folders, temporary files in ``tmp``, no notices yet."""
    for name in (VARIABLE, "XDG_CACHE_HOME", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(notices, "_ALL", set())
    monkeypatch.setattr(notices, "_NEW", {})
    private_folder.cache_clear()
    yield monkeypatch
    private_folder.cache_clear()


def _private(tmp_path: Path) -> Path:
    return tmp_path / "tmp" / f"voxgpu-{os.getuid()}"


def test_the_folder_is_that_of_the_platform(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env.setenv("HOME", str(tmp_path / "home" / "new"))
    env.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert place().folder == tmp_path / "xdg" / "voxgpu"
    assert not notices.pending_notices()


@pytest.mark.parametrize("name", [VARIABLE, "XDG_CACHE_HOME"])
def test_what_cannot_be_used_is_replaced_and_told_once(
    env: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").touch()
    env.setenv(name, str(tmp_path / "file" / "cache"))
    assert place().folder == place().folder == _private(tmp_path)
    assert _private(tmp_path).stat().st_mode & 0o777 == 0o700
    ((text, help),) = notices.pending_notices()
    assert "is a file" in text and str(_private(tmp_path)) in text and VARIABLE in help
    assert place().folder == _private(tmp_path) and not notices.pending_notices()


def test_a_folder_that_this_user_may_not_look_into(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Methods of Path raise there; a run must not see the error."""
    real = os.stat

    def forbidden(path: object, *more: object, **options: object) -> object:
        if "forbidden/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *more, **options)  # type: ignore[arg-type]

    (tmp_path / "forbidden").mkdir()
    env.setenv(VARIABLE, str(tmp_path / "forbidden" / "cache"))
    env.setattr(os, "stat", forbidden)
    env.setattr(os, "access", lambda path, _: "forbidden" not in str(path))
    assert place().folder == _private(tmp_path)
    ((text, _),) = notices.pending_notices()
    assert f"`{tmp_path / 'forbidden'}` may not be written to" in text


def test_a_full_disk_is_not_used(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env.setenv(VARIABLE, str(tmp_path / "cache"))
    real = __import__("shutil").disk_usage

    def usage(folder: Path) -> object:
        found = real(folder)
        return found if "tmp" in Path(folder).name else found._replace(free=1000)

    env.setattr("voxgpu.caches.location.shutil.disk_usage", usage)
    (tmp_path / "cache").mkdir()
    assert place().folder == _private(tmp_path)
    assert "is full" in notices.pending_notices()[0][0]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_what_keeps_no_files_is_not_called_full(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env.setattr(os, "access", lambda *_: True)  # as for the superuser
    env.setenv(VARIABLE, "/proc/cache")
    assert place().folder == _private(tmp_path)
    ((text, _),) = notices.pending_notices()
    assert "nothing can be written in `/proc`" in text and "full" not in text


def test_the_home_of_another_user_is_not_written_to(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env.setattr(os, "getuid", lambda: 4242)
    env.setattr("voxgpu.caches.location._is_private", lambda _: True)
    if tmp_path.stat().st_uid == 0:
        os.chown(tmp_path, 65534, -1)
    env.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert place().folder == tmp_path / "tmp" / "voxgpu-4242"
    assert "belongs to another user" in notices.pending_notices()[0][0]


def test_a_private_folder_is_nobody_else_s(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A link, or a folder writable by everyone, that takes the name gets no caches."""
    (tmp_path / "trap").mkdir(mode=0o700)
    _private(tmp_path).symlink_to(tmp_path / "trap")
    first = private_folder()
    assert first is not None and first != _private(tmp_path)
    _private(tmp_path).unlink()
    _private(tmp_path).mkdir()
    _private(tmp_path).chmod(0o777)
    private_folder.cache_clear()
    second = private_folder()
    assert second is not None and second != _private(tmp_path)
    assert second.stat().st_mode & 0o777 == 0o700


def test_several_may_be_named(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    names = [tmp_path / "file", tmp_path / "a", tmp_path / "b"]
    (tmp_path / "b" / "kernels").mkdir(parents=True)
    env.setenv(VARIABLE, os.pathsep.join(map(str, names)))
    found = place()
    assert found.folder == tmp_path / "a" and tmp_path / "b" in found.others
    ((text, _),) = notices.pending_notices()
    assert text.startswith(f"`{tmp_path / 'file'}` cannot be used")


def test_of_several_that_can_be_used_nothing_is_told(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env.setenv(VARIABLE, os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    (tmp_path / "b").mkdir()
    assert place().folder == tmp_path / "a" and not notices.pending_notices()


def test_where_nothing_can_be_written_nothing_is_kept(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env.setattr("voxgpu.caches.location.problem_of", lambda folder: "it is gone")
    assert place().folder is None
    assert "are not kept" in notices.pending_notices()[0][0]


@pytest.mark.slow
@pytest.mark.parametrize("home", [None, "relative", "file"])
def test_programs_run_without_a_home(tmp_path: Path, home: str | None) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(8) * 5), str(tmp_path / "v.nii"))
    (tmp_path / "p.imgql").write_text(PROGRAM)
    (tmp_path / "tmp").mkdir()
    gone = {"HOME", VARIABLE, "XDG_CACHE_HOME", "VOXGPU_STORE"}
    variables = {name: value for name, value in os.environ.items() if name not in gone}
    variables["TMPDIR"] = str(tmp_path / "tmp")
    if home:
        variables["HOME"] = "here" if home == "relative" else str(tmp_path / "p.imgql")
    before = sorted(each.name for each in tmp_path.iterdir())
    for words, said in ((["run", "p.imgql"], "mean="), (["store", "path"], str(tmp_path / "tmp"))):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_PASSWD, *words],
            cwd=tmp_path, env=variables, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(said)
        assert done.stderr.count("W402") == 1 and VARIABLE in done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == before
