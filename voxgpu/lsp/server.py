"""The server: messages of editors over standard input and output, answered by ``analysis``."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from voxgpu.compile import Options
from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.language.formatting import UnstableLayoutError, formatted
from voxgpu.lsp.analysis import Analysis, Completion, Manual, library_file
from voxgpu.lsp.positions import SourcePositions
from voxgpu.read_syntax import read_syntax
from voxgpu.version import __version__

#: Seconds without a change after which the messages about a document are sent.
_QUIET = 0.2

#: Mistakes that depend on how a program is run, not on its text.
_ABOUT_RUNS = ("E104", "E201")

_KINDS = {
    "function": types.CompletionItemKind.Function,
    "value": types.CompletionItemKind.Variable,
    "keyword": types.CompletionItemKind.Keyword,
    "file": types.CompletionItemKind.File,
}


def serve(options: Options) -> None:
    """Answers an editor until it says that it ends, or closes standard input.

    options  how programs are compiled: program variables, dialect, primitives, allowed folders
    """
    # What libraries print would be taken for messages: only the server writes to the real output.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    create(options).start_io(sys.stdin.buffer, out)


class _Documents:
    """The analyses of open documents, one for each version, and the messages that are due."""

    def __init__(self, server: LanguageServer, options: Options) -> None:
        self._server = server
        self._options = options
        self._manual = Manual(options)
        self._known: dict[str, tuple[int | None, Analysis]] = {}
        self._due: dict[str, asyncio.TimerHandle] = {}

    def analysis(self, uri: str) -> Analysis:
        document = self._server.workspace.get_text_document(uri)
        version, known = self._known.get(uri, (None, None))
        if known is None or version != document.version or known.text != document.source:
            known = Analysis(document.source, path_of(uri), self._options, self._manual)
            self._known[uri] = (document.version, known)
        return known

    def positions(self, analysis: Analysis) -> SourcePositions:
        units = self._server.workspace.position_codec.client_num_units
        return SourcePositions(analysis.text, analysis.source, units)

    def range_of(self, span: Span, analysis: Analysis) -> types.Range:
        """The range of a span, of the document itself or of another file."""
        positions = self.positions(analysis)
        if span.source is not analysis.source:
            units = self._server.workspace.position_codec.client_num_units
            positions = SourcePositions(span.source.text, span.source, units)
        return types.Range(_position(positions, span.start), _position(positions, span.stop))

    def offset(self, analysis: Analysis, position: types.Position) -> int:
        return self.positions(analysis).offset(position.line, position.character)

    def announce(self, uri: str) -> None:
        """Sends the messages about a document when it has been quiet for a moment."""
        self._forget_due(uri)
        loop = asyncio.get_running_loop()
        self._due[uri] = loop.call_later(_QUIET, self._publish, uri)

    def close(self, uri: str) -> None:
        self._forget_due(uri)
        self._known.pop(uri, None)
        self._send(uri, [])

    def _forget_due(self, uri: str) -> None:
        due = self._due.pop(uri, None)
        if due is not None:
            due.cancel()

    def _publish(self, uri: str) -> None:
        self._due.pop(uri, None)
        analysis = self.analysis(uri)
        found = [self._diagnostic(each, analysis, uri) for each in analysis.compiled.diagnostics]
        self._send(uri, found)

    def _send(self, uri: str, found: list[types.Diagnostic]) -> None:
        self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    def _diagnostic(self, each: Diagnostic, analysis: Analysis, uri: str) -> types.Diagnostic:
        span = each.span
        if span is None or span.source is not analysis.source:
            # Of another file, or of none: it is told at the beginning.
            where = types.Range(types.Position(0, 0), types.Position(0, 0))
        else:
            where = self.range_of(span, analysis)
        related = [
            types.DiagnosticRelatedInformation(
                types.Location(uri, self.range_of(note.span, analysis)), note.message
            )
            for note in each.notes
            if note.span and note.span.source is analysis.source
        ]
        said = [each.message, *(note.message for note in each.notes if note.span is None)]
        if span is not None and span.source is not analysis.source:
            said[0] = f"{span}: {said[0]}"
        if each.help:
            said.append(f"help: {each.help}")
        return types.Diagnostic(
            where,
            "\n".join(said),
            severity=_severity(each),
            code=each.code,
            source="voxgpu",
            related_information=related,
        )


def _severity(each: Diagnostic) -> types.DiagnosticSeverity:
    if each.code in _ABOUT_RUNS:
        return types.DiagnosticSeverity.Information
    if each.is_error:
        return types.DiagnosticSeverity.Error
    return types.DiagnosticSeverity.Warning


def _position(positions: SourcePositions, offset: int) -> types.Position:
    return types.Position(*positions.position(offset))


def create(options: Options) -> LanguageServer:
    """Creates the server with all that it can do."""
    server = LanguageServer("voxgpu", __version__)
    answers = _Answers(_Documents(server, options), options)
    for message, answer in (
        (types.TEXT_DOCUMENT_DID_OPEN, answers.did_open),
        (types.TEXT_DOCUMENT_DID_CHANGE, answers.did_change),
        (types.TEXT_DOCUMENT_DID_CLOSE, answers.did_close),
        (types.TEXT_DOCUMENT_HOVER, answers.hover),
        (types.TEXT_DOCUMENT_DEFINITION, answers.definition),
        (types.TEXT_DOCUMENT_FORMATTING, answers.formatting),
    ):
        server.feature(message)(_as_function(answer))
    after_a_dot = types.CompletionOptions(trigger_characters=["."])
    completion = _as_function(answers.completion)
    server.feature(types.TEXT_DOCUMENT_COMPLETION, after_a_dot)(completion)
    return server


def _as_function(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function, which can have the attributes that pygls gives to it, of a method."""

    def answered(params: Any) -> Any:
        return answer(params)

    return answered


