"""How far a cohort is: rows that ended, the rate at which they do, and the time that is left."""

from __future__ import annotations

from collections import deque

from voxgpu.frozen import frozen

#: The rate is that of so many of the last moments at which rows ended. Rows that end within this
#: many seconds, such as those of one case, end at one moment.
_WINDOW, _MOMENT = 200, 0.05


@frozen(slots=True)
class Standing:
    """How far a cohort is.

    total   rows that there are in the end
    done    rows with values
    failed  rows with an error
    rate    rows that end in a second; 0 where nothing is known of it
    noun    what a row is called: ``rows``, or ``cases`` where nothing is swept
    """

    total: int
    done: int
    failed: int
    rate: float = 0.0
    noun: str = "rows"

    @property
    def left(self) -> int:
        """Rows that have not ended."""
        return max(0, self.total - self.done - self.failed)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end, if it goes on like this; None where nothing is known of it."""
        if not self.left:
            return 0.0
        return self.left / self.rate if self.rate > 0 else None

    def __str__(self) -> str:
        parts = [f"{self.done + self.failed} of {self.total} {self.noun}", f"{self.failed} failed"]
        if self.rate > 0:
            parts.append(rate_text(self.rate))
        if self.left and self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        return ", ".join(parts)


class Tally:
    """Counts of rows that end, from which follows how far a cohort is.

    total, known  rows there are in the end, and rows with values there were before
    now           seconds, by the clock that later calls use
    """

    def __init__(self, total: int, known: int, now: float, noun: str = "rows") -> None:
        self._total, self._noun = total, noun
        self._done, self._failed = known, 0
        #: Moments at which rows ended, with how many had by then.
        self._ends: deque[tuple[float, int]] = deque([(now, known)], maxlen=_WINDOW)

    def add(self, failed: bool, now: float) -> None:
        """Count a row that ended."""
        self._done += not failed
        self._failed += failed
        if len(self._ends) > 1 and now - self._ends[-1][0] < _MOMENT:
            now, _ = self._ends.pop()
        self._ends.append((now, self._done + self._failed))

    def standing(self, now: float) -> Standing:
        """How far the cohort is now."""
        start, before = self._ends[0]
        ended = self._done + self._failed - before
        rate = ended / (now - start) if now > start else 0.0
        return Standing(self._total, self._done, self._failed, rate, self._noun)


def rate_text(rate: float) -> str:
    """A rate in the largest unit of which there is one: ``12 a minute``."""
    units = ((1, "a second"), (60, "a minute"))
    found = (each for each in units if rate * each[0] >= 1)
    seconds, unit = next(found, (3600, "an hour"))
    number = rate * seconds
    return f"{number:,.0f} {unit}" if number >= 100 else f"{number:.2g} {unit}"


def duration(seconds: float) -> str:
    """A duration in the two largest units of which there are any: ``2 h 10 min``."""
    whole = max(0, round(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = [(days, "d"), (hour, "h"), (minute, "min"), (second, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
