"""The workers of a cluster while cases run, and whether any are left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic

from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.diagnostics import Diagnostic, ImgqlError

#: Seconds between looks.
_BETWEEN = 2.0

_NONE_YET = "waiting for the first worker"


class Workforce:
    """The workers of a client, which may come and go; polled from time to time.

    tell  is told when all of them are gone, and when there are some again
    wait  seconds to wait for others then, once none are expected
    """

    def __init__(self, joined: Joined, tell: Callable[[str], None], wait: float) -> None:
        self._joined, self._tell, self._wait = joined, tell, wait
        self._had = False
        self._looked = self._seen = monotonic()
        self._is_told = False
        #: The computers of the workers that there were at the last look, by their addresses.
        self.hosts: Mapping[str, str] = {}
        self._update()

    @property
    def count(self) -> int:
        """The number of workers when last polled."""
        return len(self.hosts)

    def look(self) -> None:
        """Looks again if that was a while ago; raises ImgqlError if all are gone for too long."""
        now = monotonic()
        if now - self._looked >= _BETWEEN:
            self._looked = now
            self._update()

    def _update(self) -> None:
        self.hosts = self._found()
        now = monotonic()
        if self.count:
            self._seen, self._had = now, True
            if self._is_told:
                self._tell(f"{self.count} worker{'s' if self.count > 1 else ''}")
                self._is_told = False
            return
        if self._joined.expects():
            self._seen = now
        gone = now - self._seen
        if gone >= self._wait:
            message = f"{self._joined.where} has had no worker for {gone:.0f} s"
            hint = f"{self._joined.hint}; the same command goes on from the journal"
            raise ImgqlError([Diagnostic("E502", message, help=hint)])
        if not self._is_told:
            self._tell("all workers are gone; waiting for others" if self._had else _NONE_YET)
            self._is_told = True

    def _found(self) -> Mapping[str, str]:
        try:
            workers = self._joined.client.scheduler_info(n_workers=-1)["workers"]
            return {address: str(each["host"]) for address, each in workers.items()}
        except (OSError, ValueError, RuntimeError) as error:
            message = (
                f"the scheduler of {self._joined.where} does not answer: {type(error).__name__}"
            )
            hint = "when it does, the same command goes on from the journal"
            raise ImgqlError([Diagnostic("E502", message, help=hint)]) from None
