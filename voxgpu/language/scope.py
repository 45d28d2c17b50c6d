"""What does a name stand for at a place in a program?"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from difflib import get_close_matches

from voxgpu.diagnostics import Span
from voxgpu.language.syntax import Let
from voxgpu.types import Type


@dataclass(frozen=True, slots=True)
class ValueBinding:
    """A name for the value of a step; ``position`` is the step's number in its block."""

    step: int
    type: Type
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class FunctionBinding:
    """A name for a function; its body sees what was bound before ``order``."""

    let: Let
    order: int

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return len(self.let.parameters or ())


Binding = ValueBinding | FunctionBinding


@dataclass
class Globals:
    """Everything bound at the top level, with the order in which it was.

    A function's body must see the names as they were where it was defined, although a later
    binding may shadow them: so every name keeps its history.
    """

    _history: dict[str, tuple[list[int], list[Binding]]] = field(default_factory=dict)
    count: int = 0

    def bind(self, name: str, binding: Binding) -> None:
        """Binds a name from here on."""
        orders, bindings = self._history.setdefault(name, ([], []))
        orders.append(self.count)
        bindings.append(binding)
        self.count += 1

    def find(self, name: str, before: int) -> Binding | None:
        """What the name was bound to before the binding number ``before``, if anything."""
        history = self._history.get(name)
        if history is None:
            return None
        orders, bindings = history
        place = bisect_left(orders, before)
        return bindings[place - 1] if place else None

    @property
    def names(self) -> list[str]:
        """All names that are bound somewhere."""
        return list(self._history)


def suggestion(name: str, known: list[str]) -> str:
    """``did you mean `near`?``, or nothing."""
    by_case = [other for other in known if other.lower() == name.lower()]
    close = by_case or get_close_matches(name, known, n=3, cutoff=0.65)
    if not close:
        return ""
    return f"did you mean {' or '.join(f'`{each}`' for each in close[:2])}?"
