"""What is known of a document: its program after all stages, and answers about places in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from voxgpu.compile import Compiled, Options, compile_program, known_primitives, unread
from voxgpu.diagnostics import Diagnostics, Source, Span
from voxgpu.frozen import frozen
from voxgpu.language.imports import BUNDLED
from voxgpu.language.lexer import KEYWORDS
from voxgpu.lsp.scopes import (
    Bound,
    Named,
    binding_of,
    command_before,
    name_at,
    text_at,
    visible_before,
)
from voxgpu.manual import SPACE, NoSuchName, manual, named, namespace
from voxgpu.primitives.documentation import Entry

#: Files that an `import` may name.
_PROGRAMS = "*.imgql"


@frozen(slots=True)
class Completion:
    """A name that may be written.

    kind    `value`, `function`, `keyword` or `file`
    detail  one line: a signature, a type, or what binds it
    doc     its documentation
    """

    name: str
    kind: str
    detail: str = ""
    doc: str = ""


class Manual:
    """The documentation of all names of libraries, read once for a server."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries, without those of SimpleITK."""
        return manual(known_primitives(self._options.primitives, Diagnostics()))

    def of(self, name: str) -> list[Entry]:
        """The entries of a name, which may be that of a function of SimpleITK."""
        try:
            return named(name, self.entries)
        except NoSuchName:
            return []


class Analysis:
    """A version of a document.

    path  its file; None for one that has none yet
    """

    def __init__(self, text: str, path: Path | None, options: Options, manual: Manual) -> None:
        self.text = text
        self.source = Source(str(path) if path else "untitled", text)
        self._path = path
        self._options = options
        self._manual = manual

    @cached_property
    def compiled(self) -> Compiled:
        """The program after every stage, as far as it goes."""
        return compile_program(self.source, self._path, self._options, unread)

    def named_at(self, offset: int) -> Named | None:
        """The name or operator at an offset of the source."""
        return name_at(self.compiled.commands, self.source, offset)

    def hover(self, offset: int) -> tuple[str, Span] | None:
        """Markdown about the name at an offset, and where that is written."""
        if text_at(self.source, offset) is not None or self._in_comment(offset):
            return None
        name = self.named_at(offset)
        if name is None:
            return None
        bound = binding_of(self.compiled.commands, name)
        if bound is not None and not bound.span.source.ours:
            return self._about(bound), name.span
        entries = self._manual.of(name.name)
        if not entries:
            return None
        return "\n\n---\n\n".join(map(_markdown, entries)), name.span

    def _about(self, bound: Bound) -> str:
        head = bound.name
        if bound.let is not None and getattr(bound.let, "parameters", None):
            head += f"({', '.join(bound.let.parameters or ())})"  # type: ignore[union-attr]
        kind = self._type(bound)
        what = f"{head}: {kind}" if kind else f"{bound.kind} {head}"
        comment = _comment_above(bound.span)
        return f"```imgql\n{what}\n```" + (f"\n\n{comment}" if comment else "")

    def _type(self, bound: Bound) -> str:
        """The type of a value of the top level; empty if it is not known."""
        program = self.compiled.program
        kinds = [
            str(program.main.steps[step].type)
            for step, name in program.names.items()
            if name == bound.name
        ]
        single = bound.let is not None and not getattr(bound.let, "parameters", None)
        known = single and kinds and kinds[-1] != "unknown"
        return kinds[-1] if known else ""

    def definition(self, offset: int) -> Span | Path | None:
        """Where the name at an offset is bound, or the file that an `import` names."""
        text = text_at(self.source, offset)
        if text is not None:
            is_import = command_before(self.source, text) == "IMPORT"
            return self._imported(text.strip('"')) if is_import else None
        if self._in_comment(offset):
            return None
        name = self.named_at(offset)
        bound = binding_of(self.compiled.commands, name) if name else None
        return bound.span if bound else None

    def _imported(self, name: str) -> Path | None:
        bare = name.removesuffix(".imgql")
        if BUNDLED.get(bare):
            return library_file(BUNDLED[bare])
        for folder in (self._folder, Path()):
            for each in (folder / name, folder / f"{name}.imgql"):
                if each.is_file():
                    return each.resolve()
        return None

    @property
    def _folder(self) -> Path:
        return self._path.parent if self._path else Path()

    def completions(self, offset: int) -> Iterator[Completion]:
        """What may be written at an offset; the editor keeps what begins like the word there."""
        text = text_at(self.source, offset)
        if text is not None:
            if command_before(self.source, text) == "IMPORT":
                yield from self._imports()
            return
        if self._in_comment(offset):
            return
        word = re.search(r"[\w.]*$", self.source.text[:offset])
        if word and word[0].startswith(f"{SPACE}."):
            yield from _of_entries(namespace(), qualified=False)
            return
        mine = visible_before(self.compiled.commands, self.source, offset)
        for bound in mine:
            is_function = bool(getattr(bound.let, "parameters", None))
            detail = self._type(bound) or bound.kind
            kind = "function" if is_function else "value"
            yield Completion(bound.name, kind, detail, _comment_above(bound.span))
        hidden = {each.name for each in mine}
        others = _of_entries(self._manual.entries)
        yield from (each for each in others if each.name not in hidden)
        for keyword in sorted({*KEYWORDS, "filter", "fold"} - hidden):
            yield Completion(keyword, "keyword")

    def _imports(self) -> Iterator[Completion]:
        yield from (Completion(name, "file", "comes with voxgpu") for name in BUNDLED)
        for each in sorted(self._folder.glob(_PROGRAMS)):
            if each != self._path:
                yield Completion(each.stem, "file", each.name)

    def _in_comment(self, offset: int) -> bool:
        line = self.source.text.rfind("\n", 0, offset) + 1
        # Strings are taken out, since `//` in one begins no comment.
        before = re.sub(r'"(?:[^"\\\n]|\\[^\n])*"', "", self.source.text[line:offset])
        return "//" in before


def library_file(name: str) -> Path:
    """The file of a library that comes with voxgpu."""
    return Path(str(files("voxgpu.language").joinpath(name)))


def _of_entries(entries: Sequence[Entry], qualified: bool = True) -> Iterator[Completion]:
    for entry in entries:
        kind = "keyword" if entry.family in ("command", "expression", "type") else "function"
        for name in entry.names:
            shown = name if qualified else name.rpartition(".")[2]
            if kind == "function" and shown[0].isalpha() and shown.replace(".", "_").isidentifier():
                is_function = any("(" in each for each in entry.signatures)
                detail = entry.signatures[0] if entry.signatures else ""
                yield Completion(
                    shown, "function" if is_function else "value", detail, entry.summary
                )


def _markdown(entry: Entry) -> str:
    signatures = "\n".join(entry.signatures) or " ".join(entry.names)
    text, _, example = entry.doc.partition(">>>")
    parts = [f"```imgql\n{signatures}\n```", text.replace("``", "`").strip()]
    if example:
        parts.append(f"```\n>>>{example.rstrip()}\n```")
    if entry.after:
        parts.append(f"After `{entry.after}`.")
    return "\n\n".join(filter(None, parts))


def _comment_above(span: Span) -> str:
    """The comment in the lines directly above a place."""
    line, _ = span.source.line_and_column(span.start)
    found: list[str] = []
    while line > 1:
        line -= 1
        text = span.source.line(line).strip()
        if not text.startswith("//"):
            break
        found.append(text.lstrip("/").strip())
    return "\n".join(reversed(found))
