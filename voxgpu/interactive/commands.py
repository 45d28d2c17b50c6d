"""What do the words that begin with ``:`` do?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from voxgpu.diagnostics import Diagnostic, ImgqlError, Source
from voxgpu.interactive.describe import described_type
from voxgpu.interactive.dialog import Answer, Dialog
from voxgpu.language.scope import suggestion
from voxgpu.pipeline import Options, compile_program, read_source
from voxgpu.types import ImageOf

#: What each is followed by, and what it does.
HELP = {
    ":help": ("", "tell this"),
    ":load": ("FILE", "run a program's commands as if they had been entered"),
    ":run": ("FILE", "run a program on its own"),
    ":show": ("[EXPR]", "show the plan of an expression, or what has been bound"),
    ":type": ("EXPR", "tell the type of an expression, without running it"),
    ":reset": ("", "forget everything"),
    ":quit": ("", "leave; so does Ctrl-D"),
}


class Quit(Exception):
    """Leave."""


class Commands:
    """Does what such a word says.

    echo      writes a line
    tell      writes diagnostics
    enter     runs a text as if it had been typed
    """

    def __init__(
        self,
        dialog: Dialog,
        options: Options,
        echo: Callable[[str], None],
        tell: Callable[[tuple[Diagnostic, ...]], None],
        enter: Callable[[Source], None],
    ) -> None:
        self._dialog = dialog
        self._options = options
        self._echo = echo
        self._tell = tell
        self._enter = enter

    def perform(self, line: str) -> None:
        """Does what a line says that begins with ``:``."""
        word, _, rest = line.strip().partition(" ")
        action: dict[str, Callable[[str], Any]] = {
            ":help": self._help,
            ":load": self._load,
            ":run": self._run,
            ":show": self._show,
            ":type": self._type,
            ":reset": lambda _: self._dialog.reset(),
            ":quit": self._quit,
        }
        whole = [each for each in HELP if each.startswith(word)] if len(word) > 1 else []
        if len(whole) != 1:
            hint = suggestion(word, list(HELP)) or ":help tells what there is"
            self._echo(f"there is no `{word}`: {hint}")
            return
        wanted = HELP[whole[0]][0]
        if wanted and not wanted.startswith("[") and not rest.strip():
            self._echo(f"{whole[0]} needs {wanted}")
            return
        action[whole[0]](rest.strip())

    def _help(self, _: str) -> None:
        self._echo("Enter commands (let, load, save, print, import) or expressions.")
        for name, (wanted, what) in HELP.items():
            self._echo(f"  {name + ' ' + wanted:14} {what}")
        self._echo("Lines that lack their end go on in the next one.")

    def _load(self, name: str) -> None:
        try:
            self._enter(read_source(Path(name)))
        except ImgqlError as error:
            self._tell(error.diagnostics)

    def _run(self, name: str) -> None:
        from voxgpu.execute import Session

        try:
            session = Session(
                self._options.output, self._options.roots, lambda each: self._echo(str(each))
            )
            source, path = read_source(Path(name)), Path(name)
            compiled = compile_program(source, path, self._options, ask=session.ask)
            result = session.execute(compiled)
        except ImgqlError as error:
            self._tell(error.diagnostics)
            return
        self._tell((*result.warnings, *result.errors))
        for saved in result.saved:
            self._echo(f"saved {saved.path}")

    def _show(self, text: str) -> None:
        from voxgpu.plan.show import RENDERINGS, stage_graph

        if not text:
            self._echo("\n".join(self._dialog.names) or "nothing has been bound")
            return
        compiled = self._dialog.compiled(Source("input", text))
        self._tell(compiled.diagnostics)
        if not compiled.errors:
            graph = stage_graph("plan", compiled.commands, compiled.program, compiled.plan)
            self._echo(str(RENDERINGS["text"](graph)))

    def _type(self, text: str) -> None:
        answer: Answer = self._dialog.type_of(Source("input", text))
        self._tell(answer.diagnostics)
        if answer.type is None:
            if not answer.diagnostics:
                self._echo("commands have no type")
            return
        compiled = self._dialog.compiled(Source("input", text))
        goals = [goal for goal in compiled.plan.goals if goal.action == "find"]
        whole = compiled.plan.types[goals[0].value] if goals else None
        if isinstance(whole, ImageOf) and whole.grid is not None:
            self._echo(f"{whole}, {whole.element}, {whole.grid}")
        else:
            self._echo(described_type(answer.type))

    def _quit(self, _: str) -> None:
        raise Quit
