"""What every session is opened with: threads of SimpleITK, folders of compiled kernels, stores."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.itk.thread_limit import VARIABLE
from voxgpu.python.inputs import copy_images
from voxgpu.selftest import run as selftest
from voxgpu.session import open_session
from voxgpu.session_settings import SessionSettings
from voxgpu.store.open import StoreOptions

#: Adds a primitive that tells how many threads SimpleITK has while a program runs.
THREADS = '''
from voxgpu.itk.process import simpleitk
from voxgpu.primitives.define import *
from voxgpu.primitives.define import scalar

@scalar()
def threads(x: NumberValue) -> NumberValue:
    """The threads of SimpleITK.

    >>> threads(1) > 0
    true
    """
    return float(simpleitk().ProcessObject.GetGlobalDefaultNumberOfThreads())
'''

PROGRAM = 'load v = "v"\nprint "threads" threads(max(v))\n'
IMAGES = {"v": np.arange(24, dtype=np.float32).reshape(2, 3, 4)}

#: More than any test takes by itself, and not the number that ITK finds.
OTHER = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() + 3


@pytest.fixture
def threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the primitive."""
    monkeypatch.delenv(VARIABLE, raising=False)
    path = tmp_path / "threads.py"
    path.write_text(THREADS)
    return path


def _found(path: Path, count: int | None) -> float:
    result = voxgpu.run(PROGRAM, threads=count, images=IMAGES, primitives=[path], device="cpu")
    return float(result.numbers["threads"])


def _itk() -> int:
    return int(sitk.ProcessObject.GetGlobalDefaultNumberOfThreads())


def test_threads_bound_simpleitk_too(threads: Path) -> None:
    assert _found(threads, OTHER) == OTHER
    assert _found(threads, 1) == 1


def test_other_code_keeps_its_threads(threads: Path) -> None:
    before = _itk()
    assert before != OTHER
    _found(threads, OTHER)
    assert _itk() == before
    with voxgpu.Session(threads=OTHER):
        assert _itk() == before


@pytest.mark.slow
def test_simpleitk_that_is_loaded_by_the_program_itself(threads: Path) -> None:
    code = f"""
import sys
import numpy as np, voxgpu
images = {{"v": np.zeros((2, 3, 4), np.float32)}}
found = voxgpu.run({PROGRAM!r}, threads={OTHER}, images=images, primitives=[{str(threads)!r}])
import SimpleITK
print(found.numbers["threads"], SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [str(float(OTHER)), str(_itk())], done.stderr


def test_without_threads_the_cores_of_the_process_or_the_environment(
    threads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxgpu import session

    monkeypatch.setattr(session, "usable_cores", lambda: OTHER)
    assert _found(threads, None) == OTHER
    monkeypatch.setenv(VARIABLE, "1")
    assert _found(threads, None) == _itk()
    assert _found(threads, OTHER) == OTHER


def test_programs_that_run_at_once_leave_no_limit_behind(threads: Path) -> None:
    before, wrong = _itk(), []

    def run(count: int) -> None:
        for _ in range(3):
            found = _found(threads, count)
            wrong.extend([found] if found not in (OTHER, OTHER + 1) else [])

    running = [threading.Thread(target=run, args=(OTHER + n,)) for n in range(2)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert not wrong and _itk() == before


def _kernels(folder: Path) -> set[str]:
    return {each.name for each in (folder / "kernels").glob("*.o")}


def _try_out(found: Any) -> None:
    """The self-test of a worker, of a smaller program."""
    selftest.PROGRAM = 'load v = "${IMAGE}"\nprint "n" volume(v > 3)\n'
    found.put(selftest.self_test("cpu").is_good)


@pytest.mark.slow
def test_a_worker_keeps_kernels_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXGPU_CACHE", str(tmp_path / "cache"))
    processes = multiprocessing.get_context("spawn")
    found = processes.Queue()
    worker = processes.Process(target=_try_out, args=(found,))
    worker.start()
    assert found.get(timeout=120)
    worker.join()
    assert _kernels(tmp_path / "cache")


@pytest.mark.slow
def test_python_keeps_kernels_where_the_environment_says_now(tmp_path: Path) -> None:
    code = """
import os
import numpy as np, voxgpu
images = {"v": np.zeros((2, 3, 4), np.float32)}
def run(folder, text):
    os.environ["VOXGPU_CACHE"] = folder
    voxgpu.run('load v = "v"\\nprint "n" ' + text, images=images, device="cpu")
run("first", "volume(v > 1)")
run("second", "volume(v > 1)")
run("second", "max(v * v + v)")
run("first", "max(v * v - v)")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    first, second = (_kernels(tmp_path / each) for each in ("first", "second"))
    assert len(first) >= 2 and len(second) >= 1 and not first & second


def test_a_session_that_forgets_reads_and_computes_anew(tmp_path: Path) -> None:
    settings = SessionSettings("cpu", keep_values=True)
    source = Source("program", PROGRAM.replace("threads(max(v))", "max(v)"))
    options = Options(images=copy_images(IMAGES))
    with open_session(settings) as session:
        computed = []
        for _ in range(3):
            computed.append(session.execute(session.compile(source, None, options)).computed)
            if len(computed) == 2:
                session.forget()
    assert computed[0] == computed[2] > computed[1] == 0


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(voxgpu.ImgqlError) as refused:
        open_session(SessionSettings(store=StoreOptions(tmp_path / "store")))
    assert [each.code for each in refused.value.diagnostics] == ["E401"]
