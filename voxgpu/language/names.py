"""Lookup of primitives by name, in voxgpu's catalog and in foreign namespaces."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Protocol

from voxgpu.frozen import frozen
from voxgpu.language.overloads import Catalogue, PrimitiveLike


class Namespace(Protocol):
    """Primitives written ``namespace.name``, or ``name`` once the namespace is imported."""

    def get(self, name: str) -> tuple[PrimitiveLike, ...] | None:
        """Returns the overloads of an unqualified name, or None."""

    def refusal(self, name: str) -> str | None:
        """Returns why a name of the underlying library is not available, or None if it is."""

    def spelled(self, name: str) -> str | None:
        """Returns the library's spelling of a name, ignoring case, or None if it is unknown."""


def _may_be_foreign(name: str) -> bool:
    """Returns whether an unqualified name may be foreign; the lookup loads a large library."""
    return name[0].isupper() or name.startswith(("sitk", "vector_"))


@frozen
class Names:
    """The catalog and the namespaces.

    imported  the namespaces whose names may be written unqualified
    """

    catalogue: Catalogue
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    imported: Collection[str] = ()

    def overloads(self, name: str) -> tuple[PrimitiveLike, ...]:
        """Returns the primitives with this name; voxgpu's own have priority."""
        own = self.catalogue.get(name)
        if own or not name[0].isalpha():
            return own or ()
        space, dot, plain = name.partition(".")
        if dot:
            similar = self.namespaces[space].get(plain) if space in self.namespaces else None
            return similar or ()
        if not _may_be_foreign(name):
            return ()
        spaces = (each for each in self.imported if each in self.namespaces)
        every = (self.namespaces[each].get(name) for each in spaces)
        return next((similar for similar in every if similar), ())

    def hidden(self, name: str) -> str | None:
        """Returns the qualified name of an imported name that a voxgpu primitive hides, or None."""
        if not self.imported or "." in name or not _may_be_foreign(name):
            return None
        if not self.catalogue.get(name):
            return None
        spaces = (each for each in self.imported if each in self.namespaces)
        return next((f"{s}.{name}" for s in spaces if self.namespaces[s].get(name)), None)

    def qualified(self, name: str, operations: Collection[str]) -> str:
        """Returns the qualified name of an operation, adding an imported namespace where needed."""
        if name in operations or self.catalogue.get(name):
            return name
        return next((f"{s}.{name}" for s in self.imported if f"{s}.{name}" in operations), name)

    def similar_names(self, name: str, operations: Collection[str]) -> list[str]:
        """Returns qualified names that match an unknown ``name`` in some namespace.

        Letter case is ignored: `simpleitk.Exp` is found for `exp`.
        """
        if not name.replace("_", "a").isalnum():
            return []
        similar = [
            each
            for space in self.namespaces
            for each in operations
            if each.lower() == f"{space}.{name.lower()}"
        ]
        for space, names in self.namespaces.items():
            spelled = names.spelled(name)
            if spelled and names.get(spelled):
                similar.append(f"{space}.{spelled}")
        return similar

    def refusal(self, name: str) -> str | None:
        """Returns why a name of a namespace's library is unavailable, or None."""
        space, dot, plain = name.partition(".")
        if dot:
            return self.namespaces[space].refusal(plain) if space in self.namespaces else None
        spaces = (each for each in self.imported if each in self.namespaces)
        return next((r for r in (self.namespaces[s].refusal(name) for s in spaces) if r), None)
