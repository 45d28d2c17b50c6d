"""How is a filter of SimpleITK run that one thread must compute, whatever it is told? Alone.

Some filters are made of others that take ITK's number of threads of the whole process, which other
threads may be using. Others can end the process, or never end. They run in a process of their own,
where that number is 1, and which may have a limit of time.
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

#: Seconds between looks whether a result is still wanted.
_LOOK = 0.1

#: The signal that ends a process which has worked for longer than it may; 0: there is none here.
_TIME_IS_UP = int(getattr(signal, "SIGXCPU", 0))


def computed_alone(
    function: Callable[..., Result], *arguments: object, seconds: int | None = None
) -> Result:
    """``function(*arguments)``, computed in a process where ITK has one thread.

    seconds  the most that the processor may work on it, where the system can hold to that

    The function must be one of a module; arguments and results are pickled. Raises what the
    function raises, and RuntimeError where the process ends before it has answered.
    """
    with subprocess.Popen(
        python_command("voxgpu.itk.alone", "answer()"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"},
    ) as process:
        try:
            with ended_by(process.kill), _killed_when_unwanted(process):
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
        said = errors.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else "it said nothing"
        raise RuntimeError(
            f"the process that computes it ended with {process.returncode}: {reason}"
        )
    value, error = pickle.loads(output)
    if error is not None:
        raise error
    result: Result = value
    return result


@contextmanager
def _killed_when_unwanted(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kills a process once its result is not wanted any more."""
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
    """Compute what is asked for on standard input; the result goes to standard output."""
    function, arguments, seconds = pickle.load(sys.stdin.buffer)
    if seconds is not None:
        _limit_work(seconds)
    # Whatever else is printed must not get between.
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
    except ImportError:  # there is no such limit on this system
        return
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = seconds if most == resource.RLIM_INFINITY else min(seconds, most)
    resource.setrlimit(resource.RLIMIT_CPU, (wanted, most))
