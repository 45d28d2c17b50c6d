"""The nodes and goals of earlier programs, recorded in the index of a store.

Used to explain misses: values that are not stored themselves are recorded by their ingredients.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan
from voxgpu.store.index import Index, key
from voxgpu.store.provenance import described, meaning_digest

#: Larger plans are not recorded: writing them would take longer than they are worth.
_MOST_OF_A_PLAN = 20_000

#: The most nodes to keep; the oldest are deleted first.
_MOST = 200_000


@frozen(slots=True)
class Remembered:
    """A node of an earlier program.

    meaning     digest of what the operation computes
    parameters  plain data
    """

    id: ValueId
    primitive: str
    meaning: str
    parameters: tuple[Any, ...]
    inputs: tuple[ValueId, ...]


class History:
    """Reads and writes the nodes of programs in the index of a store."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def note(self, plan: Plan, program: str) -> None:
        """Record a program that was run."""
        if self._index.read_only or len(plan.nodes) > _MOST_OF_A_PLAN:
            return
        now = time.time()
        with suppress(sqlite3.Error), self._index.writing() as connection:
            connection.executemany(
                "INSERT INTO nodes VALUES(?, ?, ?, ?, ?, ?) "
                "ON CONFLICT(id) DO UPDATE SET seen = excluded.seen",
                [_row(id, node, plan, now) for id, node in plan.nodes.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO goals VALUES(?, ?, ?, ?)",
                [(program, f"{g.action} {g.label}", key(g.value), now) for g in plan.goals],
            )
            (count,) = connection.execute("SELECT count(*) FROM nodes").fetchone()
            if count > _MOST:
                connection.execute(
                    "DELETE FROM nodes WHERE id IN (SELECT id FROM nodes ORDER BY seen LIMIT ?)",
                    (count - _MOST + _MOST // 10,),
                )

    def node(self, id: ValueId) -> Remembered | None:
        """Return the record of a node, or None."""
        return next(self._nodes("id = ?", key(id)), None)

    def like(self, primitive: str, limit: int = 50) -> list[Remembered]:
        """Nodes with this operation, those of the latest programs first."""
        return list(self._nodes("primitive = ? ORDER BY seen DESC LIMIT ?", primitive, limit))

    def goal(self, program: str, action: str, label: str) -> ValueId | None:
        """The value that a goal had when the program was run last."""
        with suppress(sqlite3.Error):
            row = self._index.connection.execute(
                "SELECT id FROM goals WHERE program = ? AND label = ?",
                (program, f"{action} {label}"),
            ).fetchone()
            if row is not None:
                return ValueId(row[0].hex())
        return None

    def _nodes(self, condition: str, *values: Any) -> Iterator[Remembered]:
        query = f"SELECT id, primitive, meaning, parameters, inputs FROM nodes WHERE {condition}"
        try:
            rows = self._index.connection.execute(query, values).fetchall()
        except sqlite3.Error:
            return
        for id, primitive, meaning, parameters, inputs in rows:
            packed = [inputs[start : start + 32] for start in range(0, len(inputs), 32)]
            yield Remembered(
                ValueId(id.hex()),
                primitive,
                meaning.decode(),
                tuple(json.loads(parameters)),
                tuple(ValueId(each.hex()) for each in packed),
            )


def remembered(id: ValueId, node: Node, files: Mapping[ValueId, Any]) -> Remembered:
    """The record of a node; files have their names beside their digests."""
    parameters = tuple(described(each) for each in node.parameters)
    if id in files:
        parameters += (str(files[id].path),)
    return Remembered(id, node.primitive.name, meaning_digest(node), parameters, node.inputs)


def _row(id: ValueId, node: Node, plan: Plan, now: float) -> tuple[Any, ...]:
    record = remembered(id, node, plan.files)
    inputs = b"".join(map(key, record.inputs))
    parameters = json.dumps(record.parameters)
    return key(id), record.primitive, record.meaning.encode(), parameters, inputs, now
