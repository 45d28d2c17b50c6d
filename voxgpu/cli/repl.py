"""``voxgpu repl``: a program that is written and run line by line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import options_of, without_program
from voxgpu.cli.terminal import complain
from voxgpu.diagnostics import Diagnostic, Diagnostics, ImgqlError, Source

if TYPE_CHECKING:
    from voxgpu.interactive.dialog import Answer, Dialog
    from voxgpu.pipeline import Options


@click.command()
@without_program
def command(**given: Any) -> int:
    """Enter a program line by line: commands stay in force, expressions show their values.

    :help tells more. Without a terminal, lines are read from stdin until it ends; the exit status
    is then 1 if one of them had a mistake.
    """
    options = options_of(given)
    return _Repl(options).run(sys.stdin.isatty())


class _Repl:
    def __init__(self, options: Options) -> None:
        from voxgpu.interactive.commands import Commands
        from voxgpu.interactive.dialog import Dialog

        self._failed = False
        self._number = 0
        self._options = options
        self._dialog: Dialog = Dialog(options, lambda printed: click.echo(str(printed)))
        self._commands = Commands(self._dialog, options, click.echo, self._tell, self._enter)

    def run(self, is_interactive: bool) -> int:
        from voxgpu.interactive.commands import Quit

        try:
            if is_interactive:
                self._ask()
            else:
                for text in self._piped():
                    self._handle(text)
        except Quit:
            pass
        return 1 if self._failed and not is_interactive else 0

    def _handle(self, text: str) -> None:
        if not text.strip():
            return
        try:
            if text.lstrip().startswith(":"):
                self._commands.perform(text)
                return
            self._number += 1
            self._enter(Source(f"input {self._number}", text))
        except ImgqlError as error:
            self._tell(error.diagnostics)
        except KeyboardInterrupt:
            self._failed = True
            click.echo("interrupted: nothing of it is in force", err=True)

    def _enter(self, source: Source) -> None:
        answer = self._dialog.enter(source)
        self._tell(answer.diagnostics)
        self._show(answer)

    def _show(self, answer: Answer) -> None:
        from voxgpu.image import Image
        from voxgpu.interactive.describe import described, described_sequence, described_type
        from voxgpu.types import Function, ImageOf, SequenceOf, innermost

        kind = answer.type
        if isinstance(kind, Function):
            click.echo(described_type(kind))
        if answer.result is None:
            return
        for saved in answer.result.saved:
            click.echo(f"saved {saved.path}")
        for value in answer.result.found:
            if isinstance(kind, SequenceOf) and isinstance(innermost(kind), ImageOf):
                click.echo(described_sequence(kind, value))
                continue
            click.echo(described(value))
            if isinstance(value, Image) and sys.stdout.isatty():
                from voxgpu.interactive.picture import picture, protocol

                shown = picture(value, protocol(os.environ))
                if shown:
                    sys.stdout.write(shown + "\n")
                    sys.stdout.flush()

    def _tell(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self._failed |= any(each.is_error for each in diagnostics)
        complain(diagnostics)

    def _piped(self) -> Iterator[str]:
        """Texts from stdin: lines, joined where one lacks its end."""
        text = ""
        for line in sys.stdin:
            text += line
            is_blank = not line.strip()
            if is_blank or text.startswith(":") or not self._dialog.unfinished(text):
                yield text.rstrip("\n")
                text = ""
        if text:
            yield text.rstrip("\n")

    def _ask(self) -> None:
        from voxgpu import __version__
        from voxgpu.interactive.prompt import prompt_session
        from voxgpu.pipeline import known_primitives

        click.echo(f"voxgpu {__version__}: :help tells what can be entered, Ctrl-D leaves")
        known = known_primitives(self._options.primitives, Diagnostics())
        names = {name for each in known for name in each.names if name[0].isalpha()}
        session = prompt_session(lambda: self._dialog.names, names, self._dialog.unfinished)
        while True:
            try:
                self._handle(session.prompt())
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
