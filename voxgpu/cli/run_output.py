"""Output of a run: results on stdout, messages on stderr and in a log."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

import click

from voxgpu.cli.terminal import Progress, condense_readings, print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic
from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason

if TYPE_CHECKING:
    from voxgpu.execution.outputs import Printed, Saved


class RunOutput(AbstractContextManager["RunOutput"]):
    """Writes the output of a run at the requested verbosity.

    as_json  only a single object is written, at the end
    quiet    no warnings, and no list of saved files
    verbose  details of the computation, too
    log      a file to which everything is appended, regardless of ``quiet``; raises FileError if it
             cannot be written. On a full disk logging stops, with a message
    """

    def __init__(self, as_json: bool, quiet: bool, verbose: bool, log: Path | None) -> None:
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose
        self.bar = Progress()
        self._log = None if log is None else _opened(log)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the log, with the error that ended the run as its last line."""
        if error is not None and not isinstance(error, Exception):
            self._note("interrupted")
        if self._log is not None:
            self._log.close()

    @property
    def is_detailed(self) -> bool:
        """Whether details are written anywhere."""
        return self.verbose or self._log is not None

    def detail(self, text: str) -> None:
        """Write a detail, if details are requested."""
        self._note(text)
        if self.verbose:
            with self.bar.paused():
                print_stderr(text)

    def printed(self, printed: Printed) -> None:
        """Write a printed result."""
        self._note(f"print {printed}")
        if not self.as_json:
            with self.bar.paused():
                click.echo(str(printed))

    def saved(self, saved: Saved) -> None:
        """Report a saved file, new or unchanged."""
        text = f"saved {saved.path}" + (", unchanged" if saved.unchanged else "")
        self._note(text)
        if self.verbose or not (self.quiet or self.as_json):
            with self.bar.paused():
                print_stderr(text)

    def warn(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Write warnings."""
        self._report(diagnostics, self.quiet)

    def fail(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Write errors, and goals that failed."""
        self._report(diagnostics, False)

    def _report(self, diagnostics: Iterable[Diagnostic], silent: bool) -> None:
        every = list(diagnostics)
        for each in every:
            self._note(str(each))
        if not (silent or self.as_json):
            with self.bar.paused():
                print_diagnostics(every if self.verbose else condense_readings(every))

    def _note(self, text: str) -> None:
        if self._log is None:
            return
        time = datetime.now().astimezone().isoformat(timespec="milliseconds")
        try:
            self._log.write("".join(f"{time}  {line}\n" for line in text.splitlines()))
        except OSError as error:
            log, self._log = self._log, None
            with suppress(OSError):  # closing fails again on unwritten data
                log.close()
            with self.bar.paused():
                print_stderr(f"the log `{log.name}` ends here: {os_reason(error)}")


def _opened(log: Path) -> TextIO:
    """Open the log for appending; raises FileError."""
    try:
        return log.open("a", encoding="utf-8", buffering=1)
    except (OSError, ValueError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else str(error)
        help = "name another file with --log, in a folder that is there and takes files"
        raise FileError(str(log), reason, help, "write") from None
