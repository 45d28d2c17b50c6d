"""Parser callbacks that build the syntax tree: one method per grammar rule."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.language.ast import (
    Array,
    BooleanLiteral,
    Call,
    Command,
    Dialect,
    Expression,
    Filter,
    Fold,
    For,
    If,
    Import,
    Index,
    Let,
    Load,
    Local,
    Mistake,
    Name,
    NumberLiteral,
    Operator,
    Print,
    Save,
    Slice,
    TextLiteral,
    Variable,
)
from voxgpu.language.lexer import Token
from voxgpu.language.precedence import Piece, read_chain

_NUMBERS = {"inf": float("inf"), "nan": float("nan")}
_IN_TEXT = re.compile(
    r"\\(?P<escape>.)|\$\{(?P<braced>[^\W\d]\w*)\}|\$(?P<plain>[^\W\d]\w*)", re.DOTALL
)
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class Builder:
    """Builds commands while the parser reduces grammar rules; ``begin`` sets the source."""

    commands: list[Command]
    diagnostics: list[Diagnostic]

    def begin(self, source: Source, dialect: Dialect) -> None:
        """Clears all state and starts on a new source."""
        self._source = source
        self._dialect = dialect
        self.commands = []
        self.diagnostics = []

    def _span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self._source, first.start_pos, (last or first).end_pos)

    def keep_name(self, tokens: list[Token]) -> None:
        """Binds the name that an erroneous command declares.

        This prevents follow-up errors about uses of the name.
        """
        bound = [token for token in tokens[:2] if token.type in ("DECLARED", "NAME")]
        if not bound or tokens[0].type in ("PRINT", "SAVE"):
            return
        name, span = bound[0], self._span(tokens[0], tokens[-1])
        after = tokens[tokens.index(name) + 1 :]
        parameters = None
        if after and after[0].type == "LPAR":
            inside = takewhile(lambda token: token.type in ("LPAR", "NAME", "_COMMA"), after)
            parameters = tuple(str(token) for token in inside if token.type == "NAME")
        self.commands.append(Let(str(name), parameters, Mistake(span), self._span(name), span))

    # Commands.

    def start(self, _: list[Any]) -> None:
        """Does nothing: commands are stored early, so that later errors cannot lose them."""

    def load_command(self, inside: list[Any]) -> None:
        load, name, _, path = inside
        span = Span(self._source, load.start_pos, path.span.stop)
        self.commands.append(Load(str(name), path, self._span(name), span))

    def let_command(self, inside: list[Any]) -> None:
        first, body = inside[0], inside[-1]
        name = inside[1] if first.type == "LET" else first
        parameters = inside[-3] if isinstance(inside[-3], tuple) else None
        span = Span(self._source, first.start_pos, body.span.stop)
        self.commands.append(Let(str(name), parameters, body, self._span(name), span))

    def save_command(self, inside: list[Any]) -> None:
        save, target, value = inside
        span = Span(self._source, save.start_pos, value.span.stop)
        self.commands.append(Save(target, value, span))

    def print_command(self, inside: list[Any]) -> None:
        keyword, target, value = inside
        span = Span(self._source, keyword.start_pos, value.span.stop)
        self.commands.append(Print(target, value, span))

    def import_command(self, inside: list[Any]) -> None:
        text = self.text(inside[1:])
        name = "".join(part if isinstance(part, str) else f"${part.name}" for part in text.parts)
        self.commands.append(Import(name, text.span))

    def parameters(self, inside: list[Token]) -> tuple[str, ...]:
        names = tuple(str(token) for token in inside[1:-1])
        for index, token in enumerate(inside[1:-1]):
            if token in names[:index]:
                message = f"two parameters are called `{token}`"
                self.diagnostics.append(Diagnostic("E100", message, self._span(token)))
        return names

    # Operator chains.

    def chain_of_one(self, inside: list[Any]) -> list[Piece]:
        pieces: list[Piece] = []
        _append(pieces, inside[0])
        return pieces

    def chain_longer(self, inside: list[Any]) -> list[Piece]:
        pieces, operator, operand = inside
        pieces.append(Operator(str(operator), False, self._span(operator)))
        _append(pieces, operand)
        return pieces  # type: ignore[no-any-return]

    def chain_with_extra(self, inside: list[Any]) -> list[Piece]:
        pieces, operator, _, extra, _, operand = inside
        pieces.append(Operator(str(operator), False, self._span(operator), tuple(extra)))
        _append(pieces, operand)
        return pieces  # type: ignore[no-any-return]

    def prefix(self, inside: list[Any]) -> list[Piece] | Call:
        """Returns the operand followed by its prefix operators, innermost first.

        A sign directly before a number, as in `-3 - x`, is part of the literal in every dialect.
        """
        operator, operand = inside
        if operator == "-" and isinstance(operand, NumberLiteral):
            span = self._span(operator)
            if span.stop == operand.span.start:
                return Call("-", (operand,), span, span.to(operand.span))
        pieces = operand if isinstance(operand, list) else [operand]
        pieces.append(Operator(str(operator), True, self._span(operator)))
        return pieces

    def infix(self, inside: list[list[Piece]]) -> Expression:
        pieces = inside[0]
        if len(pieces) == 1:
            return pieces[0]  # type: ignore[return-value]
        expression, diagnostic = read_chain(pieces, self._dialect)
        if diagnostic:
            self.diagnostics.append(diagnostic)
        return expression

    # Operands.

    def number(self, inside: list[Token]) -> NumberLiteral:
        token = inside[0]
        value = _NUMBERS.get(token)
        if value is None:
            value = float(token)
            digits = token.lstrip("0") or "0"
            if digits.isdecimal() and value < _NUMBERS["inf"] and value != int(digits):
                message = f"{token} is read as {int(value)}: numbers are 64-bit floating-point"
                self.diagnostics.append(Diagnostic("W103", message, self._span(token)))
        return NumberLiteral(value, self._span(token))

    def true(self, inside: list[Token]) -> BooleanLiteral:
        return BooleanLiteral(True, self._span(inside[0]))

    def false(self, inside: list[Token]) -> BooleanLiteral:
        return BooleanLiteral(False, self._span(inside[0]))

    def variable(self, inside: list[Token]) -> Variable:
        return Variable(inside[0][1:], self._span(inside[0]))

    def name(self, inside: list[Token]) -> Name:
        return Name(str(inside[0]), self._span(inside[0]))

    def call(self, inside: list[Any]) -> Call:
        name, arguments, closing = inside[0], inside[2], inside[-1]
        operands = tuple(arguments) if isinstance(arguments, list) else ()
        return Call(str(name), operands, self._span(name), self._span(name, closing))

    def operator_call(self, inside: list[Any]) -> Call:
        name, _, first, rest, closing = inside
        return Call(str(name), (first, *rest), self._span(name), self._span(name, closing))

    def parenthesized(self, inside: list[Any]) -> Expression:
        return inside[1]  # type: ignore[no-any-return]

    def array(self, inside: list[Any]) -> Array:
        items = inside[1] if len(inside) > 2 else ()
        return Array(tuple(items), self._span(inside[0], inside[-1]))

    def local(self, inside: list[Any]) -> Local:
        let, name, _, value, _, body = inside
        span = Span(self._source, let.start_pos, body.span.stop)
        return Local(str(name), value, body, self._span(name), span)

    def infix_open(self, inside: list[Any]) -> Expression:
        return self.infix([self.chain_longer(inside)])

    def choice(self, inside: list[Any]) -> If:
        opening, condition, _, yes, _, no = inside
        return If(condition, yes, no, self._from(opening, no))

    def loop(self, inside: list[Any]) -> For:
        opening, name, _, sequence, _, body = inside
        return For(str(name), sequence, body, self._span(name), self._from(opening, body))

    def selection(self, inside: list[Any]) -> Filter:
        opening, name, _, sequence, _, body = inside
        return Filter(str(name), sequence, body, self._span(name), self._from(opening, body))

    def fold(self, inside: list[Any]) -> Fold:
        opening, name, sequence = inside
        return Fold(str(name), None, sequence, self._span(name), self._from(opening, sequence))

    def fold_from(self, inside: list[Any]) -> Fold:
        opening, name, start, sequence = inside
        return Fold(str(name), start, sequence, self._span(name), self._from(opening, sequence))

    def fold_from_signed(self, inside: list[Any]) -> Fold:
        opening, name, sign, start, sequence = inside
        span = self._span(sign)
        signed = Call(str(sign), (start,), span, span.to(start.span))
        return self.fold_from([opening, name, signed, sequence])

    def _from(self, opening: Token, last: Expression) -> Span:
        return Span(self._source, opening.start_pos, last.span.stop)

    # Indexing, slices and argument lists.

    def index(self, inside: list[Any]) -> Index:
        sequence, _, position, closing = inside
        return Index(sequence, position, self._until(sequence, closing))

    def slice(self, inside: list[Any]) -> Slice:
        return Slice(inside[0], None, None, self._until(inside[0], inside[-1]))

    def slice_from(self, inside: list[Any]) -> Slice:
        return Slice(inside[0], inside[2], None, self._until(inside[0], inside[-1]))

    def slice_to(self, inside: list[Any]) -> Slice:
        return Slice(inside[0], None, inside[3], self._until(inside[0], inside[-1]))

    def slice_between(self, inside: list[Any]) -> Slice:
        return Slice(inside[0], inside[2], inside[4], self._until(inside[0], inside[-1]))

    def _until(self, first: Expression, closing: Token) -> Span:
        return Span(self._source, first.span.start, closing.end_pos)

    def arguments_of_one(self, inside: list[Expression]) -> list[Expression]:
        return inside

    def arguments_longer(self, inside: list[Any]) -> list[Expression]:
        arguments, last = inside
        arguments.append(last)
        return arguments  # type: ignore[no-any-return]

    def text(self, inside: list[Token]) -> TextLiteral:
        token = inside[0]
        return TextLiteral(tuple(self._text_parts(token)), self._span(token))

    def _text_parts(self, token: Token) -> list[str | Variable]:
        parts: list[str | Variable] = []
        written, base = token[1:-1], (token.start_pos) + 1
        plain, position = "", 0
        for match in _IN_TEXT.finditer(written):
            plain += written[position : match.start()]
            position = match.end()
            span = Span(self._source, base + match.start(), base + match.end())
            name = match["braced"] or match["plain"]
            if name:
                parts += [plain, Variable(name, span)]
                plain = ""
            else:
                plain += self._escape(match["escape"], span)
        parts.append(plain + written[position:])
        return [part for part in parts if part != ""]

    def _escape(self, char: str, span: Span) -> str:
        if char not in _ESCAPES:
            message = f"`\\{char}` means nothing in a string"
            hint = r"write `\\` for a backslash; the others are `\"`, `\n` and `\t`"
            self.diagnostics.append(Diagnostic("E100", message, span, help=hint))
        return _ESCAPES.get(char, char)


def _append(pieces: list[Piece], operand: Any) -> None:
    """Appends an operand after its prefix operators, which the parser collects in reverse order."""
    if isinstance(operand, list):
        pieces.extend(reversed(operand))
    else:
        pieces.append(operand)
