"""Tables of what was measured, as rows of text, and as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from voxgpu.bench.comparison import Comparison
from voxgpu.bench.job import MODES
from voxgpu.bench.measure import Timing
from voxgpu.bench.operators import Row, best_peer, peers_with_time
from voxgpu.frozen import frozen


@frozen
class Table:
    """A table of texts; the cells of each row are those of ``head``.

    names  how many columns, the first ones, are names; the others are numbers
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1

    def __str__(self) -> str:
        columns = list(zip(self.head, *self.rows, strict=True))
        widths = [max(map(len, column)) for column in columns]

        def line(cells: Sequence[str]) -> str:
            texts = [
                text.ljust(width) if number < self.names else text.rjust(width)
                for number, (text, width) in enumerate(zip(cells, widths, strict=True))
            ]
            return "  ".join(texts).rstrip()

        return "\n".join([self.title, line(self.head), *map(line, self.rows)])


def comparison_table(found: Comparison) -> Table:
    """The times of a program: a row for each mode and column."""
    rows = []
    for mode, timings in found.timings.items():
        for name, timing in timings.items():
            speed = found.bytes_per_second(mode, name)
            rows.append(
                (
                    mode,
                    name,
                    f"{timing.wall:.3f}",
                    f"{timing.shortest:.3f}–{timing.longest:.3f}",
                    f"{found.speed_up(mode, name):.2f}",
                    f"{timing.cpu:.3f}",
                    f"{timing.peak / 1e6:.0f}" if timing.peak else "",
                    "" if speed is None else f"{speed / 1e9:.2f}",
                )
            )
    first = found.columns[0].name
    equal = f"{found.results} results are the same on {', '.join(c.name for c in found.columns)}"
    head = ("run", "on", "s", "from–to", f"× {first}", "CPU s", "peak MB", "GB/s")
    return Table(f"{equal}; medians:", head, tuple(rows), 2)


def comparison_as_json(found: Comparison) -> dict[str, Any]:
    """Plain data; times in seconds, peak memory in bytes."""
    return {
        "columns": [asdict(each) for each in found.columns],
        "absent": found.absent,
        "results": found.results,
        "bytes_of_steps": found.bytes,
        "modes": {mode: MODES[mode] for mode in found.timings},
        "timings": {
            mode: {
                name: {
                    **asdict(timing),
                    "speed_up": found.speed_up(mode, name),
                    "bytes_per_second": found.bytes_per_second(mode, name),
                }
                for name, timing in timings.items()
            }
            for mode, timings in found.timings.items()
        },
    }


def operators_table(rows: Iterable[Row]) -> Table:
    """The times of operators beside their peers."""
    lines = []
    for row in rows:
        ours, best = row.timings["voxgpu"], best_peer(row)
        others = (*peers_with_time(row), *row.differ)
        lines.append(
            (
                row.operation,
                both(ours),
                f"{row.goal * 1e3:.0f}" if row.goal else "",
                f"{ours.wall / row.timings[best].wall:.2f} ({best})" if best else "",
                f"{ours.wall / row.timings['copy'].wall:.1f}",
                f"{row.read_mb:.1f} / {row.written_mb:.1f}",
                ", ".join(_peer(name, row) for name in others),
                both(row.timings["reference"]),
            )
        )
    title = "Operations on one volume: median, ms wall / ms CPU"
    head = (
        "operation", "voxgpu", "goal (CPU)", "ratio to the best peer (wall)",
        "ratio to a copy of the same bytes", "MB read / written", "peers", "reference",
    )  # fmt: skip
    return Table(title, head, tuple(lines))


def both(timing: Timing) -> str:
    """Wall and CPU time in milliseconds."""
    return f"{timing.wall * 1e3:.1f} / {timing.cpu * 1e3:.1f}"


def _peer(name: str, row: Row) -> str:
    if name in row.differ:
        return f"{name}: {row.differ[name]}"
    return f"{name} {both(row.timings[name])}"
