"""Which primitives are there under a name, in voxgpu itself and in the namespaces beside it?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from voxgpu.language.overloads import Catalogue, PrimitiveLike


class Namespace(Protocol):
    """Primitives that are written ``namespace.name``, or ``name`` where it is imported."""

    def get(self, name: str) -> tuple[PrimitiveLike, ...] | None:
        """The overloads under a name without its namespace."""

    def refusal(self, name: str) -> str | None:
        """Why there is no primitive under a name that the library behind it has."""

    def spelled(self, name: str) -> str | None:
        """A name as the library spells it, in capitals or not; None where it has none."""


def _may_be_foreign(name: str) -> bool:
    """Whether a name without a namespace is worth looking for in one, which takes an import."""
    return name[0].isupper() or name.startswith(("sitk", "vector_"))


@dataclass(frozen=True)
class Names:
    """The catalogue and the namespaces.

    imported  the namespaces whose names may be written without their namespace
    """

    catalogue: Catalogue
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    imported: Collection[str] = ()

    def overloads(self, name: str) -> tuple[PrimitiveLike, ...]:
        """The primitives under a name, voxgpu's own first."""
        own = self.catalogue.get(name)
        if own or not name[0].isalpha():
            return own or ()
        space, dot, plain = name.partition(".")
        if dot:
            found = self.namespaces[space].get(plain) if space in self.namespaces else None
            return found or ()
        if not _may_be_foreign(name):
            return ()
        spaces = (each for each in self.imported if each in self.namespaces)
        every = (self.namespaces[each].get(name) for each in spaces)
        return next((found for found in every if found), ())

    def hidden(self, name: str) -> str | None:
        """The qualified name of what an import would bring if voxgpu had no such name itself."""
        if not self.imported or "." in name or not _may_be_foreign(name):
            return None
        if not self.catalogue.get(name):
            return None
        spaces = (each for each in self.imported if each in self.namespaces)
        return next((f"{s}.{name}" for s in spaces if self.namespaces[s].get(name)), None)

    def qualified(self, name: str, operations: Collection[str]) -> str:
        """The name of an operation with the namespace that an import lets one leave out."""
        if name in operations or self.catalogue.get(name):
            return name
        return next((f"{s}.{name}" for s in self.imported if f"{s}.{name}" in operations), name)

    def elsewhere(self, name: str, operations: Collection[str]) -> list[str]:
        """The qualified names under which a namespace has what is unknown as ``name``.

        They may be spelled in other letters: `simpleitk.Exp` for `exp`.
        """
        if not name.replace("_", "a").isalnum():
            return []
        found = [
            each
            for space in self.namespaces
            for each in operations
            if each.lower() == f"{space}.{name.lower()}"
        ]
        for space, names in self.namespaces.items():
            spelled = names.spelled(name)
            if spelled and names.get(spelled):
                found.append(f"{space}.{spelled}")
        return found

    def refusal(self, name: str) -> str | None:
        """Why the library behind a namespace has the name and programs do not."""
        space, dot, plain = name.partition(".")
        if dot:
            return self.namespaces[space].refusal(plain) if space in self.namespaces else None
        spaces = (each for each in self.imported if each in self.namespaces)
        return next((r for r in (self.namespaces[s].refusal(name) for s in spaces) if r), None)
