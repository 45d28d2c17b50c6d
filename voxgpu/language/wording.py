"""Words of messages: types with an article, and ordinal numbers."""

from __future__ import annotations

from voxgpu.types import Type

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def with_article(kind: Type) -> str:
    """A type as in "an image of numbers" or "a number"."""
    text = str(kind)
    return f"an {text}" if text[0] in "aeiou" else f"a {text}"


def ordinal(index: int) -> str:
    """The place of an argument, from 0, in words: "first", "second", and so on."""
    return _ORDINALS[index] if index < len(_ORDINALS) else f"{index + 1}th"
