"""What a store knows of an image file: by the digest of its bytes, without a sidecar."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voxgpu.files.formats import suffix_of
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.provenance.program_text import content_of, digest_of_program
from voxgpu.provenance.record import Input, Provenance
from voxgpu.store.history import History, Remembered
from voxgpu.store.index import Index
from voxgpu.store.run_records import RunRecord, read_records

#: The longest text of a formula, and the most values that are looked at for it.
_LONGEST, _MOST = 2000, 5000


@frozen
class StoreRecords:
    """The index of a store and its records of runs; ``folder`` is that of the store."""

    index: Index
    folder: Path

    def record(self, image: Path, digest: bytes) -> Provenance | None:
        """The record of a file with these bytes; None if no value was saved as such a file.

        digest  xxh3-128 of the file

        The text of the program is in it if a run is known that saved the file, and the program has
        not changed since.
        """
        id = self._value(image, digest)
        if id is None:
            return None
        program, label = self._goal(id)
        run = self._run(image, program)
        text = _text_of(run) if run is not None else ""
        history = History(self.index)
        nodes = _nodes(id, history)
        return Provenance(
            file=image.name,
            digest=digest.hex(),
            values=(id,),
            label=label or image.name,
            expression=_formula(id, nodes),
            program=run.program if run is not None else program,
            sha256=run.sha256 if run is not None else "",
            text=text,
            definitions=dict(run.definitions) if run is not None else {},
            folder=run.folder if run is not None else "",
            inputs=tuple(_inputs(nodes)),
            device=str(run.details.get("device", "")) if run is not None else "",
            seconds=run.seconds if run is not None and run.ended is not None else 0.0,
            date=_date(run.started) if run is not None else "",
        )

    def _value(self, image: Path, digest: bytes) -> ValueId | None:
        query = "SELECT id, form FROM saved WHERE digest = ? ORDER BY seen DESC"
        with suppress(sqlite3.Error):
            rows = self.index.connection.execute(query, (digest,)).fetchall()
            suffix = suffix_of(image)
            # The file may have been renamed, to another suffix as well.
            rows.sort(key=lambda row: str(row[1]).split(" ")[0] != suffix)
            if rows:
                return ValueId(rows[0][0].hex())
        return None

    def _goal(self, id: ValueId) -> tuple[str, str]:
        """The program that saved the value last, and the label; empty if that is not known."""
        query = (
            "SELECT program, label FROM goals WHERE id = ? AND label LIKE 'save %' "
            "ORDER BY seen DESC LIMIT 1"
        )
        with suppress(sqlite3.Error):
            row = self.index.connection.execute(query, (bytes.fromhex(id),)).fetchone()
            if row is not None:
                return str(row[0]), str(row[1]).removeprefix("save ")
        return "", ""

    def _run(self, image: Path, program: str) -> RunRecord | None:
        """The last run that saved this file."""
        with suppress(OSError):
            for each in reversed(read_records(self.folder)):
                if str(image.absolute()) in each.saved:
                    return each
        return None


def _text_of(run: RunRecord) -> str:
    """The text of the program of a run; empty if it has changed, or is gone."""
    content = content_of(Path(run.program))
    if content is None:
        return ""
    text = content.decode("utf-8-sig", "replace")
    return text if digest_of_program(text, Path(run.program)) == run.sha256 else ""


def _nodes(id: ValueId, history: History) -> dict[ValueId, Remembered]:
    """What is remembered of a value and of all that it depends on."""
    found: dict[ValueId, Remembered] = {}
    waiting = [id]
    while waiting and len(found) < _MOST:
        each = waiting.pop()
        if each not in found:
            node = history.node(each)
            if node is not None:
                found[each] = node
                waiting += node.inputs
    return found


def _inputs(nodes: Mapping[ValueId, Remembered]) -> list[Input]:
    """The image files among the nodes."""
    loads = (each for each in nodes.values() if each.primitive == LOAD.name)
    found = {str(each.parameters[-1]): str(each.parameters[0]) for each in loads}
    return [Input(path, digest) for path, digest in sorted(found.items())]


def _formula(id: ValueId, nodes: Mapping[ValueId, Remembered]) -> str:
    """A value as nested calls of operations, up to a length; what is not remembered is ``…``."""
    pieces: list[str] = []
    length = 0
    # Texts, and nodes that are still to become texts; None for one that is not remembered.
    stack: list[str | Remembered | None] = [nodes.get(id)]
    while stack:
        top = stack.pop()
        if isinstance(top, Remembered):
            text = _head(top)
            if not text.endswith("("):
                pieces.append(text)
                continue
            arguments: list[str | Remembered | None] = []
            for each in (*map(nodes.get, top.inputs), *map(_constant, top.parameters)):
                arguments += [each, ", "]
            stack += reversed([*arguments[:-1], ")"])
        else:
            text = "…" if top is None else top
        pieces.append(text)
        length += len(text)
        if length > _LONGEST:
            return "".join(pieces) + "…"
    return "".join(pieces)


def _head(node: Remembered) -> str:
    """The text of a leaf, or the beginning of a call."""
    if node.primitive == LOAD.name:
        return f'load("{node.parameters[-1]}")'
    if node.primitive == CONSTANT.name:
        return _constant(node.parameters[0])
    return node.primitive.partition("(")[0] + "("  # without the types of this overload


def _constant(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return f'"{value}"' if isinstance(value, str) else str(value)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
