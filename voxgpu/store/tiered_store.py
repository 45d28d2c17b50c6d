"""The tiers of a store: the local disk first, then a folder that several computers share."""

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
from voxgpu.store.disk import DiskStore
from voxgpu.store.input_file_cache import SeenFiles
from voxgpu.store.policy import is_kept
from voxgpu.store.shared import SharedFolder
from voxgpu.store.tier import Warnings, bytes_of

#: Values that wait to be written may take this many bytes, or the size of one image.
WAITING_BYTES = 256 << 20


class TieredStore:
    """A store on this computer's disk, and optionally a folder that several computers share.

    Values found in the shared folder are copied to the disk. Writing happens in the background.
    Without both, nothing outlives a run.

    refused  the requested stores that cannot be used, with advice
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
        """The cache of input files, or None."""
        return SeenFiles(self.disk.index) if self.disk is not None else None

    @property
    def spills(self) -> Path | None:
        """A folder for values that do not fit into memory; None: the system's temporary folder."""
        if self.disk is None or self.disk.read_only:
            return None
        return self.disk.folder / "spill"

    @property
    def problems(self) -> list[str]:
        """The problems that prevented storing results; each once."""
        tiers = [each for each in (self.disk, self.shared) if each is not None]
        problems = [problem for each in tiers for problem in each.problems]
        return problems + [f"results are not kept: {each}" for each in self._writer.failures]

    @property
    def counts(self) -> Counter[str]:
        """Numbers of ``found``, ``written``, ``damaged``, ``evicted`` values."""
        empty: Counter[str] = Counter()
        return sum((each.counts for each in (self.disk, self.shared) if each), empty)

    def has(self, id: ValueId) -> bool:
        """Whether a tier seems to have the value."""
        if self.disk is not None and self.disk.has(id):
            return True
        return self.shared is not None and self.shared.has(id)

    def get(self, id: ValueId) -> tuple[Value, Warnings] | None:
        """Return the value and its warnings; None if it cannot be read after all."""
        result = self.disk.get(id) if self.disk is not None else None
        if result is None and self.shared is not None:
            shared = self.shared.get(id)
            if shared is not None:
                stored, value = shared
                result = value, stored.warnings
                if self.disk is not None:
                    self.disk.put(id, value, stored.seconds, stored.provenance, stored.warnings)
        return result

    def pin(self, ids: Iterable[ValueId]) -> None:
        """Protect values that are about to be read from eviction by values written meanwhile."""
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
        provenance: Mapping[str, Any],
        warnings: Warnings,
        must: bool,
    ) -> bool:
        """Write a value in the background; unless ``must``, only if not too many are pending."""
        job = partial(self._put, id, value, seconds, provenance, warnings)
        return self._writer.submit(bytes_of(value), job, must or self._policy == "all", id)

    def limit_pending(self, limit: int) -> None:
        """Set the number of bytes that values waiting to be written may take."""
        self._writer.set_limit(min(limit, WAITING_BYTES))

    def flush(self) -> None:
        """Wait until all values are written."""
        self._writer.drain()

    def close(self, interrupted: bool = False) -> None:
        """Write the pending values, unless ``interrupted``, and close."""
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
        provenance: Mapping[str, Any],
        warnings: Warnings,
    ) -> None:
        try:
            fetched_value = fetched(value)
        except DeferredError:
            return  # only now is it known that there is no value
        late = ((ValueId(each), reason) for each, reason in warnings_of(value))
        warnings = tuple(dict.fromkeys((*warnings, *late)))
        for tier in (self.disk, self.shared):
            if tier is not None:
                tier.put(id, fetched_value, seconds, provenance, warnings)
