"""``voxgpu repl``: an interactive session."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import (
    device_memory_option,
    device_option,
    options_of,
    options_without_program,
    sidecar_option,
)
from voxgpu.cli.shutdown import restore_ctrl_c
from voxgpu.cli.store_options import store_options_of, with_store
from voxgpu.cli.terminal import Progress, print_diagnostics, print_stderr, progress
from voxgpu.diagnostics import Diagnostic, Diagnostics, ImgqlError, Source

if TYPE_CHECKING:
    from voxgpu.compile import Options
    from voxgpu.execution.events import Event
    from voxgpu.image import Image
    from voxgpu.interactive.repl_session import ReplSession, Response
    from voxgpu.primitives.documentation import Entry
    from voxgpu.session_settings import SessionSettings

#: Progress is shown immediately for tasks of this many bytes, else after this many seconds.
_LARGE, _SOON = 2**24, 0.3


@click.command()
@options_without_program
@sidecar_option
@device_option("Device to use; auto: the faster one, line by line.")
@device_memory_option
@with_store
def command(device: str, device_memory: int | None, **arguments: Any) -> int:
    """Enter a program line by line: commands stay in force, expressions show their values.

    :help explains more. Without a terminal, lines are read from stdin until its end; then the exit
    status is 1 if a line had an error.
    """
    from voxgpu.session_settings import SessionSettings

    options = options_of(arguments)
    settings = SessionSettings(
        device,
        device_memory=device_memory,
        store=store_options_of(arguments),
        output=options.output,
        roots=options.roots,
        keep_values=True,
    )
    return _Repl(options, sys.stdin.isatty(), settings, arguments["sidecar"]).run()


class _Repl:
    def __init__(
        self, options: Options, is_interactive: bool, settings: SessionSettings, sidecars: bool
    ) -> None:
        from voxgpu.interactive.commands import Commands
        from voxgpu.interactive.repl_session import ReplSession
        from voxgpu.session import open_session
        from voxgpu.session_settings import SessionListeners

        self._is_interactive = is_interactive
        self._failed = False
        self._number = 0
        self._options = options
        self._bar = Progress()
        self._done, self._since = 0, 0.0
        chosen = [""]
        listeners = SessionListeners(
            self._print,
            on_device=lambda device: chosen.append(device.name),
            observe=self._observe,
        )
        session = open_session(settings, listeners)
        self._repl: ReplSession = ReplSession(options, session, sidecars, lambda: chosen[-1])
        self._commands = Commands(self._repl, self._manual, click.echo, self._tell, self._answer)

    def run(self) -> int:
        from voxgpu.interactive.commands import Quit

        try:
            if self._is_interactive:
                restore_ctrl_c()
                self._ask()
            else:
                for text in self._piped():
                    self._handle(text)
        except Quit:
            pass
        finally:
            self._repl.close()
        return 1 if self._failed and not self._is_interactive else 0

    def _handle(self, text: str) -> None:
        from voxgpu.interactive.commands import NoSuchWord

        if not text.strip():
            return
        try:
            if text.lstrip().startswith(":"):
                self._commands.perform(text)
                return
            self._number += 1
            source = Source(f"input {self._number}", text)
            self._answer(lambda: self._repl.enter(source))
        except NoSuchWord as error:
            self._failed = True
            print_stderr(str(error))
        except ImgqlError as error:
            self._tell(error.diagnostics)
        except KeyboardInterrupt:
            if not self._is_interactive:
                raise
            print_stderr("interrupted: nothing of it is in force")

    def _answer(self, work: Callable[[], Response]) -> None:
        self._done, self._since = 0, perf_counter()
        with progress(self._is_interactive) as self._bar:
            answer = work()
        self._tell(answer.diagnostics)
        self._show(answer)

    def _show(self, answer: Response) -> None:
        from voxgpu.image import Image
        from voxgpu.interactive.describe import described, described_lengths, described_type
        from voxgpu.types import Function

        if isinstance(answer.type, Function):
            click.echo(described_type(answer.type, self._commands.signatures))
        if answer.type is not None and answer.lengths:
            click.echo(described_lengths(answer.type, answer.lengths))
        if answer.result is None:
            return
        for saved in answer.result.saved:
            click.echo(f"saved {saved.path}")
        for _, value in answer.result.found:
            click.echo(described(value))
            if isinstance(value, Image):
                self._draw(value)

    def _draw(self, image: Image) -> None:
        if not sys.stdout.isatty():
            return
        from voxgpu.interactive.picture import picture
        from voxgpu.interactive.picture_protocol import terminal_protocol

        shown = picture(image, terminal_protocol(), shutil.get_terminal_size().columns)
        if shown:
            sys.stdout.write(shown + "\n")
            sys.stdout.flush()

    def _tell(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self._failed |= any(each.is_error for each in diagnostics)
        print_diagnostics(diagnostics)

    def _print(self, printed: object) -> None:
        with self._bar.paused():
            click.echo(str(printed))

    def _observe(self, event: Event) -> None:
        """Show progress, unless the result is expected at once."""
        from voxgpu.execution.events import Finished, Started

        if isinstance(event, Finished):
            self._done += 1
        elif isinstance(event, Started):
            is_large = event.task.bytes + event.task.scratch > _LARGE
            if is_large or perf_counter() - self._since > _SOON:
                self._bar.show(event.task.name, self._done, self._done + 1)

    def _manual(self) -> list[Entry]:
        from voxgpu.compile import known_primitives
        from voxgpu.manual import manual

        return manual(known_primitives(self._options.primitives, Diagnostics()))

    def _piped(self) -> Iterator[str]:
        """Yield inputs from stdin: lines, joined if one is incomplete."""
        text = ""
        for line in sys.stdin:
            text += line
            is_blank = not line.strip()
            if is_blank or text.startswith(":") or not self._repl.unfinished(text):
                yield text.rstrip("\n")
                text = ""
        if text:
            yield text.rstrip("\n")

    def _ask(self) -> None:
        from voxgpu import __version__
        from voxgpu.interactive.prompt import prompt_session

        click.echo(f"voxgpu {__version__}: :help tells what can be entered, Ctrl-D leaves")
        names = {name for each in self._manual() for name in each.names}
        session = prompt_session(lambda: self._repl.names, names, self._repl.unfinished)
        while True:
            try:
                self._handle(session.prompt())
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
