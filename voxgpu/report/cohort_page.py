"""The report of a cohort, as one page: table, failures, distributions, heat maps."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from math import isnan
from pathlib import Path
from typing import Any

from voxgpu.cohorts.plots import MOST_COMBINATIONS, grid_of, short_values
from voxgpu.cohorts.row import Row
from voxgpu.cohorts.statistics import Measured, Statistics, swept_names
from voxgpu.cohorts.summary import Collected
from voxgpu.cohorts.table import columns_of
from voxgpu.diagnostics import Source
from voxgpu.files.whole_file import write_whole
from voxgpu.frozen import frozen
from voxgpu.report.case_pictures import CasePicture
from voxgpu.report.charts import distribution, number_text, seconds_text
from voxgpu.report.listing import highlighted
from voxgpu.report.markup import Content, Markup, data_element, element, facts, table
from voxgpu.report.page import page, section, write_page
from voxgpu.report.sweep_charts import boxes, heat_map

#: Bytes of thumbnails that a page has inside; more are files beside it.
MOST_BYTES = 12_000_000

#: Up to how many labels have distributions, and how many cases of a failure are named.
_MOST_LABELS, _MOST_CASES = 40, 50

#: Columns of the table that say nothing of a case.
_LEFT_OUT = ("peak_bytes", "device", "worker")


@frozen
class CohortContents:
    """A cohort, as its report shows it.

    rows       can be iterated more than once
    pictures   thumbnails by the place of their row
    about      what is known of the run, for people
    """

    source: Source
    rows: Iterable[Row]
    found: Collected
    pictures: Mapping[tuple[int, int], CasePicture] = field(default_factory=dict)
    about: Sequence[tuple[str, str]] = ()


def write_cohort_report(path: Path, contents: CohortContents, beside: bool = False) -> None:
    """Write the page of a cohort as a whole, after the files that belong to it, if there are any.

    beside  thumbnails are files in a folder beside the page, ``NAME_files``, even if they are few

    Raises FileError where a file cannot be written.
    """
    total = sum(len(each.content) for each in contents.pictures.values())
    link: Callable[[tuple[int, int]], str]
    is_beside = bool(contents.pictures) and (beside or total > MOST_BYTES)
    if is_beside:
        folder = path.with_name(f"{path.stem}_files")
        for place, each in contents.pictures.items():
            write_whole(folder / _file_name(place), each.content)

        def link(place: tuple[int, int]) -> str:
            return f"{folder.name}/{_file_name(place)}"

    else:

        def link(place: tuple[int, int]) -> str:
            data = base64.standard_b64encode(contents.pictures[place].content).decode()
            return f"data:image/webp;base64,{data}"

    write_page(path, cohort_page(contents, link, is_beside))


def _file_name(place: tuple[int, int]) -> str:
    return f"{place[0]:05d}-{place[1]}.webp"


def cohort_page(
    contents: CohortContents, link: Callable[[tuple[int, int]], str], beside: bool
) -> str:
    """The text of the page.

    link  the link to the thumbnail of a row
    """
    found = contents.found
    parts: list[tuple[str, str, Markup]] = []

    def add(id: str, title: str, *content: Content, is_open: bool | None = None) -> None:
        parts.append((id, title, section(id, title, *content, is_open=is_open)))

    if found.failed:
        add("failures", "Failures", _failures(found))
    maps = list(_heat_maps(found.measured))
    if maps:
        add("heat-maps", "Heat maps", maps)
    if found.measured.numbers:
        add("distributions", "Distributions", list(_distributions(found.measured)))
    add("table", "Table", _table(contents, link))
    lines = [
        element("tr", element("th", number, scope="row"), element("td", element("code", line)))
        for number, line in enumerate(highlighted(contents.source), 1)
    ]
    code = element("table", element("tbody", lines), class_="listing")
    add("program", "Program", element("div", code, class_="wide", tabindex=0), is_open=False)
    add("provenance", "Provenance", facts(contents.about), is_open=False)
    return page(
        Path(contents.source.name).name,
        _summary(found),
        [each for _, _, each in parts],
        links=[(id, title) for id, title, _ in parts],
        scripts=("page.js", "cohort.js"),
        beside=beside,
    )


def _summary(found: Collected) -> Content:
    bad = found.failed
    badge = element(
        "span", f"{bad} failed" if bad else "done", class_=f"badge {'bad' if bad else 'good'}"
    )
    combinations = len(found.measured.combinations)
    several = f", {combinations} combinations" if combinations > 1 else ""
    said = (
        f" {found.rows} rows of {len(found.cases)} cases{several}; "
        f"{seconds_text(found.seconds)} of computing"
    )
    return badge, said


def _failures(found: Collected) -> Iterator[Markup]:
    for group in found.failures():
        shown = ", ".join(group.cases[:_MOST_CASES])
        more = len(group.cases) - _MOST_CASES
        cases = f"{shown} and {more} more" if more > 0 else shown
        count = "1 row" if group.rows == 1 else f"{group.rows} rows"
        yield element(
            "div",
            element("p", element("strong", count), ": ", group.message),
            element("p", cases, class_="note"),
            class_="message error",
        )


def _heat_maps(measured: Measured) -> Iterator[Markup]:
    short = short_values(measured.combinations)
    for label in list(measured.numbers)[:_MOST_LABELS]:
        grid = grid_of(measured, label, short)
        if grid is not None:
            yield heat_map(label, grid)


def _distributions(measured: Measured) -> Iterator[Markup]:
    combinations = measured.combinations
    names = swept_names(combinations)
    short = short_values(combinations)
    for label in list(measured.numbers)[:_MOST_LABELS]:
        numbers = measured.finite(label)
        drawn: Content = element("p", "no finite number", class_="note")
        if len(numbers):
            drawn = distribution(numbers.tolist(), label)
        if 1 < len(combinations) <= MOST_COMBINATIONS:
            groups = {
                ", ".join(f"{n}={short[n, v]}" for n, v in each if n in names): measured.finite(
                    label, each
                )
                for each in combinations
            }
            drawn = drawn, boxes(label, groups)
        told = _statistics(measured.statistics(label))
        yield element("article", element("h3", label), drawn, told, class_="image")
    left = len(measured.numbers) - _MOST_LABELS
    if left > 0:
        yield element("p", f"{left} more labels have numbers.", class_="note")


def _statistics(told: Statistics) -> Markup:
    texts = [f"n {told.count}"]
    for name in ("mean", "sd", "min", "q1", "median", "q3", "max"):
        value = getattr(told, name)
        if not isnan(value):
            texts.append(f"{name} {number_text(value)}")
    for name in ("nan", "infinite", "missing"):
        if count := getattr(told, name):
            texts.append(f"{count} {name if name != 'nan' else 'NaN'}")
    return element("p", "; ".join(texts), class_="note")


def _table(contents: CohortContents, link: Callable[[tuple[int, int]], str]) -> Content:
    """The rows as data, which a script shows, sorts and filters, and the controls for that."""
    columns = columns_of(contents.rows)
    names = [each for each in columns.names if each not in _LEFT_OUT]
    rows = []
    for row in contents.rows:
        record = columns.record(row)
        picture = contents.pictures.get(row.place)
        shown = [link(row.place), picture.label] if picture is not None else None
        rows.append([shown, *(_plain(record.get(each)) for each in names)])
    statuses = list(dict.fromkeys(row.status for row in contents.rows))
    controls = element(
        "div",
        element("label", "Search ", element("input", type="search", id="search")),
        element(
            "label",
            "Status ",
            element(
                "select",
                element("option", "all", value=""),
                [element("option", each, value=each) for each in statuses],
                id="status",
            ),
        ),
        element(
            "label",
            "Column ",
            element(
                "select",
                element("option", "none", value=""),
                [element("option", each, value=number) for number, each in enumerate(names, 1)],
                id="column",
            ),
        ),
        element("label", "from ", element("input", type="number", step="any", id="least")),
        element("label", "to ", element("input", type="number", step="any", id="most")),
        class_="controls",
    )
    return (
        controls,
        element("p", id="count", role="status", class_="note"),
        table(("", *names), (), id="rows", class_="rows"),
        element("button", "Show all rows", type="button", id="more", hidden=True),
        element("noscript", element("p", "The table needs scripts.")),
        data_element("data", {"columns": names, "rows": rows}),
    )


def _plain(value: Any) -> Any:
    """A value of a row for the table: lists are texts."""
    if isinstance(value, list):
        return str(value)
    return "" if value is None else value
