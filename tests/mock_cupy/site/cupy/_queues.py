"""Queues of work, run lazily: only when somebody waits, and then only what the wait needs.

Every stream is a queue. Work runs in the order of its queue, and after work of other queues that it
was ordered after. Nothing runs by itself: if an event is missing, the work that should have
preceded has not run, reproducibly.

The happens-before order is represented by vector clocks: for every queue, the number of its work up
to which everything precedes whatever is queued next (L. Lamport, Time, Clocks, and the Ordering of
Events in a Distributed System, 1978; C. Fidge, 1988, for the vectors).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping


class Work:
    """One unit of work of a device.

    what        for messages
    queue       that contains it
    number      in its queue, from 1
    after       work of other queues that precedes it
    is_done     whether it has run, to the host's knowledge
    afterwards  callbacks to run once it has run
    """

    __slots__ = ("_run", "after", "afterwards", "is_done", "number", "queue", "what")

    def __init__(
        self, queue: Queue, what: str, run: Callable[[], None], after: Iterable[Work]
    ) -> None:
        self.queue = queue
        self.what = what
        self.number = queue.issued
        self.is_done: bool = False
        self.after = tuple(each for each in after if not each.is_done)
        self.afterwards: list[Callable[[], None]] = []
        self._run: Callable[[], None] | None = run

    def do(self) -> None:
        """Runs it. Its exceptions are raised by whatever waited, like errors of kernels."""
        run, self._run = self._run, None
        self.is_done, self.after = True, ()
        try:
            if run is not None:
                run()
        except Exception as error:
            error.add_note(f"in {self.what}, queued on {self.queue}")
            raise
        finally:
            afterwards, self.afterwards = self.afterwards, []
            for each in afterwards:
                each()


class Queue:
    """The work of a stream.

    ordinal      of its device
    pointer      the number by which the runtime identifies the stream
    is_blocking  whether it and the null stream wait for each other
    issued       the number of work items ever queued
    """

    def __init__(self, ordinal: int, pointer: int, is_blocking: bool) -> None:
        self.ordinal = ordinal
        self.pointer = pointer
        self.is_blocking = is_blocking
        self.issued = 0
        self.pending: deque[Work] = deque()
        self._clock: dict[Queue, int] = {}

    def __repr__(self) -> str:
        name = f"stream {self.pointer}" if self.pointer else "the null stream"
        return f"{name} of device {self.ordinal}"

    @property
    def last(self) -> Work | None:
        """The newest work that has not run."""
        return self.pending[-1] if self.pending else None

    def issue(self, what: str, run: Callable[[], None], after: Iterable[Work] = ()) -> Work:
        """Queues work."""
        self.issued += 1
        work = Work(self, what, run, after)
        self.pending.append(work)
        self._clock[self] = self.issued
        return work

    def clock(self) -> Mapping[Queue, int]:
        """The current predecessors of whatever is queued next."""
        return dict(self._clock)

    def follow(self, clock: Mapping[Queue, int]) -> None:
        """Adds the predecessors of a point of another queue to those of all later work."""
        for queue, number in clock.items():
            self._clock[queue] = max(number, self._clock.get(queue, 0))

    def follows(self, work: Work) -> bool:
        """Whether some work precedes whatever is queued next here."""
        return work.is_done or self._clock.get(work.queue, 0) >= work.number


def complete(work: Work) -> None:
    """Runs some work, and its predecessors first."""
    wanted = [work]
    while wanted:
        if wanted[-1].is_done:
            wanted.pop()
            continue
        pending = wanted[-1].queue.pending
        unmet = next((each for each in pending[0].after if not each.is_done), None)
        if unmet is None:
            pending.popleft().do()
        else:
            wanted.append(unmet)


def drain(queue: Queue) -> None:
    """Runs all work of a queue, and its predecessors first."""
    while queue.last is not None:
        complete(queue.last)
