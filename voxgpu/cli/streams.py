"""What if the standard streams are closed, or lead to a disk that is full?

Results go to stdout: where they cannot be written, the command fails and says so. Messages go to
stderr: where they cannot be written, there is nobody to tell, and the command does its work.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import BinaryIO


def open_streams() -> None:
    """Makes stdout a stream that remembers failing, and stderr one that never fails.

    Every standard stream that was closed gets a place: else the first file that is opened would
    take that place, and get what is printed.
    """
    # What is written to a stdout that was closed fails, as it should: it is opened for reading.
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _Stdout(*_parts(sys.stdout, 1))
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _Stderr(*_parts(sys.stderr, 2), line_buffering=True)


def output_problem() -> OSError | None:
    """Why what was printed could not be written; None where it was. The rest is dropped."""
    with suppress(OSError):
        sys.stdout.flush()
    problem = sys.stdout.problem if isinstance(sys.stdout, _Stdout) else None
    if problem is not None:
        # Python writes at its end what is left: to nowhere.
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)
    return problem


def _parts(stream: object, number: int) -> tuple[BinaryIO, str, str]:
    """The buffer, encoding and way with errors of a text stream, or for one that was closed."""
    if isinstance(stream, io.TextIOWrapper):
        return stream.buffer, stream.encoding, stream.errors or "strict"
    return open(number, "wb", closefd=False), "utf-8", "backslashreplace"


class _Stdout(io.TextIOWrapper):
    """A stream that remembers that something could not be written."""

    problem: OSError | None = None

    def write(self, text: str) -> int:
        """As usual."""
        try:
            return super().write(text)
        except OSError as error:
            self.problem = error
            raise

    def flush(self) -> None:
        """As usual."""
        try:
            super().flush()
        except OSError as error:
            self.problem = error
            raise


class _Stderr(io.TextIOWrapper):
    """A stream that drops what cannot be written."""

    def write(self, text: str) -> int:
        """As usual, but never fails."""
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """As usual, but never fails."""
        with suppress(OSError):
            super().flush()
