"""Early end of a command: Ctrl-C, SIGTERM, a closed terminal.

The main thread gets an exception, as with Ctrl-C in any Python program. It may be inside code that
does not return for long, and so may other threads: a thread of its own writes the message at once,
and exits the process if it has not ended after a while.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from voxgpu import temporary_files
from voxgpu.cancellation import stop_everything

#: Seconds that everything has to end by itself.
_GRACE = 1.2

#: Seconds to write results and end other processes, after work that was asked to end has done so.
_CLOSING = 20.0

#: The last line on stderr, where a command has no other.
_LAST = "what was delivered is whole, nothing else was left"

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class _Ending:
    """Actions to perform once, by whichever thread comes first.

    number     the signal that came; 0 before
    is_raised  whether the main thread got its exception
    answer     returns the text for stdout
    last       returns the last line for stderr, after the word for what happened
    grace      what asks the work to end, and the seconds that it has; None: it ends at once
    """

    def __init__(self) -> None:
        self.number = 0
        self.is_raised = False
        self.is_interactive = False
        self.answer: Callable[[], str] | None = None
        self.last: Callable[[], str] = lambda: _LAST
        self.grace: tuple[Callable[[], object], float] | None = None
        self._said = threading.Lock()
        self._told = threading.Lock()

    def say(self, number: int) -> None:
        """Report Ctrl-C at once; other signals come from programs."""
        if self._said.acquire(blocking=False) and number == signal.SIGINT:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""  # a progress bar may be there
            _say(f"{clear}stopping…")

    def say_grace(self, seconds: float) -> None:
        """Report that what runs has some time."""
        if self._said.acquire(blocking=False):
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            _say(f"{clear}stopping: what runs has {seconds:g} s to end; once more ends it at once")

    def tell(self, number: int) -> bool:
        """Write the partial answer, if requested, and a line that says what happened.

        Returns False if another thread does so, or has done so.
        """
        if not self._told.acquire(blocking=False):
            return False
        if self.answer is not None:
            _write(f"{self.answer()}\n")
        word = _WORDS[signal.Signals(number).name]
        _say(f"{word}: {self.last()}")
        return True


_ENDING = _Ending()


def listen() -> None:
    """Install the handlers of this module; call it on the main thread."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for name, usual in (
        ("SIGINT", signal.default_int_handler),
        ("SIGTERM", signal.SIG_DFL),
        ("SIGHUP", signal.SIG_DFL),
    ):
        number = getattr(signal, name, None)
        # Ignored signals, as under nohup, stay ignored.
        if number is not None and signal.getsignal(number) == usual:
            signal.signal(number, _raise)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), name="ending", daemon=True).start()


def restore_ctrl_c() -> None:
    """Restore Python's handling of Ctrl-C: an exception on the main thread, and nothing else."""
    _ENDING.is_interactive = True
    signal.signal(signal.SIGINT, signal.default_int_handler)


def set_early_answer(answer: Callable[[], str] | None) -> None:
    """Set the function that returns the text for stdout if the command ends early."""
    _ENDING.answer = answer


@contextmanager
def graceful(ask: Callable[[], object], seconds: float, last: Callable[[], str]) -> Iterator[None]:
    """Give the work in the block some seconds to end, when a signal comes for the first time.

    ask   asks it to end; called on another thread, and not at all if there are no seconds
    last  what is said in the end, after the word for what happened; called on any thread
    """
    _ENDING.last = last
    if seconds > 0:
        _ENDING.grace = ask, seconds
    try:
        yield
    finally:
        work_has_ended()


def work_has_ended() -> None:
    """Note that the work of `graceful` has ended: from now on a signal ends the process at once."""
    _ENDING.grace = None


def ended_early() -> int:
    """The exit status of a command that ended early, after its messages are written.

    If a signal came, the process exits here, without waiting for computing threads.
    """
    number = _ENDING.number or int(signal.SIGINT)
    _ENDING.tell(number)
    if _ENDING.number:
        _exit(number)
    return 128 + number


def _raise(number: int, frame: FrameType | None) -> None:
    if _ENDING.grace is not None:
        return  # the watching thread asks the work to end, and raises this again after a while
    if not _ENDING.is_raised:  # cleanup must not be interrupted
        _ENDING.is_raised = True
        _ENDING.number = _ENDING.number or number
        _ENDING.say(number)
        raise KeyboardInterrupt


def _watch(reading: int) -> None:
    """Wait for a signal, report it, then wait for the end or another signal."""
    number = 0
    while not number:
        number = _next(reading)
    if _ENDING.grace is not None:
        _wait_for_work(reading, number, *_ENDING.grace)
    _ENDING.say(number)
    stop_everything()
    timer = threading.Timer(_GRACE, _end, [number])
    timer.daemon = True
    timer.start()
    while not _next(reading):
        pass
    _end(number)


def _wait_for_work(reading: int, number: int, ask: Callable[[], object], seconds: float) -> None:
    """Ask the work to end, and wait for that; then interrupt the main thread."""
    _ENDING.number = number
    _ENDING.say_grace(seconds)
    ask()
    once_more = _comes_within(reading, seconds)
    if _ENDING.grace is None:
        # The work has ended; results are written and processes ended.
        if not once_more:
            _comes_within(reading, _CLOSING)
        return
    _ENDING.grace = None
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        signal.pthread_kill(main or 0, number)
    else:  # Windows
        signal.raise_signal(number)
    _next(reading)  # that one


def _comes_within(reading: int, seconds: float) -> bool:
    """Whether another signal comes in this time."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0] and _next(reading):
            return True
    return False


def _next(reading: int) -> int:
    """The next signal that ends the process; 0 for other signals."""
    number = os.read(reading, 1)[0]
    if number == signal.SIGINT and _ENDING.is_interactive:
        return 0
    return number if signal.getsignal(number) is _raise else 0


def _end(number: int) -> None:
    if not _ENDING.tell(number):
        time.sleep(0.3)
    _exit(number)


def _exit(number: int) -> None:
    stop_everything()
    temporary_files.remove_all()
    _write("")
    os._exit(128 + number)


def _write(text: str) -> None:
    """Write to stdout, which may be closed."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError, RuntimeError):
        return


def _say(text: str) -> None:
    """Write a line to stderr, even if another function is writing to it."""
    try:
        os.write(2, f"{text}\n".encode(sys.stderr.encoding or "utf-8", "replace"))
    except (OSError, ValueError):
        return
