"""Classification of operators and names as prefix, infix, operand or declaration.

The grammar alone cannot decide: ``N`` may be a name or a prefix operator, ``>-`` one operator or
two, and a command ends where a name follows an operand. One pass over the tokens decides, from the
operators that are bound and whether an operand is expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voxgpu.language.brackets import DEEPEST, OPENING, matching
from voxgpu.language.lexer import COMMANDS, ENDS_OPERAND, STARTS_OPERAND, Token, join, split_run

#: The numbers of operands accepted by each operator, and by each name in capitals.
Operators = Mapping[str, frozenset[int]]


@dataclass
class Classified:
    """Tokens with their final types, and the operators that the program declares."""

    tokens: list[Token] = field(default_factory=list)
    declared: dict[str, frozenset[int]] = field(default_factory=dict)


def classify(tokens: list[Token], known: Operators) -> Classified:
    """Determines the role of every operator and name from its context."""
    return _Classifier(tokens, known).classify()


class _Classifier:
    """A single pass from left to right; ``_expecting`` is true where an operand must follow."""

    def __init__(self, tokens: list[Token], known: Operators) -> None:
        self._tokens = tokens
        self._closing = matching(tokens)
        self._known = dict(known)
        self._result = Classified()
        self._expecting = False
        self._operand_after: set[int] = set()
        self._outside: list[tuple[dict[str, frozenset[int]], bool]] = []
        self._locals: dict[str, frozenset[int]] = {}
        #: Bracket depth of a fold whose initial value may follow; -1 if there is none.
        self._folding = -1
        self._declare_operators()

    def classify(self) -> Classified:
        index = 0
        while index < len(self._tokens):
            index = self._step(index)
        return self._result

    def _step(self, index: int) -> int:
        """Processes the token at ``index`` and returns the index of the next one to process."""
        token = self._tokens[index]
        kind = token.type
        if kind in COMMANDS:
            return self._command(index)
        if kind == "NAME":
            return self._name(index)
        if kind == "INFIX":
            return self._colon(index) or self._operator(index)
        if kind == "FOR":
            return self._loop(index)
        if kind in OPENING:
            is_index = kind == "LSQB" and not self._expecting and self._follows_sequence(index)
            if is_index and self._begins_last_of_fold(index):
                is_index = False
            self._emit_as("INDEX" if is_index else kind, token)
            self._open(is_index)
        elif kind in OPENING.values():
            self._emit(token)
            self._close()
        else:
            self._emit(token)
        # An invalid token may stand for an operand: a `let` after it starts a command.
        ends = kind in ENDS_OPERAND or kind == "BAD"
        self._expecting = not ends or index in self._operand_after
        return index + 1

    def _open(self, is_index: bool) -> None:
        self._outside.append((self._locals, is_index))

    def _close(self) -> None:
        """Ends the scope of names bound by `let … in` inside the brackets."""
        if self._outside:
            self._locals, _ = self._outside.pop()

    def _follows_sequence(self, index: int) -> bool:
        """Returns whether the token before ``[`` can be indexed; in `fold + 0 [1, 2]` it cannot."""
        return self._is(index - 1, "NAME", "VARIABLE", "RPAR", "RSQB")

    def _begins_last_of_fold(self, index: int) -> bool:
        """Returns whether a blank before ``[`` separates a fold's start from its sequence."""
        if self._folding != len(self._outside):
            return False
        self._folding = -1
        return self._tokens[index - 1].end_pos < self._tokens[index].start_pos

    def _colon(self, index: int) -> int:
        """Splits off the ``:`` of a slice from an adjacent operator, as in ``xs[1:-1]``."""
        token = self._tokens[index]
        if not token.startswith(":") or not self._outside or not self._outside[-1][1]:
            return 0
        self._emit(Token.at("COLON", ":", token.start_pos))
        self._expecting = True
        if len(token) == 1:
            return index + 1
        self._tokens[index] = Token.at("INFIX", token[1:], token.start_pos + 1)
        return index

    def _loop(self, index: int) -> int:
        """Processes the bound name of ``for x`` or ``filter x``, which may be in capitals."""
        self._emit(self._tokens[index])
        self._expecting = True
        if not self._is(index + 1, "NAME"):
            return index + 1
        name = self._tokens[index + 1]
        self._emit(name)
        if name.isupper():
            self._locals = {**self._locals, str(name): frozenset()}
        return index + 2

    def _fold(self, index: int) -> int:
        """Processes ``fold`` and its function; returns 0 if ``fold`` is an ordinary name here."""
        following = index + 1
        if not self._expecting:
            return 0
        if self._is(following, "LSQB", "NUMBER", "TEXT") and not self._touches(index):
            # The function is missing, which the parser reports.
            self._emit_as("FOLD", self._tokens[index])
            return following
        if not self._is(following, "NAME", "INFIX"):
            return 0
        token = self._tokens[following]
        if self._starts_declaration(following) and token.type == "NAME":
            return 0
        parts = [token]
        if token.type == "INFIX":
            parts = self._split(token, (2, 1)) or [token]
        self._folding = len(self._outside)
        self._mark_bare(following + 1)
        self._emit_as("FOLD", self._tokens[index])
        self._emit_as("FUNCTION", parts[0])
        self._expecting = True
        if len(parts) == 1:
            return following + 1
        start = parts[1].start_pos
        self._tokens[following] = Token.at("INFIX", token[len(parts[0]) :], start)
        return following

    def _command(self, index: int) -> int:
        token = self._tokens[index]
        is_local = token.type == "LET" and self._expecting
        self._emit_as("LOCAL" if is_local else token.type, token)
        self._expecting = True
        following = index + 1
        if not is_local:
            self._locals = {}
            self._outside.clear()
        if token.type in ("SAVE", "PRINT"):
            # After the file name or label, an operand is expected again, not an operator.
            self._operand_after.add(self._closing.get(following, following))
        if token.type == "LET" and self._is(following, "NAME", "INFIX"):
            name, after = self._declared_name(following)
            return self._head(name, after, is_local)
        if token.type == "LOAD" and self._is(following, "NAME"):
            self._emit(self._tokens[following])
            return self._equal(following + 1)
        return following

    def _name(self, index: int) -> int:
        token = self._tokens[index]
        if not self._expecting and self._starts_declaration(index):
            self._locals = {}
            return self._head(token, index + 1)
        if token == "filter" and self._expecting and self._is(index + 2, "IN"):
            self._tokens[index] = Token.at("FILTER", token, token.start_pos)
            return self._loop(index)
        folded = self._fold(index) if token == "fold" else 0
        if folded:
            return folded
        if not token.isupper():
            self._emit(token)
            self._expecting = False
            return index + 1
        joined = self._joined(index)
        if joined:
            self._emit_as("PREFIX", joined)
            self._expecting = True
            return index + 2
        return self._capitals(index)

    def _capitals(self, index: int) -> int:
        """Classifies a name in capitals as infix operator, prefix operator or operand."""
        token = self._tokens[index]
        arities = self._arities(token)
        if not self._expecting:
            self._emit_as("INFIX" if 2 in arities else "NAME", token)
            self._expecting = 2 in arities
            return self._extra(index + 1) if self._expecting else index + 1
        before = 1 in arities and self._operand_follows(index + 1)
        self._emit_as("PREFIX" if before else "NAME", token)
        self._expecting = before
        return index + 1

    def _touches(self, index: int) -> bool:
        """Returns whether the next token follows without a blank."""
        return self._tokens[index].end_pos == self._tokens[index + 1].start_pos

    def _mark_bare(self, index: int) -> None:
        """Marks the initial value of ``fold + first (xs)``, which is not a call like ``f(xs)``."""
        if not self._is(index, "NAME") or not self._is(index + 1, "LPAR"):
            return
        if self._tokens[index].end_pos < self._tokens[index + 1].start_pos:
            self._tokens[index] = Token.at(
                "BARE", str(self._tokens[index]), self._tokens[index].start_pos
            )

    def _operand_follows(self, index: int) -> bool:
        """Returns whether an operand starts here that a prefix operator may apply to."""
        if self._is(index, "INFIX"):
            # `N -a` is a subtraction, `N !a` is a prefix operator applied to an operand.
            return bool(self._split(self._tokens[index], (1,))) and not self._is_infix(index)
        if self._is(index, "NAME") and self._tokens[index].isupper():
            return not self._arities(self._tokens[index]) >= {2}
        return self._is(index, *STARTS_OPERAND) and not self._starts_declaration(index)

    def _operator(self, index: int) -> int:
        token = self._tokens[index]
        if not self._expecting:
            if self._starts_declaration(index):
                self._locals = {}
                return self._head(token, index + 1)
            if token == "=":
                return self._equal(index)
            parts = self._split(token, (2, 1)) or [token]
            self._emit_as("INFIX", parts[0])
            parts = parts[1:]
        elif self._is(index + 1, "_COMMA", "RPAR"):
            # An operator passed as an argument: `map(!, xs)`.
            self._emit_as("NAME", token)
            self._expecting = False
            return index + 1
        else:
            parts = self._split(token, (1,)) or [token]
        # The remaining parts are prefix operators, which take no bracketed arguments.
        for part in parts:
            self._emit_as("PREFIX", part)
        self._expecting = True
        return index + 1 if parts else self._extra(index + 1)

    def _extra(self, index: int) -> int:
        """Processes the ``[`` that opens an infix operator's own arguments, if there is one."""
        if not self._is_extra(index):
            return index
        self._emit_as("EXTRA", self._tokens[index])
        self._open(False)
        self._operand_after.add(self._closing[index])
        return index + 1

    def _is_extra(self, index: int) -> bool:
        """Returns whether ``[`` opens an operator's own arguments: an operand follows the ``]``."""
        after = self._closing.get(index, -1) + 1
        if not self._is(index, "LSQB") or not after or self._is(after, "LSQB"):
            # In `1 + [10, 20][0]`, the brackets are an array that is indexed.
            return False
        return self._is(after, *STARTS_OPERAND) and not self._starts_declaration(after)

    def _split(self, token: Token, arities: tuple[int, ...]) -> list[Token]:
        """Splits a run of signs into operators: the longest bound one first, then prefix operators.

        Returns an empty list if impossible; name resolution then reports the run as unbound.
        """
        if len(token) > DEEPEST + 1:
            # Beyond the nesting limit, which the parser reports.
            are_prefix = all(1 in self._arities(each) for each in set(token))
            return split_run(token) if are_prefix else []
        arity, rest = arities[0], arities[1:] or arities
        for length in range(len(token), 0, -1):
            first = token[:length]
            if arity not in self._arities(first):
                continue
            start = token.start_pos
            head = Token.at("INFIX", first, start)
            if length == len(token):
                return [head]
            tail = self._split(Token.at("INFIX", token[length:], start + length), rest)
            if tail:
                return [head, *tail]
        return []

    def _starts_declaration(self, index: int) -> bool:
        """Returns whether ``name =`` or ``name(…) =`` starts here."""
        if not self._is(index, "NAME", "INFIX"):
            return False
        if self._begins_with_equal(index + 1):
            # `a == 1` at the start of a line is a comparison; `=-` and the like are not operators.
            return self._is(index, "NAME") and 2 not in self._arities(self._tokens[index + 1])
        after = self._closing.get(index + 1, -1) + 1
        if not after or not self._is(index + 1, "LPAR") or not self._is(after, "INFIX"):
            return False
        run = self._tokens[after]
        return run == "=" or (run.startswith("=") and not self._arities(run))

    def _begins_with_equal(self, index: int) -> bool:
        return self._is(index, "INFIX") and self._tokens[index].startswith("=")

    def _declared_name(self, index: int) -> tuple[Token, int]:
        """Returns the name after ``let``, which may combine letters and signs, such as ``B+``."""
        token = self._tokens[index]
        following = index + 1
        run = self._tokens[following] if self._adjoins(index) else "="
        if not run.startswith("=") and self._is(following + 1, "LPAR"):
            return join(token, self._tokens[following]), following + 1
        return token, following

    def _head(self, name: Token, index: int, is_local: bool = False) -> int:
        """Processes the head of a declaration after its name: parameters and ``=``."""
        self._emit_as("DECLARED", name)
        arity = 0
        end = self._closing.get(index, index)
        if self._is(index, "LPAR"):
            parameters = [t for t in self._tokens[index : end + 1] if t.type == "NAME"]
            arity = len(parameters)
            for token in self._tokens[index : end + 1]:
                self._emit(token)
            capitals = {str(p): frozenset[int]() for p in parameters if p.isupper()}
            self._locals = {**self._locals, **capitals}
            index = end + 1
        if is_local:
            self._locals = {**self._locals, str(name): frozenset()}
        elif name.isupper() or not name[0].isalpha():
            arities = frozenset({min(arity, 2)} - {0})
            self._known[str(name)] = self._result.declared[str(name)] = arities
        self._expecting = False
        return self._equal(index)

    def _equal(self, index: int) -> int:
        """Splits off the ``=`` of a declaration from an adjacent operator, as in ``=-1``."""
        if not self._begins_with_equal(index):
            return index
        token = self._tokens[index]
        start = token.start_pos
        self._emit(Token.at("EQUAL", "=", start))
        self._expecting = True
        if len(token) == 1:
            return index + 1
        self._tokens[index] = Token.at("INFIX", token[1:], start + 1)
        return index

    def _declare_operators(self) -> None:
        """Collects all declared operators first, since uses may precede their declaration."""
        for index, token in enumerate(self._tokens[:-1]):
            if token.type == "LET" and self._is(index + 1, "INFIX", "NAME"):
                name, after = self._declared_name(index + 1)
                if self._is(after, "LPAR") and not name[0].isalpha():
                    end = self._closing.get(after, after)
                    count = sum(t.type == "NAME" for t in self._tokens[after:end])
                    self._known.setdefault(str(name), frozenset({min(count, 2)}))

    def _joined(self, index: int) -> Token | None:
        """Returns the bound operator, such as ``B+``, that starts with this name, or None."""
        if not self._expecting or not self._adjoins(index):
            return None
        token = self._tokens[index]
        name = join(token, self._tokens[index + 1])
        is_plain_name = token in self._locals or token in self._result.declared
        return name if 1 in self._arities(name) and not is_plain_name else None

    def _adjoins(self, index: int) -> bool:
        if not self._is(index + 1, "INFIX") or not self._tokens[index].isupper():
            return False
        return self._tokens[index].end_pos == self._tokens[index + 1].start_pos

    def _is_infix(self, index: int) -> bool:
        return 2 in self._arities(self._tokens[index])

    def _arities(self, name: str) -> frozenset[int]:
        if name in self._locals:
            return self._locals[name]
        return self._known.get(name, frozenset())

    def _is(self, index: int, *kinds: str) -> bool:
        return 0 <= index < len(self._tokens) and self._tokens[index].type in kinds

    def _emit(self, token: Token) -> None:
        self._result.tokens.append(token)

    def _emit_as(self, kind: str, token: Token) -> None:
        if token.type == kind:
            self._result.tokens.append(token)
        else:
            self._result.tokens.append(Token.at(kind, str(token), token.start_pos))