class _Answers:
    """The answer to each message, named like it in LSP."""

    def __init__(self, documents: _Documents, options: Options) -> None:
        self._documents = documents
        self._options = options

    def did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._documents.announce(params.text_document.uri)

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self._documents.announce(params.text_document.uri)

    def did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._documents.close(params.text_document.uri)

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        analysis = self._documents.analysis(params.text_document.uri)
        found = analysis.hover(self._documents.offset(analysis, params.position))
        if found is None:
            return None
        text, span = found
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, self._documents.range_of(span, analysis))

    def completion(self, params: types.CompletionParams) -> types.CompletionList:
        analysis = self._documents.analysis(params.text_document.uri)
        offset = self._documents.offset(analysis, params.position)
        return types.CompletionList(False, [_item(each) for each in analysis.completions(offset)])

    def definition(self, params: types.DefinitionParams) -> types.Location | None:
        uri = params.text_document.uri
        analysis = self._documents.analysis(uri)
        found = analysis.definition(self._documents.offset(analysis, params.position))
        if found is None:
            return None
        if isinstance(found, Path):
            start = types.Position(0, 0)
            return types.Location(found.as_uri(), types.Range(start, start))
        at = uri if found.source is analysis.source else _uri_of(found.source)
        return types.Location(at, self._documents.range_of(found, analysis))

    def formatting(self, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        uri = params.text_document.uri
        analysis = self._documents.analysis(uri)
        text = _laid_out(analysis.source, path_of(uri), self._options)
        if text is None or text == analysis.text:
            return []
        end = self._documents.positions(analysis).position(len(analysis.source.text))
        whole = types.Range(types.Position(0, 0), types.Position(*end))
        return [types.TextEdit(whole, text)]


def _laid_out(source: Source, path: Path | None, options: Options) -> str | None:
    """The text in its layout; None if it has mistakes in its syntax."""
    operators, mistakes = read_syntax(source, path, options)
    if mistakes:
        return None
    try:
        return formatted(source, operators)
    except UnstableLayoutError:
        return None


def _item(each: Completion) -> types.CompletionItem:
    doc: Any = types.MarkupContent(types.MarkupKind.Markdown, each.doc) if each.doc else None
    return types.CompletionItem(
        each.name, kind=_KINDS[each.kind], detail=each.detail or None, documentation=doc
    )


def path_of(uri: str) -> Path | None:
    """The file of a document; None for documents that are no files, such as ``untitled:1``."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    path = unquote(parts.path)
    if os.name == "nt":
        path = path.lstrip("/")
    return Path(path)


def _uri_of(source: Source) -> str:
    path = library_file(source.name) if source.ours else Path(source.name)
    return path.resolve().as_uri()
