"""SimpleITK filters that must run in a process of their own.

Some filters are composed of others that use ITK's process-wide number of threads, which other
threads may depend on. Others can crash the process, or never end. They run in a separate process,
where that number is 1, and which may have a time limit.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from voxgpu.cancellation import cancelled_by, current, ended_by, is_wanted, raise_if_cancelled
from voxgpu.child_process import python_command, sendable

Result = TypeVar("Result")

#: Seconds between checks whether a result is still wanted.
_LOOK = 0.1

#: The signal that ends a process at its CPU time limit; 0 if the system has none.
_TIME_IS_UP = int(getattr(signal, "SIGXCPU", 0))


def compute_isolated(
    function: Callable[..., Result], *arguments: object, seconds: int | None = None
) -> Result:
    """Compute ``function(*arguments)`` in a process where ITK has one thread.

    seconds  limit of CPU time, on systems that support it

    The function must be defined at module level; arguments and results are pickled. Raises what the
    function raises, and RuntimeError if the process ends without an answer.
    """
    with subprocess.Popen(
        python_command("voxgpu.itk.alone", "answer()"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"},
    ) as process:
        try:
            with ended_by(process.kill), _kill_when_unwanted(process):
                output, errors = process.communicate(
                    pickle.dumps((function, arguments, seconds), 5)
                )
        except BaseException:
            process.kill()
            raise
    raise_if_cancelled()
    if _TIME_IS_UP and process.returncode == -_TIME_IS_UP:
        raise RuntimeError(f"it found no result in {seconds} s of work, and may never end")
    if process.returncode:
        messages = errors.decode(errors="replace").strip().splitlines()
        reason = messages[-1] if messages else "it said nothing"
        raise RuntimeError(
            f"the process that computes it ended with {process.returncode}: {reason}"
        )
    value, error = pickle.loads(output)
    if error is not None:
        raise error
    result: Result = value
    return result


@contextmanager
def _kill_when_unwanted(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill a process once its result is no longer wanted."""
    done, stop = threading.Event(), current()

    def watch() -> None:
        with cancelled_by(stop):
            while not done.wait(_LOOK):
                if not is_wanted():
                    process.kill()
                    return

    threading.Thread(target=watch, name="filter", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def answer() -> None:
    """Compute the request on standard input; write the result to standard output."""
    function, arguments, seconds = pickle.load(sys.stdin.buffer)
    if seconds is not None:
        _limit_work(seconds)
    # Other output must not mix with the result.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    value, problem = None, None
    try:
        value = function(*arguments)
    except Exception as error:
        problem = sendable(error, str(error))
    with output:
        pickle.dump((value, problem), output, protocol=5)


def _limit_work(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # the system has no such limit
        return
    hard_limit = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft_limit = seconds if hard_limit == resource.RLIM_INFINITY else min(seconds, hard_limit)
    resource.setrlimit(resource.RLIMIT_CPU, (soft_limit, hard_limit))
