"""Small text files of a derivative, written as a whole and only if they change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.whole_file import write_whole


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, unless it is there with this content. Raises FileError."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole, unless it is there with this content. Raises FileError."""
    content = text.encode()
    try:
        if path.is_file() and path.read_bytes() == content:
            return
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error), "", "write") from None
    write_whole(path, content)
