"""Resolution of imports: the commands of a program and everything it imports, each file once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from voxgpu.diagnostics import Diagnostic, Diagnostics, Source, Span
from voxgpu.language.ast import Command, Dialect, Import, Save, Value
from voxgpu.language.foreign_syntax import repair_foreign_syntax
from voxgpu.language.lexer import Token, imported_names
from voxgpu.language.operator_classifier import Operators
from voxgpu.language.parse import (
    declared_dialect,
    is_command,
    parse,
    tokenize_source,
    tokenize_text,
    unknown_dialect,
)
from voxgpu.unicode_paths import from_home, on_disk

#: Bundled imports and their files; an empty name means the bindings are always in scope.
BUNDLED = {
    "stdlib": "stdlib.imgql",
    "RegionCalculus": "RegionCalculus.imgql",
    "vox1": "",
    "default": "",
    "strings": "",
    "simpleitk": "",
}

#: Bundled imports that are namespaces; importing one allows its names to be unqualified.
NAMESPACES = ("simpleitk",)

STANDARD = "stdlib"

#: Reads a text file. Raises OSError, UnicodeDecodeError, or an error for a forbidden path.
ReadText = Callable[[Path], str]


#: What voxgpu brings, parsed: by its name, the dialect, and the operators that were known before.
_PARSED: dict[Any, tuple[list[Command], Operators]] = {}


class Programs:
    """Reads programs and their imports into one list of commands.

    dialect    the dialect of a program that does not declare one
    overrides  whether ``dialect`` overrides a program's own declaration
    """

    def __init__(
        self,
        operators: Operators,
        dialect: Dialect,
        overrides: bool,
        read_text: ReadText,
        diagnostics: Diagnostics,
        refusals: tuple[type[Exception], ...] = (),
    ) -> None:
        self._operators = dict(operators)
        self._dialect = dialect
        self._overrides = overrides
        self._read_text = read_text
        self._diagnostics = diagnostics
        self._refusals: tuple[type[Exception], ...] = (OSError, *refusals)
        self._seen: set[str] = set()
        #: The namespaces imported so far.
        self.namespaces: set[str] = set()

    @property
    def operators(self) -> Operators:
        """The operators known so far, with those that the programs read declare."""
        return self._operators

    def read(self, source: Source, folder: Path) -> list[Command]:
        """Returns all commands of a program, with imports expanded and the standard library first.

        ``folder`` is searched first for relative imports, then the current directory.
        """
        return [*self.standard(), *self._commands(source, folder)]

    def standard(self) -> list[Command]:
        """Returns the commands of the standard library."""
        return self._bundled(STANDARD)

    def expanded(self, commands: Iterable[Command], folder: Path) -> list[Command]:
        """Returns the commands with those of imported programs in place of imports."""
        result: list[Command] = []
        for command in commands:
            if isinstance(command, Import):
                result += self._import(command.name, command.span, folder)
            else:
                result.append(command)
        return result

    def read_more(self, source: Source, folder: Path) -> list[Command]:
        """Returns the commands of a text that continues the previous ones, or of one expression."""
        tokens = self._tokenize(source)
        if is_command(tokens, self._operators):
            return self._commands(source, folder)
        # An expression is parsed as the value of a `save` command with an empty file name.
        save = [Token.at("SAVE", "save", 0), Token.at("TEXT", '""', 0)]
        commands = self._commands(source, folder, [*save, *tokens])
        if commands and isinstance(commands[0], Save):
            commands[0] = Value(commands[0].value, commands[0].value.span)
        return commands

    def _commands(
        self, source: Source, folder: Path, tokens: list[Token] | None = None
    ) -> list[Command]:
        tokens = self._tokenize(source) if tokens is None else tokens
        imported: dict[str, list[Command]] = {}
        for token in imported_names(tokens):
            name = token[1:-1]
            if name not in imported:
                span = Span(source, token.start_pos, token.end_pos)
                imported[name] = self._import(name, span, folder)
        own = None if self._overrides else declared_dialect(source.text)
        unknown = unknown_dialect(source)
        if unknown is not None:
            self._diagnostics.add(unknown)
        dialect = own or self._dialect
        parsed = parse(source, self._operators, dialect, tokens)
        self._operators |= parsed.declared
        for diagnostic in parsed.diagnostics:
            self._diagnostics.add(diagnostic)
        commands: list[Command] = []
        for command in parsed.commands:
            if isinstance(command, Import):
                commands.extend(imported.pop(command.name, ()))
            else:
                commands.append(command)
        return commands

    def _tokenize(self, source: Source) -> list[Token]:
        """Returns the tokens of a text with foreign syntax repaired and reported."""
        tokens = tokenize_source(source)
        if source.ours:
            return tokens
        tokens, diagnostics = repair_foreign_syntax(source, tokens, tokenize_text, self._operators)
        for diagnostic in diagnostics:
            self._diagnostics.add(diagnostic)
        return tokens

    def _import(self, name: str, span: Span, folder: Path) -> list[Command]:
        bare = name.removesuffix(".imgql")
        if bare in NAMESPACES:
            self.namespaces.add(bare)
        if bare in BUNDLED:
            return self._bundled(bare)
        name = from_home(name)
        candidates = [folder / name, folder / f"{name}.imgql", Path(name), Path(f"{name}.imgql")]
        candidates += [on_disk(each) for each in candidates]  # exact names have priority
        path = next((each for each in candidates if each.is_file()), None)
        if path is None:
            known = ", ".join(f'"{each}"' for each in BUNDLED)
            hint = f"voxgpu brings {known}; other names are files, looked for beside the program"
            self._diagnostics.add(Diagnostic("E108", f"there is no `{name}`", span, help=hint))
            return []
        key = str(path.resolve())
        if key in self._seen:
            return []
        self._seen.add(key)
        try:
            text = self._read_text(path)
        except UnicodeDecodeError as error:
            self._diagnostics.add(not_text(str(path), error, span))
            return []
        except self._refusals as error:
            said = str(error)
            message = said if said.startswith("cannot read") else f"cannot read `{name}`: {said}"
            self._diagnostics.add(Diagnostic("E108", message, span))
            return []
        return self._commands(Source(str(path), text), path.parent)

    def _bundled(self, name: str) -> list[Command]:
        if not BUNDLED[name] or name in self._seen:
            return []
        self._seen.add(name)
        key = name, self._dialect, self._overrides, frozenset(self._operators.items())
        if key not in _PARSED:
            before = dict(self._operators)
            text = Path(__file__).with_name(BUNDLED[name]).read_text("utf-8")
            commands = self._commands(Source(BUNDLED[name], text, ours=True), Path())
            _PARSED[key] = (
                commands,
                {
                    sign: arities
                    for sign, arities in self._operators.items()
                    if before.get(sign) != arities
                },
            )
        commands, declared = _PARSED[key]
        self._operators |= declared
        return list(commands)


def not_text(name: str, error: UnicodeDecodeError, span: Span | None = None) -> Diagnostic:
    """Returns the diagnostic for a program that is not UTF-8, with line and invalid byte."""
    line = error.object[: error.start].count(b"\n") + 1
    byte = error.object[error.start]
    message = f"`{name}` is not UTF-8 text: byte 0x{byte:02x} in line {line}"
    hint = "save the program as UTF-8"
    return Diagnostic("E109", message, span, help=hint)


def operators_of(names: Mapping[str, frozenset[int]]) -> Operators:
    """Returns the names that the parser must know in advance: signs, and names in capitals."""
    return {
        name: arities
        for name, arities in names.items()
        if name.isupper() or not (name[0].isalpha() or name[0] == "_")
    }
