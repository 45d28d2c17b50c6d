"""Runs of the programs of the gallery."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.gallery.entries import Entry


def run(entry: Entry, data: Path, output: Path) -> tuple[dict[str, Any], float]:
    """Run a program in the folder of the images.

    output  the folder for what it saves

    Returns what it printed, by label, as plain data, and the seconds that it took.
    """
    import voxgpu

    with _inside(data):
        result = voxgpu.run(entry.program, output=output, store=None)
    if result.warnings:
        raise ValueError(f"{entry.program}: {result.warnings[0]}")
    return {label: _plain(value) for label, value in result.printed.items()}, result.seconds


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


@contextmanager
def _inside(folder: Path) -> Any:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
