"""Checks of the files that options write, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click

#: What a log of ``voxgpu run`` begins with: a time.
RUN_LOG = "0123456789"

#: What a log of ``voxgpu cohort`` begins with: a JSON object, or blanks before one.
COHORT_LOG = "{ "


def check_written_files(
    files: Mapping[str, Path | None], needed: Iterable[Path], pictures: Sequence[str] = ()
) -> None:
    """Raise BadParameter if a file would damage another one: an input, a program, an image.

    files     the files that are written, by the options that name them; None: not asked for
    needed    files that the command reads
    pictures  the options whose files are pictures, and thus have names of images
    """
    read = {_real(each) for each in needed}
    seen: dict[str, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        real = _real(path)
        problem = _problem(path, option in pictures)
        if not problem and real in read:
            problem = f"{path} is read by this command, and would be overwritten"
        elif not problem and real in seen:
            problem = f"{path} is that of {seen[real]}, too: each needs a file of its own"
        if problem:
            raise click.BadParameter(problem, param_hint=option)
        seen[real] = option


def check_suffix(path: Path | None, suffixes: Sequence[str], what: str, option: str) -> None:
    """Raise BadParameter if the name of a file does not end in one of these suffixes.

    what  the name of what is written, with its article
    """
    if path is not None and path.suffix.lower() not in suffixes:
        raise click.BadParameter(f"{what} ends in {', '.join(suffixes)}", param_hint=option)


def check_appended(path: Path | None, beginnings: str, option: str) -> None:
    """Raise BadParameter if a log would be appended to a file that is none.

    beginnings  the characters of which a log has one at its beginning
    """
    if path is None:
        return
    first = b""
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                first = file.read(1)
    if first and first not in [each.encode() for each in beginnings]:
        message = f"{path} is no log, and would be appended to: choose another name"
        raise click.BadParameter(message, param_hint=option)


def _problem(path: Path, is_picture: bool) -> str:
    """Why a path is none for results of this kind, as its name tells; empty if it may be one."""
    from voxgpu.files.suffixes import image_suffix

    if path.suffix.lower() == ".imgql":
        return f"{path} is a program, which would be damaged"
    if image_suffix(path) and not is_picture:
        return f"{path} has the name of an image, which would be damaged"
    return ""


def _real(path: Path) -> str:
    return os.path.realpath(path)
