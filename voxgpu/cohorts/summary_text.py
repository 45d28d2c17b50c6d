"""The summary of a cohort as text for people, as a table in CSV, and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite, isnan
from pathlib import Path
from typing import Any

from voxgpu.byte_sizes import memory_text
from voxgpu.cohorts.statistics import Statistics, combination_text
from voxgpu.cohorts.summary import Best, Summary
from voxgpu.files.errors import FileError
from voxgpu.files.whole_file import write_whole

SUFFIXES = (".txt", ".csv", ".json")

#: Up to how many combinations the text has statistics of each.
MOST_COMBINATIONS = 12

#: How many texts of a label, messages of failures, cases of a message and ties are shown.
_SHOWN = 10

_FIGURES = ("mean", "sd", "min", "q1", "median", "q3", "max")
_COUNTS = ("count", "nan", "infinite", "missing", "failed")

#: What the figures are, for people who read them.
DEFINITIONS = "sd: divisor n - 1; q1, median, q3: linear interpolation"


def summary_text(summary: Summary) -> str:
    """The summary for people: numbers with six digits, columns aligned to the right."""
    parts = [_counts(summary)]
    if summary.overall:
        parts.append(_statistics(summary.overall) + f"\n({DEFINITIONS})")
        if summary.by_combination:
            parts.append(_by_combination(summary))
    parts += [_texts(label, texts) for label, texts in summary.texts]
    parts += [
        f"{label}: sequences of up to {count} items, too long for statistics of each item"
        for label, count in summary.long
    ]
    parts += [_best(each) for each in summary.best]
    if summary.failures:
        parts.append(_failures(summary))
    return "\n\n".join(parts)


def _counts(summary: Summary) -> str:
    rows = f"{_times(summary.rows, 'row')} of {_times(summary.cases, 'case')}"
    if summary.combinations > 1:
        rows += f" and {summary.combinations} combinations"
    ended = f"{summary.rows - summary.failed} done, {summary.failed} failed"
    parts = [f"{rows}: {ended}"]
    if summary.rows and summary.seconds:
        parts.append(f"{summary.seconds / max(1, summary.cases):.3g} s a case")
    if summary.peak:
        parts.append(f"at most {memory_text(summary.peak)} of memory in a process")
    return "; ".join(parts)


def _times(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _statistics(statistics: Sequence[Statistics]) -> str:
    """A line for each label; columns of counts that are all 0 are left out."""
    counts = [
        each for each in _COUNTS if each == "count" or any(getattr(s, each) for s in statistics)
    ]
    lines = [["", *counts, *_FIGURES]]
    for each in statistics:
        numbers = [str(getattr(each, name)) for name in counts]
        lines.append([_one_line(each.label), *numbers, *_figures(each)])
    return _aligned(lines, left=1)


def _by_combination(summary: Summary) -> str:
    if summary.combinations > MOST_COMBINATIONS:
        return (
            f"(over all {summary.combinations} combinations; --summary-file FILE.csv has the "
            "statistics of each)"
        )
    names = list(dict.fromkeys(n for s in summary.by_combination for n, _ in s.combination or ()))
    blocks = []
    for label in dict.fromkeys(each.label for each in summary.by_combination):
        lines = [[*names, "count", *_FIGURES]]
        for each in summary.by_combination:
            if each.label == label:
                values = dict(each.combination or ())
                swept = [values.get(name, "") for name in names]
                lines.append([*swept, str(each.count), *_figures(each)])
        blocks.append(f"{_one_line(label)}:\n" + _aligned(lines, left=0, indent="  "))
    return "\n\n".join(blocks)


def _texts(label: str, texts: Sequence[tuple[str, int]]) -> str:
    lines = [[str(count), json.dumps(text, ensure_ascii=False)] for text, count in texts[:_SHOWN]]
    width = max(len(count) for count, _ in lines)
    shown = [f"  {count:>{width}} × {text}" for count, text in lines]
    if texts[_SHOWN:]:
        shown.append(f"  and {len(texts) - _SHOWN} other texts")
    return "\n".join([f"{_one_line(label)}:", *shown])


def _best(best: Best) -> str:
    word = "greatest" if best.goal == "max" else "least"
    what = f"{word} mean of {_one_line(best.label)}"
    if not best.combinations:
        return f"{what}: no combination has a finite number"
    over = f"{_number(best.mean)} over {_times(best.cases, 'case')}"
    if best.combinations == ((),):
        text = f"{what}: {over}; nothing was swept"
    elif len(best.combinations) == 1:
        text = f"{what}: {combination_text(best.combinations[0])} ({over})"
    else:
        shown = [f"\n  {combination_text(each)}" for each in best.combinations[:_SHOWN]]
        if best.combinations[_SHOWN:]:
            shown.append(f"\n  and {len(best.combinations) - _SHOWN} more")
        text = f"{what}: {len(best.combinations)} combinations tie ({over}):{''.join(shown)}"
    if best.uneven:
        least, most = best.uneven
        text += f"\n  (means of different cases: combinations have from {least} to {most} of them)"
    return text


def _failures(summary: Summary) -> str:
    lines = [f"{_times(summary.failed, 'row')} failed:"]
    for group in summary.failures[:_SHOWN]:
        more = f" and {len(group.cases) - 3} more" if group.cases[3:] else ""
        names = ", ".join(group.cases[:3]) + more
        message = "\n    ".join(group.message.splitlines()) or "no message"
        lines.append(f"  {_times(group.rows, 'row')} of {names}:\n    {message}")
    if summary.failures[_SHOWN:]:
        lines.append(f"  and {len(summary.failures) - _SHOWN} other messages")
    return "\n".join(lines)


def _figures(statistics: Statistics) -> list[str]:
    return [_number(getattr(statistics, name)) for name in _FIGURES]


def _number(value: float) -> str:
    return "–" if isnan(value) else f"{value:.6g}"


def _one_line(text: str) -> str:
    return " ".join(text.split()) or '""'


def _aligned(lines: Sequence[Sequence[str]], left: int, indent: str = "") -> str:
    """Columns of texts, the first ``left`` of them aligned to the left."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    texts = []
    for line in lines:
        cells = []
        for number, (cell, width) in enumerate(zip(line, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            cells.append(cell + space if number < left else space + cell)
        texts.append(indent + "  ".join(cells).rstrip())
    return "\n".join(texts)


def summary_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain data; missing and infinite figures are None."""
    return {
        "rows": summary.rows,
        "cases": summary.cases,
        "combinations": summary.combinations,
        "done": summary.rows - summary.failed,
        "failed": summary.failed,
        "seconds": round(summary.seconds, 4),
        "peak_bytes": summary.peak,
        "definitions": DEFINITIONS,
        "labels": [_plain(each) for each in summary.overall],
        "by_combination": [_plain(each) for each in summary.by_combination],
        "texts": {label: dict(texts) for label, texts in summary.texts},
        "best": [
            {
                "label": each.label,
                "goal": each.goal,
                "mean": each.mean if isfinite(each.mean) else None,
                "cases": each.cases,
                "combinations": [dict(one) for one in each.combinations],
            }
            for each in summary.best
        ],
        "failures": [asdict(each) for each in summary.failures],
    }


def _plain(statistics: Statistics) -> dict[str, Any]:
    data = asdict(statistics)
    for name in _FIGURES:
        data[name] = data[name] if isfinite(data[name]) else None
    data["combination"] = None if statistics.combination is None else dict(statistics.combination)
    return data


def summary_csv(summary: Summary) -> str:
    """A line for each label, and each combination if there are several; those over all are first.

    Cells of swept variables are blank in lines over all combinations, those of figures where there
    is no number.
    """
    every = (*summary.overall, *summary.by_combination)
    names = list(dict.fromkeys(n for s in every for n, _ in s.combination or ()))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", *names, *_COUNTS, *_FIGURES])
    for each in every:
        values = dict(each.combination or ())
        figures = [getattr(each, name) for name in _FIGURES]
        writer.writerow(
            [
                each.label,
                *(values.get(name, "") for name in names),
                *(getattr(each, name) for name in _COUNTS),
                *("" if isnan(figure) else repr(figure) for figure in figures),
            ]
        )
    return text.getvalue()


def write_summary(path: Path, summary: Summary) -> None:
    """Write the summary as the suffix says; the file appears as a whole or not at all.

    Raises FileError if it cannot be written.
    """
    writers = {
        ".txt": lambda: summary_text(summary) + "\n",
        ".csv": lambda: summary_csv(summary),
        ".json": lambda: json.dumps(summary_json(summary), ensure_ascii=False, indent=2) + "\n",
    }
    if path.suffix.lower() not in writers:
        raise FileError(str(path), f"summaries end in {', '.join(SUFFIXES)}", "", "write")
    write_whole(path, writers[path.suffix.lower()]().encode("utf-8", "backslashreplace"))
