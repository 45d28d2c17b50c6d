"""All differences between what voxgpu and an ancestor make of a program."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from voxgpu.compile import Compiled
from voxgpu.diagnostics import Diagnostic, Note
from voxgpu.frozen import frozen
from voxgpu.migration.rule import RULES, Found, Kind, Rule
from voxgpu.migration.view import View

#: The ancestors by the names that commands give them.
ANCESTORS = {"voxlogica1": 1, "voxlogica2": 2}

#: The modules whose rules are in the table, in this order.
_MODULES = ("reading", "command", "name", "value", "image", "sequence")

#: Maximum number of other places listed after the first one.
_PLACES = 20


@frozen(slots=True)
class Difference:
    """A place in a program where an ancestor differs."""

    rule: Rule
    version: int
    found: Found

    @property
    def diagnostic(self) -> Diagnostic:
        """The difference as a warning with its place."""
        return self.with_places(())

    def with_places(self, others: Iterable[Difference]) -> Diagnostic:
        """The warning, with other places where the same is to be said."""
        ancestor = f"VoxLogicA {self.version}"
        notes = [
            Note(f"voxgpu {self.found.here}", None),
            Note(f"{ancestor} {self.found.there}", None),
        ]
        places = [_place(each, self) for each in others]
        if places:
            more = f" and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
            notes.append(Note(f"likewise at {', '.join(places[:_PLACES])}{more}", None))
        message = f"{_MESSAGES[self.rule.kind].format(ancestor)} ({self.rule.name})"
        return Diagnostic("W105", message, self.found.span, tuple(notes), self.found.remedy)

    def as_json(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            **self.diagnostic.as_json(),
            "rule": self.rule.name,
            "kind": self.rule.kind.name.lower(),
            "ancestor": f"voxlogica{self.version}",
            "here": self.found.here,
            "there": self.found.there,
        }


_MESSAGES = {
    Kind.VALUE: "{} may give another result here",
    Kind.FORM: "{} gives the same result in another form",
    Kind.REFUSED_THERE: "{} cannot run this",
    Kind.REFUSED_HERE: "{} runs what voxgpu refuses",
}


def rules() -> list[Rule]:
    """Returns the table of all rules."""
    _import_rules()
    return RULES


@cache
def _import_rules() -> None:
    for each in _MODULES:
        import_module(f"voxgpu.migration.{each}_rules")


def differences(compiled: Compiled, version: int) -> list[Difference]:
    """Returns the differences from a version of VoxLogicA, 1 or 2, in the order of the text.

    compiled  the program, also one with errors: then what is known of it is examined
    """
    view = View(compiled)
    found = {
        (each.name, one.span): Difference(each, version, one)
        for each in rules()
        if version in each.versions
        for one in each.find(view, version)
    }
    return sorted(found.values(), key=lambda each: view.sort_key(each.found.span))


def as_diagnostics(found: Iterable[Difference]) -> list[Diagnostic]:
    """Returns a warning for each thing to say, with all places where it is to be said."""
    groups: dict[tuple[str, str, str, str], list[Difference]] = {}
    for each in found:
        key = (each.rule.name, each.found.here, each.found.there, each.found.remedy)
        groups.setdefault(key, []).append(each)
    return [first.with_places(others) for first, *others in groups.values()]


def _place(each: Difference, first: Difference) -> str:
    span = each.found.span
    line, column = span.source.line_and_column(span.start)
    same_file = span.source is first.found.span.source
    return f"{line}:{column}" if same_file else f"{span.source.name}:{line}:{column}"
