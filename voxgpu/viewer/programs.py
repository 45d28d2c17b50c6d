"""Programs below the roots: reading them, and saving what the user has written."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from threading import Lock
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.whole_file import write_whole
from voxgpu.viewer.problem import Problem, not_found
from voxgpu.viewer.roots import PROGRAM, OpenedRoots

_SAVING = Lock()


def read_program(roots: OpenedRoots, id: str) -> Mapping[str, Any]:
    """The text of a program, and the digest by which a later save knows it. Raises Problem."""
    path = roots.path_of(_program(id))
    if not path.is_file():  # a pipe would be waited for
        raise not_found(id, "is not there any more")
    try:
        content = path.read_bytes()
        return {"text": content.decode("utf-8-sig"), "digest": _digest(content)}
    except UnicodeDecodeError:
        raise Problem(422, f"`{id}` is no text in UTF-8") from None
    except OSError as error:
        reason = f"`{id}` cannot be read: {error.strerror}"
        raise Problem(422, reason, "look at its permissions") from None


def save_program(roots: OpenedRoots, id: str, text: str, digest: str | None) -> Mapping[str, Any]:
    """Save a program as a whole; returns its new digest.

    digest  of the file that was opened; None for a new one

    Raises Problem: 404 outside of the roots and for other files, 409 if the file is not what was
    opened.
    """
    path = roots.path_of(_program(id))
    if path.suffix != PROGRAM or (path.exists() and not path.is_file()):
        raise not_found(id, "is no program")  # a link that leads to another file, or a folder
    if not path.parent.is_dir():
        raise not_found(id.rpartition("/")[0], "is no folder")
    content = text.encode("utf-8")
    with _SAVING:
        try:
            found = _digest(path.read_bytes())
        except FileNotFoundError:
            found = None
        except OSError as error:
            raise Problem(422, f"`{id}` cannot be saved: {error.strerror}") from None
        if found != digest:
            what = "has changed on the disk" if found else "is not there any more"
            reason = f"`{id}` {what}" if digest else f"`{id}` is there already"
            raise Problem(409, reason, "open it again, or save under another name")
        try:
            write_whole(path, content, make_folders=False)
        except FileError as error:
            raise Problem(422, f"`{id}` cannot be saved: {error.reason}", error.help) from None
    return {"digest": _digest(content)}


def _program(id: str) -> str:
    if not id.endswith(PROGRAM):
        raise not_found(id, f"is no program: the names of programs end in {PROGRAM}")
    return id


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
