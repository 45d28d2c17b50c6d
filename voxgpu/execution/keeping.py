"""What of a run is kept for later ones? What the policy says is worth it, with where it comes from.

Seconds of computing again are counted from what is kept: along the longest path, so that what is
shared is not counted twice. Doubts travel with values, since who only recalls a value must be
warned as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from voxgpu.execution.executor import Done
from voxgpu.ids import ValueId
from voxgpu.optimize.step import Fetch
from voxgpu.plan.node import Node
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.store.kept import Kept
from voxgpu.store.made import made_by
from voxgpu.store.tiers import Doubts, Tiers, bytes_of
from voxgpu.version import __version__


class Keeping:
    """Keeps values of one session.

    memory  where values are kept for the next program of the session
    store   where values are kept for the next session
    """

    def __init__(self, memory: Kept, store: Tiers) -> None:
        self.memory = memory
        self.store = store
        self._again: dict[ValueId, float] = {}
        self._doubts: dict[ValueId, Doubts] = {}

    def recall(self, id: ValueId) -> tuple[Value, Doubts] | None:
        """A value from the store."""
        return self.store.get(id)

    def keep(
        self,
        nodes: Mapping[ValueId, Node],
        goals: frozenset[ValueId],
        in_memory: bool,
        id: ValueId,
        value: Value,
        done: Done,
    ) -> None:
        """Keeps a value that was computed or recalled, if it is worth that.

        nodes  those of the plan as the user wrote it; what rewriting added is nobody's goal
        """
        seconds = 0.0 if isinstance(done.task.step, Fetch) else done.seconds
        again = seconds + max((self._again.get(each, 0.0) for each in done.task.inputs), default=0)
        self._again[id] = again
        if in_memory:
            self.memory.add(id, value, again)
        doubts = self._doubts_of(id, done)
        node = nodes.get(id)
        if node is None or node.primitive is CONSTANT or isinstance(done.task.step, Fetch):
            return
        is_goal = id in goals and node.primitive is not LOAD
        size = bytes_of(value)
        if self.store.wants(is_goal, again if node.primitive is not LOAD else 0.0, size):
            made = made_by(node, __version__)
            if self.store.keep(id, value, again, made, doubts, must=is_goal):
                self._again[id] = 0.0

    def moved(self, id: ValueId, value: Value) -> None:
        """A value was brought to the device that is computed with."""
        self.memory.replace(id, value)

    def _doubts_of(self, id: ValueId, done: Done) -> Doubts:
        """The doubts about a value and about what it was made of."""
        found = [each for i in done.task.inputs for each in self._doubts.get(i, ())]
        is_fetched = isinstance(done.task.step, Fetch)
        found += [each for each in done.doubts if is_fetched or each[0] == id]
        if not found:
            return ()
        self._doubts[id] = tuple(dict.fromkeys(found))
        return self._doubts[id]
