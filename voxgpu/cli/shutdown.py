"""How does a command end when somebody wants it to: Ctrl-C, SIGTERM, a terminal that closes?

The main thread gets an exception, as with Ctrl-C in any program of Python. It may be within code
that does not come back for long, and so may other threads: a thread of its own tells everybody at
once, and ends the process when what was asked to end has not after a while.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from voxgpu import temporary_files
from voxgpu.cancellation import stop_everything

#: Seconds that everything has to end by itself.
_GRACE = 1.2

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class _Ending:
    """What is to be done once, whichever thread comes first."""

    def __init__(self) -> None:
        self.number = 0
        self.is_interactive = False
        self.answer: Callable[[], str] | None = None
        self._said = threading.Lock()
        self._told = threading.Lock()

    def say(self, number: int) -> None:
        """Says at once that Ctrl-C was seen; other signals come from programs."""
        if self._said.acquire(blocking=False) and number == signal.SIGINT:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""  # a bar may be there
            _say(f"{clear}stopping…")

    def tell(self, number: int) -> bool:
        """Writes the answer so far, where one is wanted, and a line that says what happened.

        False: another thread does, or has done.
        """
        if not self._told.acquire(blocking=False):
            return False
        if self.answer is not None:
            _write(f"{self.answer()}\n")
        word = _WORDS[signal.Signals(number).name]
        _say(f"{word}: what was delivered is whole, nothing else was left")
        return True


_ENDING = _Ending()


def listen() -> None:
    """Ends this process from now on as this module says; call it on the main thread."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for name, usual in (
        ("SIGINT", signal.default_int_handler),
        ("SIGTERM", signal.SIG_DFL),
        ("SIGHUP", signal.SIG_DFL),
    ):
        number = getattr(signal, name, None)
        # What is ignored, as by nohup, stays ignored.
        if number is not None and signal.getsignal(number) == usual:
            signal.signal(number, _raise)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), name="ending", daemon=True).start()


def leave_ctrl_c() -> None:
    """Ctrl-C is an exception on the main thread from now on, and nothing else."""
    _ENDING.is_interactive = True
    signal.signal(signal.SIGINT, signal.default_int_handler)


def answer_with(answer: Callable[[], str] | None) -> None:
    """What goes to stdout when the command ends early: the text that a function returns."""
    _ENDING.answer = answer


def ended_early() -> int:
    """The exit status of a command that ended early; what is to be said is said.

    Where a signal came the process exits here, without waiting for threads that compute.
    """
    number = _ENDING.number or int(signal.SIGINT)
    _ENDING.tell(number)
    if _ENDING.number:
        _exit(number)
    return 128 + number


def _raise(number: int, frame: FrameType | None) -> None:
    if not _ENDING.number:  # cleaning up must not be interrupted
        _ENDING.number = number
        _ENDING.say(number)
        raise KeyboardInterrupt


def _watch(reading: int) -> None:
    """Waits for a signal, says so, and for the end, or another signal."""
    number = 0
    while not number:
        number = _next(reading)
    _ENDING.say(number)
    stop_everything()
    timer = threading.Timer(_GRACE, _end, [number])
    timer.daemon = True
    timer.start()
    while not _next(reading):
        pass
    _end(number)


def _next(reading: int) -> int:
    """The next signal that ends the process; 0 where it is one of others."""
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
    """Writes to stdout; nobody may be there any more to read it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError, RuntimeError):
        return


def _say(text: str) -> None:
    """Writes a line to stderr, whatever of it another function is writing."""
    try:
        os.write(2, f"{text}\n".encode(sys.stderr.encoding or "utf-8", "replace"))
    except (OSError, ValueError):
        return
