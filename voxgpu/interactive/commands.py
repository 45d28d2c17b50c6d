"""Commands of the interactive prompt: lines that start with ``:``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from voxgpu.diagnostics import Diagnostic, Source
from voxgpu.interactive.describe import described_type
from voxgpu.interactive.repl_session import ReplSession, Response, bindings
from voxgpu.language.ast import Let
from voxgpu.language.lexer import KEYWORDS
from voxgpu.language.scope import suggestion
from voxgpu.manual import SPACE, NoSuchName, named
from voxgpu.primitives.documentation import Entry
from voxgpu.types import ImageOf

#: By command: its argument and its description.
HELP = {
    ":help": ("[NAME]", "tell this, or explain a name, such as :help grow"),
    ":load": ("FILE", "run a program's commands as if they had been entered"),
    ":run": ("FILE", "run a program on its own"),
    ":show": ("[EXPR]", "show the plan of an expression, or what has been bound"),
    ":type": ("EXPR", "tell the type of an expression, without running it"),
    ":reset": ("", "forget everything"),
    ":quit": ("", "leave; so does Ctrl-D"),
}


#: Keywords that are not values but have a help entry.
_WORDS = frozenset(KEYWORDS) - {"true", "false", "inf", "nan"} | {"filter", "fold"}


class Quit(Exception):
    """Raised to leave the prompt."""


class NoSuchWord(Exception):
    """Raised for an invalid ``:`` command; its argument is the message."""


class Commands:
    """Executes ``:`` commands.

    manual      returns the help entries of everything that programs can use
    echo        writes a line
    tell        writes diagnostics
    answer      runs an action of the REPL session and shows its response
    """

    def __init__(
        self,
        session: ReplSession,
        manual: Callable[[], list[Entry]],
        echo: Callable[[str], None],
        tell: Callable[[tuple[Diagnostic, ...]], None],
        answer: Callable[[Callable[[], Response]], None],
    ) -> None:
        self._session = session
        self._manual = manual
        self._echo = echo
        self._tell = tell
        self._answer = answer

    def perform(self, line: str) -> None:
        """Executes a line that starts with ``:``. Raises NoSuchWord, Quit or ImgqlError."""
        word, _, rest = line.strip().partition(" ")
        action: dict[str, Callable[[str], Any]] = {
            ":help": self._help,
            ":load": lambda name: self._answer(lambda: self._session.load(Path(name))),
            ":run": lambda name: self._answer(lambda: self._session.run(Path(name))),
            ":show": self._show,
            ":type": self._type,
            ":reset": lambda _: self._session.reset(),
            ":quit": self._quit,
        }
        candidates = [each for each in HELP if each.startswith(word)] if len(word) > 1 else []
        if len(candidates) != 1:
            hint = suggestion(word, list(HELP)) or ":help tells what there is"
            raise NoSuchWord(f"there is no `{word}`: {hint}")
        argument = HELP[candidates[0]][0]
        if argument and not argument.startswith("[") and not rest.strip():
            raise NoSuchWord(f"{candidates[0]} needs {argument}")
        action[candidates[0]](rest.strip())

    def signatures(self, name: str) -> list[str]:
        """Returns the signatures of a function, operator or command."""
        every = [each for each in self._manual() if name in each.names]
        return [signature for each in every for signature in each.signatures]

    def _help(self, name: str) -> None:
        if name:
            self._explain(name)
            return
        self._echo("Enter commands (let, load, save, print, import) or expressions.")
        for name, (argument, description) in HELP.items():
            self._echo(f"  {name + ' ' + argument:14} {description}")
        self._echo("Lines that lack their end go on in the next one; an empty line ends them.")

    def _explain(self, name: str) -> None:
        try:
            matches = named(name, self._manual())
        except NoSuchName as error:
            raise NoSuchWord(str(error)) from None
        if name == SPACE:
            self._echo(", ".join(one.removeprefix(f"{SPACE}.") for e in matches for one in e.names))
        else:
            self._echo("\n\n".join(each.text for each in matches))

    def _show(self, text: str) -> None:
        from voxgpu.plan.show import RENDERINGS, stage_graph

        if not text:
            self._echo(self._list_bindings() or "nothing has been bound")
            return
        compiled = self._session.compiled(Source("input", text))
        self._tell(compiled.diagnostics)
        if not compiled.errors:
            graph = stage_graph("plan", compiled.commands, compiled.program, compiled.plan)
            self._echo(str(RENDERINGS["text"](graph)))

    def _list_bindings(self) -> str:
        """Lists each bound name with its signature or type, in the order of the last bindings."""
        lines: dict[str, str] = {}
        for command in bindings(self._session.compiled()):
            name = command.name
            lines.pop(name, None)
            if isinstance(command, Let) and command.parameters is not None:
                lines[name] = f"{name}({', '.join(command.parameters)})"
            else:
                _, kind = self._session.checked(Source("input", name))
                lines[name] = f"{name}: {kind}"
        return "\n".join(lines.values())

    def _type(self, text: str) -> None:
        is_sign = bool(text) and not (text[0].isalpha() or text[0] == "_")
        signatures = self.signatures(text) if text in _WORDS or is_sign else []
        if signatures:
            # The text is not an expression but has a help entry: `print`, `for`, `+`.
            self._echo("\n".join(signatures))
            return
        compiled, kind = self._session.checked(Source("input", text))
        # The grid is not part of the type: an image may still be gridless.
        is_image = isinstance(kind, ImageOf)
        diagnostics = [
            each for each in compiled.diagnostics if not (is_image and each.code == "E110")
        ]
        self._tell(tuple(diagnostics))
        if any(each.is_error for each in diagnostics):
            return
        goals = [goal for goal in compiled.plan.goals if goal.action == "find"]
        whole = compiled.plan.types[goals[0].value] if goals else None
        if kind is None:
            self._echo("commands have no type")
        elif isinstance(whole, ImageOf) and whole.grid is not None:
            self._echo(f"{whole}, {whole.element}, {whole.grid}")
        else:
            self._echo(described_type(kind, self.signatures))

    def _quit(self, _: str) -> None:
        raise Quit
