"""Bodies of requests: JSON objects whose fields have the types that are expected."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from voxgpu.viewer.problem import Problem

_NAME = re.compile(r"[^\W\d]\w*")


def parsed(body: bytes) -> Mapping[str, Any]:
    """The object of a body. Raises Problem, 400."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "the request is no JSON") from None
    if not isinstance(found, dict):
        raise Problem(400, "the request is no JSON object")
    return found


def text_in(body: Mapping[str, Any], name: str) -> str:
    """A text that must be there. Raises Problem, 400."""
    found = optional_text(body, name)
    if found is None:
        raise Problem(400, f"the request lacks `{name}`")
    return found


def optional_text(body: Mapping[str, Any], name: str) -> str | None:
    """A text, or None. Raises Problem, 400."""
    found = body.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise Problem(400, f"`{name}` is no text")
    try:
        found.encode("utf-8")
    except UnicodeEncodeError:
        raise Problem(400, f"`{name}` is no Unicode text") from None
    return found


def optional_line(body: Mapping[str, Any]) -> int | None:
    """The number of a line, from 1, or None. Raises Problem, 400."""
    found = body.get("line")
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise Problem(400, "`line` is no number of a line")
    return found


def texts_in(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts, at least one. Raises Problem, 400."""
    found = body.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(e, str) for e in found):
        raise Problem(400, f"`{name}` is no list of texts")
    return list(dict.fromkeys(found))


def definitions_in(body: Mapping[str, Any]) -> Mapping[str, str]:
    """Program variables and their texts. Raises Problem, 400."""
    found = body.get("definitions")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(
        _NAME.fullmatch(name) and isinstance(value, str) for name, value in found.items()
    ):
        raise Problem(400, "`definitions` is no object of texts by the names of variables")
    return found
