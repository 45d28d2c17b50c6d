"""Where is a value looked for, and where does it go? On the disk, then where others share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from voxgpu.deferred import DeferredError, fetched, warnings_of
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.background_writer import BackgroundWriter
from voxgpu.store.disk import DiskStore, Warnings, bytes_of
from voxgpu.store.input_file_cache import SeenFiles
from voxgpu.store.policy import is_kept
from voxgpu.store.shared import SharedFolder

#: Values that wait to be written may take this many bytes, or what one image takes.
WAITING_BYTES = 256 << 20

__all__ = ["TieredStore", "Warnings", "bytes_of"]


class TieredStore:
    """A store on this computer's disk, and perhaps a folder that several computers share.

    What is found in the shared folder is kept on the disk, too. Writing is done beside the run.
    Without both nothing outlives a run.

    refused  what was asked for and cannot be used, and what to do about it
    """

    def __init__(
        self,
        disk: DiskStore | None = None,
        shared: SharedFolder | None = None,
        policy: str = "costly",
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self.disk = disk
        self.shared = shared
        self.refused = dict(refused or {})
        self._policy = policy
        self._writer = BackgroundWriter(WAITING_BYTES)

    def seen_files(self) -> SeenFiles | None:
        """What is known of files that were read before."""
        return SeenFiles(self.disk.index) if self.disk is not None else None

    @property
    def spills(self) -> Path | None:
        """A folder for values that memory has no room for; None: the system's."""
        if self.disk is None or self.disk.read_only:
            return None
        return self.disk.folder / "spill"

    @property
    def problems(self) -> list[str]:
        """What kept results from being kept; each thing once."""
        tiers = [each for each in (self.disk, self.shared) if each is not None]
        found = [problem for each in tiers for problem in each.problems]
        return found + [f"results are not kept: {each}" for each in self._writer.failures]

    @property
    def counts(self) -> Counter[str]:
        """What was ``found``, ``written``, ``damaged``, ``evicted``."""
        empty: Counter[str] = Counter()
        return sum((each.counts for each in (self.disk, self.shared) if each), empty)

    def has(self, id: ValueId) -> bool:
        """Whether there seems to be a value."""
        if self.disk is not None and self.disk.has(id):
            return True
        return self.shared is not None and self.shared.has(id)

    def get(self, id: ValueId) -> tuple[Value, Warnings] | None:
        """The value, and what to warn of where it is used; None where there is none after all."""
        found = self.disk.get(id) if self.disk is not None else None
        if found is None and self.shared is not None:
            there = self.shared.get(id)
            if there is not None:
                stored, value = there
                found = value, stored.warnings
                if self.disk is not None:
                    self.disk.put(id, value, stored.seconds, stored.made, stored.warnings)
        return found

    def pin(self, ids: Iterable[ValueId]) -> None:
        """These are going to be read: what is written meanwhile does not drive them out."""
        if self.disk is not None:
            self.disk.pin(ids)

    def should_keep(self, is_goal: bool, seconds: float, size: int) -> bool:
        """Whether the policy keeps such a value."""
        return is_kept(self._policy, is_goal, seconds, size)

    def keep(
        self,
        id: ValueId,
        value: Value,
        seconds: float,
        made: Mapping[str, Any],
        warnings: Warnings,
        must: bool,
    ) -> bool:
        """Writes a value, beside the run; without ``must`` only where not too many wait."""
        job = partial(self._put, id, value, seconds, made, warnings)
        return self._writer.submit(bytes_of(value), job, must or self._policy == "all")

    def use_memory(self, most: int) -> None:
        """Lets values that wait to be written take at most so many bytes."""
        self._writer.set_limit(min(most, WAITING_BYTES))

    def flush(self) -> None:
        """Waits until everything is written."""
        self._writer.drain()

    def close(self, interrupted: bool = False) -> None:
        """Writes what waits, unless one is in a hurry, and closes."""
        if interrupted:
            self._writer.cancel_pending()
        self._writer.close()
        if self.disk is not None:
            self.disk.close()

    def _put(
        self,
        id: ValueId,
        value: Value,
        seconds: float,
        made: Mapping[str, Any],
        warnings: Warnings,
    ) -> None:
        try:
            found = fetched(value)
        except DeferredError:
            return  # only now it is known that there is no value
        late = ((ValueId(each), reason) for each, reason in warnings_of(value))
        warnings = tuple(dict.fromkeys((*warnings, *late)))
        for tier in (self.disk, self.shared):
            if tier is not None:
                tier.put(id, found, seconds, made, warnings)
