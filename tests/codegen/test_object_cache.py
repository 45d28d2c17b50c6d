"""The cache of machine code: code is found again, and damaged files never give wrong results."""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from voxgpu.caches import notices
from voxgpu.codegen.object_cache import ObjectCache
from voxgpu.codegen.safe_folder import SafeFolder

#: Runs a generated and a hand-written kernel, and prints the number of compiled ones.
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from voxgpu.codegen import jit as m
m.set_cache_folder(Path(sys.argv[1]) if sys.argv[1] != "none" else None)
from voxgpu.codegen.compile import run_kernel
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import read, total
from voxgpu.backends.thread_pool import ThreadPool
v = np.arange(10, dtype=np.float32).reshape(2, 5)
body = read(0, "f32")
images, (sum_,) = run_kernel(
    Kernel(("float32",), (), (body * 2.0,), (total(body),)), [v], [], v.shape, ThreadPool(1)
)
assert (images[0] == v * 2).all() and sum_ == 45.0
print(m.jit_compiler().compiled)
"""


def _compiled_with(folder: Path | str, **environment: str) -> int:
    """The number of kernels that a new process compiled; it checks their results itself."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    assert _compiled_with(tmp_path) == 2
    assert _compiled_with(tmp_path) == 0


@pytest.mark.slow
def test_of_processes_that_need_it_at_once_one_compiles(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    counts = [int(each.communicate()[0]) for each in running]
    assert sum(counts) == 2, counts


def test_nobody_waits_for_a_process_that_has_ended(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path;"
        "from voxgpu.codegen.object_cache import ObjectCache;"
        "cache = ObjectCache(Path(sys.argv[1])); held = cache.alone('key'); held.__enter__();"
        "print('has it', flush=True); sys.stdin.read(); os._exit(1)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == "has it\n"
    cache = ObjectCache(tmp_path)
    assert cache._folder is not None
    assert cache._folder._locked(".key.o.lock") == -1
    with cache.alone("another key"):
        pass
    holder.communicate()
    with cache.alone("key"):
        assert cache._folder._locked(".key.o.lock") == -1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_ALL", set())
    monkeypatch.setattr(notices, "_NEW", {})


def test_folders_of_others_are_read_first_and_never_written_to(
    tmp_path: Path, nothing_told: None
) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    ObjectCache(shared).put("a", b"theirs")
    cache = ObjectCache(own, others=[shared])
    assert cache.get("a") == b"theirs"
    cache.put("a", b"mine")
    cache.put("b", b"mine")
    assert cache.get("a") == b"theirs" and cache.get("b") == b"mine"
    assert [each.name for each in shared.iterdir()] == ["a.o"]
    assert ObjectCache(own).get("a") == b"mine"
    assert not notices.pending_notices()


@pytest.mark.skipif(getattr(os, "getuid", lambda: 1)() != 0, reason="only root gives files away")
@pytest.mark.parametrize(
    ("owner", "is_read"), [("root", True), ("environment", True), ("another", False)]
)
def test_who_owns_a_folder_of_others_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_told: None,
    owner: str, is_read: bool,
) -> None:  # fmt: skip
    ObjectCache(tmp_path / "shared").put("a", b"theirs")
    (tmp_path / "prefix").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    os.chown(tmp_path / "prefix", 4321, -1)
    number = {"root": 0, "environment": 4321, "another": 4242}[owner]
    for each in (tmp_path / "shared", tmp_path / "shared" / "a.o"):
        os.chown(each, number, -1)
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    found = ObjectCache(None, others=[tmp_path / "shared"]).get("a")
    assert (found == b"theirs") is is_read
    said = notices.pending_notices()
    assert len(said) == (0 if is_read else 1)
    if said:
        assert "another user" in said[0][0] and "compiled anew" in said[0][0]
    (tmp_path / "shared").chmod(0o775)
    assert ObjectCache(None, others=[tmp_path / "shared"]).get("a") is None


def test_a_folder_that_fails_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, str]] = []

    def spare(folder: Path, reason: str) -> Path:
        asked.append((folder, reason))
        return tmp_path / "spare"

    cache = ObjectCache(tmp_path / "own", spare=spare)
    real = SafeFolder.write

    def full(self: SafeFolder, name: str, content: bytes) -> None:
        if self.path.name == "own":
            raise OSError(28, "No space left on device")
        real(self, name, content)

    monkeypatch.setattr(SafeFolder, "write", full)
    cache.put("a", b"code")
    cache.put("b", b"code")
    assert cache.get("a") == cache.get("b") == b"code"
    assert asked == [((tmp_path / "own").resolve(), "No space left on device")]
    assert sorted(each.name for each in (tmp_path / "spare").iterdir()) == ["a.o", "b.o"]


def test_a_replacement_that_fails_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def spare(folder: Path, reason: str) -> Path:
        assert not asked
        asked.append(folder)
        return tmp_path / "spare"

    def full(self: SafeFolder, name: str, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SafeFolder, "write", full)
    cache = ObjectCache(tmp_path / "own", spare=spare)
    cache.put("a", b"code")
    cache.put("b", b"code")
    assert cache.get("a") is None and len(asked) == 1


