"""What are the words of a program, and is an operator before, between, or being declared?

The grammar alone cannot say: ``N`` may be a name or stand before an operand, ``>-`` may be one
operator or two, and a command ends where a name follows an operand. One pass over the words
decides, knowing which operators are bound and whether an operand is expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voxgpu.language.brackets import DEEPEST, OPENING, matching
from voxgpu.language.lexer import COMMANDS, ENDS_OPERAND, STARTS_OPERAND, Token, join, signs

#: Names of operators and of names in capitals, with the numbers of operands they take.
Operators = Mapping[str, frozenset[int]]


@dataclass
class Classified:
    """The words with their final types, and the operators that the program declares."""

    tokens: list[Token] = field(default_factory=list)
    declared: dict[str, frozenset[int]] = field(default_factory=dict)


def classify(tokens: list[Token], known: Operators) -> Classified:
    """Decides of every operator and name what it does where it stands."""
    return _Classifier(tokens, known).classify()


class _Classifier:
    """One pass from left to right; ``expecting`` says whether an operand must come next."""

    def __init__(self, tokens: list[Token], known: Operators) -> None:
        self._tokens = tokens
        self._closing = matching(tokens)
        self._known = dict(known)
        self._result = Classified()
        self._expecting = False
        self._operand_after: set[int] = set()
        self._outside: list[tuple[dict[str, frozenset[int]], bool]] = []
        self._locals: dict[str, frozenset[int]] = {}
        #: How many brackets are open around a fold whose first value may come; -1 for none.
        self._folding = -1
        self._declare_operators()

    def classify(self) -> Classified:
        index = 0
        while index < len(self._tokens):
            index = self._step(index)
        return self._result

    def _step(self, index: int) -> int:
        """Handles the word at ``index`` and returns the index of the next one to handle."""
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
        # What is no word may have been an operand: a `let` after it begins a command.
        ends = kind in ENDS_OPERAND or kind == "BAD"
        self._expecting = not ends or index in self._operand_after
        return index + 1

    def _open(self, is_index: bool) -> None:
        self._outside.append((self._locals, is_index))

    def _close(self) -> None:
        """What `let … in` bound inside the brackets is bound no more."""
        if self._outside:
            self._locals, _ = self._outside.pop()

    def _follows_sequence(self, index: int) -> bool:
        """Whether the word before ``[`` can be indexed: `fold + 0 [1, 2]` has no index in it."""
        return self._is(index - 1, "NAME", "VARIABLE", "RPAR", "RSQB")

    def _begins_last_of_fold(self, index: int) -> bool:
        """Whether a blank before ``[`` tells a fold's first value from what it goes over."""
        if self._folding != len(self._outside):
            return False
        self._folding = -1
        return self._tokens[index - 1].end_pos < self._tokens[index].start_pos

    def _colon(self, index: int) -> int:
        """The ``:`` of a slice, even where an operator is glued to it, as in ``xs[1:-1]``."""
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
        """``for x`` and ``filter x``: the name stands for a value, in capitals or not."""
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
        """``fold`` and the function after it; 0 where it is the name of a function called."""
        following = index + 1
        if not self._expecting:
            return 0
        if self._is(following, "LSQB", "NUMBER", "TEXT") and not self._touches(index):
            # Its function is missing, which the parser tells.
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
        """A name in capitals: between two operands, before one, or just a name."""
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
        """Whether there is no blank after a word."""
        return self._tokens[index].end_pos == self._tokens[index + 1].start_pos

    def _mark_bare(self, index: int) -> None:
        """In ``fold + first (xs)`` the first value is no call; in ``fold + f(xs)`` there is one."""
        if not self._is(index, "NAME") or not self._is(index + 1, "LPAR"):
            return
        if self._tokens[index].end_pos < self._tokens[index + 1].start_pos:
            self._tokens[index] = Token.at(
                "BARE", str(self._tokens[index]), self._tokens[index].start_pos
            )

    def _operand_follows(self, index: int) -> bool:
        """Whether an operand begins here that a name in capitals can stand before."""
        if self._is(index, "INFIX"):
            # `N -a` is a difference, `N !a` is not.
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
            # An operator that is an argument itself: `map(!, xs)`.
            self._emit_as("NAME", token)
            self._expecting = False
            return index + 1
        else:
            parts = self._split(token, (1,)) or [token]
        # What is left are prefix operators, which have no arguments of their own.
        for part in parts:
            self._emit_as("PREFIX", part)
        self._expecting = True
        return index + 1 if parts else self._extra(index + 1)

    def _extra(self, index: int) -> int:
        """Goes over the ``[`` of an infix operator's own arguments, if that is what comes."""
        if not self._is_extra(index):
            return index
        self._emit_as("EXTRA", self._tokens[index])
        self._open(False)
        self._operand_after.add(self._closing[index])
        return index + 1

    def _is_extra(self, index: int) -> bool:
        """Whether ``[`` after an operator opens its own arguments: an operand follows ``]``."""
        after = self._closing.get(index, -1) + 1
        if not self._is(index, "LSQB") or not after or self._is(after, "LSQB"):
            # In `1 + [10, 20][0]` an item is added.
            return False
        return self._is(after, *STARTS_OPERAND) and not self._starts_declaration(after)

    def _split(self, token: Token, arities: tuple[int, ...]) -> list[Token]:
        """The operators that a run consists of: the longest first one, then prefix operators.

        Empty where that cannot be: then the whole run is an operator nobody bound, and name
        resolution says so.
        """
        if len(token) > DEEPEST + 1:
            # More prefix operators than may be nested, which the parser tells.
            return signs(token) if all(1 in self._arities(each) for each in set(token)) else []
        wanted, rest = arities[0], arities[1:] or arities
        for length in range(len(token), 0, -1):
            first = token[:length]
            if wanted not in self._arities(first):
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
        """Whether ``name =`` or ``name(…) =`` begins here."""
        if not self._is(index, "NAME", "INFIX"):
            return False
        if self._begins_with_equal(index + 1):
            # `a == 1` at the beginning of a line compares; `=-` and the like are no operators.
            return self._is(index, "NAME") and 2 not in self._arities(self._tokens[index + 1])
        after = self._closing.get(index + 1, -1) + 1
        if not after or not self._is(index + 1, "LPAR") or not self._is(after, "INFIX"):
            return False
        run = self._tokens[after]
        return run == "=" or (run.startswith("=") and not self._arities(run))

    def _begins_with_equal(self, index: int) -> bool:
        return self._is(index, "INFIX") and self._tokens[index].startswith("=")

    def _declared_name(self, index: int) -> tuple[Token, int]:
        """The name after ``let``, which may be written in letters and signs, such as ``B+``."""
        token = self._tokens[index]
        following = index + 1
        run = self._tokens[following] if self._adjoins(index) else "="
        if not run.startswith("=") and self._is(following + 1, "LPAR"):
            return join(token, self._tokens[following]), following + 1
        return token, following

    def _head(self, name: Token, index: int, is_local: bool = False) -> int:
        """The head of a declaration after its name: parameters, ``=``."""
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
        """The ``=`` of a declaration, even where an operator is glued to it, as in ``=-1``."""
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
        """Operators may be used in a program before the pass comes to where they are declared.

        They are not bound there, but cutting ``a ++ b`` in two would say so in a strange way.
        """
        for index, token in enumerate(self._tokens[:-1]):
            if token.type == "LET" and self._is(index + 1, "INFIX", "NAME"):
                name, after = self._declared_name(index + 1)
                if self._is(after, "LPAR") and not name[0].isalpha():
                    end = self._closing.get(after, after)
                    count = sum(t.type == "NAME" for t in self._tokens[after:end])
                    self._known.setdefault(str(name), frozenset({min(count, 2)}))

    def _joined(self, index: int) -> Token | None:
        """A bound operator such as ``B+`` that begins with this name."""
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
