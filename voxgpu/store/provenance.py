"""Provenance: how a value was computed, as plain data stored with it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from voxgpu.ids import Ingredient
from voxgpu.image import Grid
from voxgpu.plan.node import Node

#: Hex digits of the digest of a meaning that are enough to detect a difference.
_MEANING_DIGITS = 16


def provenance_of(node: Node, version: str) -> dict[str, Any]:
    """The provenance of a node's value: operation, meaning, parameters, inputs, version."""
    return {
        "primitive": node.primitive.name,
        "meaning": meaning_digest(node),
        "parameters": [described(each) for each in node.parameters],
        "inputs": list(node.inputs),
        "version": version,
    }


def meaning_digest(node: Node) -> str:
    """A digest that changes when the operation computes something else."""
    return sha256(node.primitive.meaning).hexdigest()[:_MEANING_DIGITS]


def described(ingredient: Ingredient) -> Any:
    """An ingredient of an id as JSON, for people."""
    match ingredient:
        case bool() | None | str():
            return ingredient
        case int():
            return ingredient
        case float():
            return repr(ingredient) if ingredient - ingredient != 0 else ingredient
        case bytes():
            return ingredient.hex()
        case tuple():
            return [described(each) for each in ingredient]
        case Grid():
            return str(ingredient)
