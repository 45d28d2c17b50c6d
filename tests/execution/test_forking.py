"""A process that is forked while others compute computes right, or says why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import voxgpu
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.diagnostics import ImgqlError
from voxgpu.session import Session
from voxgpu.store.background_writer import BackgroundWriter

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

#: Forks while threads are in a part of voxgpu; prints how many children ended otherwise than right.
PROGRAM = """
import faulthandler, os, sys, threading, time, signal, warnings
warnings.simplefilter("ignore")
import numpy as np, SimpleITK as sitk, voxgpu
from pathlib import Path
from voxgpu.codegen import jit as m
m.set_cache_folder(Path("code"))
voxels = np.arange(4096, dtype=np.float32).reshape(8, 16, 32)
sitk.WriteImage(sitk.GetImageFromArray(voxels), "v.nrrd")
text = 'load v = "v.nrrd"\\nprint "a" avg({sum}, v > 3)\\nprint "b" volume(near(v > {k}))\\n'
text += 'print "c" 1 + 1\\n'
def run(k):
    store = "store" if %(store)s else None
    sum = ' + '.join(['v'] * (k %% 40 + 1) + ['1'])
    program = text.format(k=k %% 7, sum=sum)
    return voxgpu.run(program, threads=2, store=store).values
right = run(2)
stop = False
def busy():
    k = 3
    while not stop:
        run(k)
        k += 1
threads = [threading.Thread(target=busy, daemon=True) for _ in range(2)]
for each in threads: each.start()
wrong = 0
for number in range(4):
    time.sleep(0.03)
    child = os.fork()
    if child == 0:
        # The whole point is that this could hang; then SIGALRM ends it.
        signal.alarm(60)
        try:
            os._exit(0 if run(2) == right else 3)
        except voxgpu.ImgqlError as error:
            told = error.diagnostics[0]
            os._exit(0 if told.code == "E401" and "forked" in told.message else 4)
    wrong += os.waitpid(child, 0)[1] != 0
stop = True
print(wrong)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", [False, True])
def test_children_of_a_busy_process_compute_or_are_refused(tmp_path: Path, store: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % {"store": store}],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def _in_child(function: object) -> int:
    """What a function returns in a forked process; 99 where it raises."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = function()  # type: ignore[operator]
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_threads_are_started_anew() -> None:
    workers = ThreadPool(3)
    assert workers.map(lambda each: each + 1, range(5)) == [1, 2, 3, 4, 5]
    assert _in_child(lambda: sum(workers.map(lambda each: each + 1, range(5)))) == 15
    assert _in_child(lambda: workers.submit(lambda: 7).result()) == 7
    workers.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_waits_to_be_written_is_written_by_the_parent() -> None:
    writer, go, done = BackgroundWriter(100), threading.Event(), []
    writer.submit(10, go.wait, True)
    writer.submit(10, lambda: done.append(os.getpid()), True)

    def child() -> int:
        writer.drain()
        mine: list[int] = []
        writer.submit(10, lambda: mine.append(1), True)
        writer.close()
        return len(mine) + 10 * len(done)

    assert _in_child(child) == 1
    go.set()
    writer.close()
    assert done == [os.getpid()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_session_of_the_parent_is_refused() -> None:
    from voxgpu.compile import Options, compile_program, unread
    from voxgpu.diagnostics import Source

    compiled = compile_program(Source("program", 'print "a" 1 + 1\n'), None, Options(), unread)
    with Session(None) as session:
        session.execute(compiled)

        def child() -> int:
            try:
                session.execute(compiled)
            except ImgqlError as error:
                session.close()
                return int(error.diagnostics[0].code == "E305")
            return 0

        assert _in_child(child) == 1
        assert session.execute(compiled).values == {"a": 2.0}
    assert _in_child(lambda: int(voxgpu.run('print "a" 1 + 1\n').values["a"])) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_gpu_of_the_parent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from voxgpu.backends.cuda import detect

    monkeypatch.setattr(detect, "_started", True)

    def child() -> int:
        count, problem = detect.detect_gpus()
        try:
            voxgpu.run('print "a" 1 + 1\n', device="cuda:0")
        except ImgqlError as error:
            told = error.diagnostics[0]
            return int(count == 0 and "forked" in problem and problem in told.message)
        return 0

    assert _in_child(child) == 1
    assert not detect._is_parents


#: Forks while a run imports what takes long; the child must not wait for an import that never ends.
IMPORTING = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")
import voxgpu
def run():
    return voxgpu.run('print "a" own(1)\\n', primitives=["own.py"]).values
thread = threading.Thread(target=run)
thread.start()
while not os.path.exists("begun"):
    time.sleep(0.001)
child = os.fork()
if child == 0:
    signal.alarm(60)  # instead of hanging for ever
    os._exit(0 if run() == {"a": 2.0} else 3)
print(os.waitpid(child, 0)[1], flush=True)
thread.join()
"""


@pytest.mark.slow
def test_a_fork_waits_for_imports(tmp_path: Path) -> None:
    slow = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(0.3)\nONE = 1\n"
    (tmp_path / "slow_to_import.py").write_text(slow)
    own = '''
import sys
sys.path.insert(0, ".")
import slow_to_import
from voxgpu.primitives.define import NumberValue, scalar


@scalar()
def own(x: NumberValue) -> NumberValue:
    """Adds.

    >>> own(1)
    2
    """
    return x + slow_to_import.ONE
'''
    (tmp_path / "own.py").write_text(own)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
