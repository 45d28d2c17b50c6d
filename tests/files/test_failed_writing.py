"""A write that fails or is interrupted leaves what was there, and nothing under a final name."""

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.files.test_file_writing import GRIDS, SUFFIXES, names, problem, sample
from voxgpu.files import write as writing
from voxgpu.files.errors import FileError
from voxgpu.files.write import write_image
from voxgpu.image import Grid
from voxgpu.temporary_files import computer


def interrupted_at_rename(monkeypatch, error):
    def interrupt(*_):
        raise error

    monkeypatch.setattr(Path, "replace", interrupt)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_write_leaves_what_was_there(tmp_path, monkeypatch, suffix, before):
    path = tmp_path / f"a{suffix}"
    if before:
        path.write_bytes(b"before")
    interrupted_at_rename(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_image(path, sample("uint8", GRIDS[2]))
    assert names(tmp_path) == ([path.name] if before else [])
    if before:
        assert path.read_bytes() == b"before"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_has_the_final_name_while_it_is_written(tmp_path, monkeypatch, suffix):
    seen = []
    write = writing._write

    def watch(path, *rest):
        write(path, *rest)
        seen.extend(names(tmp_path))
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_write", watch)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / f"a{suffix}", sample("uint8", GRIDS[2]))
    assert len(seen) == 1
    assert seen[0].startswith(f".a{suffix}.") and f"-{os.getpid()}." in seen[0]
    assert names(tmp_path) == []


def test_an_interrupt_in_the_middle_of_the_voxels(tmp_path, monkeypatch):
    from isal import igzip

    class Interrupted(igzip.IGzipFile):
        def write(self, data):
            if len(data) > 352:
                raise KeyboardInterrupt
            return super().write(data)

    monkeypatch.setattr(igzip, "IGzipFile", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "a.nii.gz", sample("int32", Grid.regular((50, 50, 50))))
    assert names(tmp_path) == []


def test_a_leftover_of_another_run_is_not_in_the_way(tmp_path):
    killed = tmp_path / f".a.nii.{computer()}-1.0.part"
    of_another = tmp_path / ".a.nii.elsewhere-1.0.part"
    for each in (killed, of_another):
        each.write_bytes(b"x")
    write_image(tmp_path / "a.nii", sample("uint8", GRIDS[2]))
    assert names(tmp_path) == [of_another.name, "a.nii"]
    assert of_another.read_bytes() == b"x"


def test_the_system_refuses(tmp_path, monkeypatch):
    interrupted_at_rename(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    caught = problem(tmp_path / "a.nii.gz", sample("uint8", GRIDS[2]))
    assert caught.reason == "no space left on device"
    assert names(tmp_path) == []


def test_what_stands_in_the_way(tmp_path):
    image = sample("uint8", GRIDS[2])
    (tmp_path / "folder.nii").mkdir()
    assert problem(tmp_path / "folder.nii", image).reason == "it is a directory"
    (tmp_path / "file").touch()
    reason = f"`{tmp_path / 'file'}` is a file, not a folder"
    assert problem(tmp_path / "file" / "a.nii", image).reason == reason
    assert problem(tmp_path / "file" / "b" / "a.nii", image).reason == reason
    assert "not a possible file name" in problem(tmp_path / "a\0.nii", image).reason
    assert "too long" in problem(tmp_path / ("a" * 300 + ".nii"), image).reason
    assert names(tmp_path) == ["file", "folder.nii"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    assert problem(tmp_path / "a.nii", sample("uint8", GRIDS[2])).reason == "permission denied"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of file sizes are tried on Linux")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_is_full(tmp_path, suffix):
    # A file size limit makes writes fail as on a full disk; it needs a separate process.
    # SimpleITK's JPEG writer would crash that process, and its BMP writer would truncate the file
    # silently. The limit must not truncate the bytecode of modules imported under it.
    code = f"""
        import resource, signal, sys
        sys.dont_write_bytecode = True
        import numpy as np
        from pathlib import Path
        from voxgpu.files.errors import FileError
        from voxgpu.files.write import write_image
        from voxgpu.image import Grid, Image
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        voxels = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
        try:
            write_image(Path("a{suffix}"), Image(voxels, Grid.regular((300, 300))))
        except FileError as problem:
            print(problem)
    """
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.defpath}
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(f"cannot write `a{suffix}`: ")
    assert said.count("\n") == 1
    assert ".part" not in said
    assert names(tmp_path) == []


def test_write_protected_files_and_links_are_not_replaced(tmp_path):
    image = sample("uint8", GRIDS[3])
    protected, link = tmp_path / "protected.nii", tmp_path / "link.nii"
    protected.write_text("precious")
    protected.chmod(0o444)
    link.symlink_to(protected)
    for path, reason in ((protected, "write-protected"), (link, "it is a link")):
        with pytest.raises(FileError, match=reason):
            write_image(path, image)
    assert protected.read_text() == "precious" and link.is_symlink()
    assert names(tmp_path) == ["link.nii", "protected.nii"]
