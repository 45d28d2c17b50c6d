"""Types of the columns of a table, by the values in them."""

from __future__ import annotations

import json
import re
from collections.abc import Set
from contextlib import suppress
from typing import Any

from voxgpu.cohorts.statistics import NOT_FINITE

#: Decimal numbers without needless digits in front; `007` is a name.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def cell(value: Any) -> Any:
    """A value in a table of texts: sequences and truth values as JSON has them."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | bool) else value


def kind_of_value(value: Any) -> str:
    """``none``, ``bool``, ``int``, ``float``, ``str``, or ``odd``: what JSON has no number for."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return "odd" if value in NOT_FINITE else "str"
    if isinstance(value, int) and not isinstance(value, bool):
        return "int" if -(2**63) <= value < 2**63 else "float"
    return type(value).__name__ if isinstance(value, bool | float) else "str"


def kind_of_text(text: str) -> str:
    """The kind of what a text says: ``int``, ``float`` or ``str``."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return "str"
    return "float" if found[2] or found[3] else kind_of_value(int(text))


def kind_of_column(kinds: Set[str]) -> str:
    """``bool``, ``int`` or ``float`` if all values of a column can be that, else ``str``."""
    kinds = kinds - {"none"}
    if kinds <= {"int", "float", "odd"} and kinds:
        return "int" if kinds == {"int"} else "float"
    return "bool" if kinds == {"bool"} else "str"


def typed(kind: str, value: Any) -> Any:
    """Convert a value to the kind of its column; None if it is missing."""
    if value is None or kind == "bool":
        return value
    if kind == "int":
        return int(value)
    if kind == "float":
        return NOT_FINITE[value] if value in NOT_FINITE else float(value)
    text = value if isinstance(value, str) else str(cell(value))
    # Names of files may have bytes that are no text.
    return text.encode("utf-8", "backslashreplace").decode()


def value_of(text: str) -> Any:
    """What a cell of a table of texts says: None, a truth value, number, sequence or text."""
    if not text:
        return None
    if text in ("true", "false"):
        return text == "true"
    if kind_of_text(text) != "str":
        return float(text)
    return sequence_of(text)


def sequence_of(text: str) -> Any:
    """The sequence that a text has as JSON, else the text."""
    if text.startswith("[") and text.endswith("]"):
        with suppress(ValueError):
            return json.loads(text)
    return text
