"""The page on planted faults, made of the table and the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutants.faults import AREAS, Fault
from tests.mutants.results import Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mutants.md"

#: Characters of a changed text that the page shows.
_SHOWN = 64

_TITLES = {
    "cuda": "CUDA: kernels, launches, memory",
    "cpu": "CPU: kernels and their callers",
    "codegen": "Generated kernels",
    "optimize": "Optimizer and schedule",
    "plan": "Plan",
    "execution": "Execution",
    "store": "Store",
    "files": "Files",
    "cohorts": "Cohorts",
    "language": "Language",
}

_INTRODUCTION = """\
# Planted faults

<!-- Made by `python -m tests.mutants --page`; the table is in tests/mutants/faults. -->

A test that cannot fail shows nothing. Each of these faults is a small change of voxgpu, such as a
bound that is off by one, a barrier left out or a check removed. It is planted in a copy of the
repository, and the quickest tests that should notice it are run: a fault is *noticed* if they pass
without it and fail, crash or hang with it.

    make mutants

runs those whose file or tests have changed since they were run last, and writes the results and
this page. `python -m tests.mutants --all` runs all of them, which takes about an hour, and
`python -m tests.mutants kernels/gradient.cu` those of a file. Results are kept after each fault, so
that a run goes on where another ended. It is no part of `make test`, which only holds this page to
the results, and each fault to a text that occurs once in its file.

The faults are in `tests/mutants/faults/`, a file for each part of voxgpu. One has these fields:

```toml from=tests/mutants/faults/cpu.toml
[[fault]]
what = "the last row has a neighbor of the next plane"
file = "kernels/gradient.py"
from = 'after = row + width if y < height - 1 else row'
to = 'after = row + width if y < height else row'
tests = ["tests/backends/cpu/test_larger_images.py::test_gradient"]
```

`survives` says why no test can notice a fault, where that is so. Further faults of CUDA kernels are
planted by `make test` itself ([testing-cuda.md](testing-cuda.md#seeded-bugs)).
"""


def page(faults: Sequence[Fault], results: Mapping[str, Result]) -> str:
    """The text of the page."""
    found = [(each, results[each.name]) for each in faults if each.name in results]
    parts = [_INTRODUCTION, _scores(found), _survivors(found)]
    for area in AREAS:
        rows = [(fault, result) for fault, result in found if fault.area == area]
        if rows:
            parts.append(_table(area, rows))
    return "\n".join(parts)


def _scores(found: Sequence[tuple[Fault, Result]]) -> str:
    lines = ["## Scores", "", "| part | faults | noticed | argued | unnoticed |"]
    lines.append("|---|--:|--:|--:|--:|")
    for area in AREAS:
        rows = [pair for pair in found if pair[0].area == area]
        if rows:
            lines.append(_score(_TITLES[area], rows))
    return "\n".join([*lines, _score("**all**", found), ""])


def _score(title: str, rows: Sequence[tuple[Fault, Result]]) -> str:
    noticed = sum(result.noticed for _, result in rows)
    argued = sum(bool(fault.survives) and not result.noticed for fault, result in rows)
    share = f"{noticed} ({100 * noticed / max(1, len(rows)):.0f} %)"
    return f"| {title} | {len(rows)} | {share} | {argued} | {len(rows) - noticed - argued} |"


def _survivors(found: Sequence[tuple[Fault, Result]]) -> str:
    rows = [fault for fault, result in found if not result.noticed]
    lines = ["## Not noticed", ""]
    if not rows:
        return "\n".join([*lines, "None.", ""])
    lines += ["| file | fault | why |", "|---|---|---|"]
    for fault in rows:
        why = fault.survives or "none of the tests tried notices"
        lines.append(f"| `{fault.file}` | {fault.what} | {why} |")
    return "\n".join([*lines, ""])


def _table(area: str, rows: Sequence[tuple[Fault, Result]]) -> str:
    lines = [f"## {_TITLES[area]}", ""]
    file = ""
    for fault, result in rows:
        if fault.file != file:
            file = fault.file
            lines += [] if lines[-1] == "" else [""]
            lines += [f"### `{file}`", "", "| fault | change | noticed by |", "|---|---|---|"]
        change = f"{_code(fault.old)} → {_code(fault.new)}"
        by = _noticed_by(result) if result.noticed else "—"
        lines.append(f"| {fault.what} | {change} | {by} |")
    return "\n".join([*lines, ""])


def _noticed_by(result: Result) -> str:
    test = result.by.partition("[")[0]
    return f"`{test}`: {result.how}" if test else result.how


def _code(text: str) -> str:
    """A text as code in a cell of a table, on one line and cut."""
    line = " ".join(text.split())
    if not line:
        return "nothing"
    shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}…"
    fence = "``" if "`" in shown else "`"
    return fence + shown.replace("|", "\\|") + fence