#: Threads that are the first to need code need it at once.
AT_ONCE = """
from threading import Barrier, Thread
from voxgpu.codegen.jit import JitCompiler, jit_compiler
made, found, start = [], [], Barrier(4)
plain = JitCompiler.__init__
JitCompiler.__init__ = lambda self, cache: made.append(plain(self, cache))
def ask():
    start.wait()
    found.append(jit_compiler())
threads = [Thread(target=ask) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
print(len(made), len(set(map(id, found))))
"""


def test_a_process_has_one_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1 1\n", "")


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _one_bit_flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-20] ^= 4
    file.write_bytes(content)


def _of_another_kernel(file: Path) -> None:
    other = next(each for each in sorted(file.parent.iterdir()) if each != file)
    file.write_bytes(other.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("damage", [_truncated, _emptied, _one_bit_flipped, _of_another_kernel])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: object) -> None:
    assert _compiled_with(tmp_path) == 2
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    damage(files[0])  # type: ignore[operator]
    assert _compiled_with(tmp_path) == 1
    assert _compiled_with(tmp_path) == 0


def test_every_bit_counts(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    cache.put("key", b"machine code")
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    assert cache.get("key") == b"machine code"
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1
        file.write_bytes(content)
        assert cache.get("key") is None


@pytest.mark.slow
def test_without_a_folder_everything_is_compiled(tmp_path: Path) -> None:
    assert _compiled_with("none") == 2
    file = tmp_path / "a file"
    file.write_text("")
    assert _compiled_with(file) == 2
    assert _compiled_with(file / "below") == 2


@pytest.mark.slow
def test_without_a_home_or_with_one_that_is_read_only(tmp_path: Path) -> None:
    code = PROGRAM.replace("m.set_cache_folder", "(lambda _: None)")
    for number, home in enumerate((tmp_path / "missing", Path("/proc"))):
        spare = tmp_path / str(number)
        spare.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, "x"],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "HOME": str(home),
                "XDG_CACHE_HOME": str(home / "cache"),
                "TMPDIR": str(spare),
            },
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "2"


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    cache.put("key", b"code")
    tmp_path.chmod(0o777)
    assert ObjectCache(tmp_path).get("key") is None
    tmp_path.chmod(0o700)
    assert ObjectCache(tmp_path).get("key") == b"code"


def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    cache = ObjectCache(tmp_path)
    monkeypatch.setattr(os, "replace", full)
    cache.put("key", b"code")
    assert list(tmp_path.iterdir()) == []
    assert cache.get("key") is None


def test_a_folder_put_in_its_place_is_not_read(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "kernels")
    cache.put("key", b"good")
    evil = ObjectCache(tmp_path / "evil")
    evil.put("key", b"evil")
    (tmp_path / "kernels").rename(tmp_path / "old")
    (tmp_path / "evil").rename(tmp_path / "kernels")
    assert cache.get("key") == b"good"
    cache.put("other", b"mine")
    assert sorted(each.name for each in (tmp_path / "old").iterdir()) == ["key.o", "other.o"]


@pytest.mark.parametrize(
    ("mode", "used"), [(0o777, False), (0o2775, False), (0o1777, True), (0o755, True)]
)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_folder_that_others_may_swap_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, used: bool, depth: int
) -> None:
    monkeypatch.setattr("voxgpu.codegen.safe_folder._is_own_group", lambda _: False)
    parent = tmp_path / "parent"
    folder = parent.joinpath(*["kernels"] * depth)
    folder.mkdir(parents=True, mode=0o700)
    parent.chmod(mode)
    cache = ObjectCache(folder)
    cache.put("key", b"code")
    assert (cache.get("key") is not None) is used
    assert (ObjectCache(folder, ".cubin")._folder is not None) is used
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert (ObjectCache(link)._folder is not None) is used


def test_the_user_s_own_group_may_write_to_a_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxgpu.codegen.safe_folder._is_own_group", lambda _: True)
    (tmp_path / "parent").mkdir()
    (tmp_path / "parent").chmod(0o775)
    assert ObjectCache(tmp_path / "parent" / "kernels")._folder is not None


def _writable_by_all(file: Path) -> None:
    file.chmod(0o666)


def _linked(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("change", [_writable_by_all, _linked, _a_pipe, _a_folder])
def test_a_file_that_is_not_the_user_s_alone_is_not_read(tmp_path: Path, change: object) -> None:
    cache = ObjectCache(tmp_path)
    cache.put("key", b"code")
    change(tmp_path / "key.o")  # type: ignore[operator]
    assert cache.get("key") is None


@pytest.mark.skipif(getattr(os, "getuid", lambda: 1)() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    cache.put("key", b"code")
    os.chown(tmp_path / "key.o", 65534, -1)
    assert cache.get("key") is None


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    assert cache._folder is not None and cache._folder._descriptor is not None
    descriptor = cache._folder._descriptor
    os.fstat(descriptor)
    del cache
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(descriptor)


def _put_many(folder: str, number: int) -> None:
    cache = ObjectCache(Path(folder))
    for each in range(200):
        cache.put(f"key{each % 7}", f"code{each % 7}".encode() * 1000)
        found = cache.get(f"key{(each + number) % 7}")
        assert found in (None, f"code{(each + number) % 7}".encode() * 1000)


def test_processes_that_write_at_once_do_each_other_no_harm(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_many, args=(str(tmp_path), n)) for n in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
        assert each.exitcode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"key{n}.o" for n in range(7)]
