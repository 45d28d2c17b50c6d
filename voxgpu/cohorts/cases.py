"""The cases of a cohort: paths that match a pattern, or the rows of a table."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from voxgpu.cohorts.text_table import read_text_table
from voxgpu.files.errors import FileError
from voxgpu.files.suffixes import image_suffix
from voxgpu.frozen import frozen

#: Columns of a table that name its cases, in the order in which they are looked for.
NAMING_COLUMNS = ("NAME", "name", "case", "Case", "subject", "participant_id", "id")


@frozen(slots=True)
class Case:
    """One case: what a program is run for.

    name    unique in the cohort; rows of the table and folders of output have it
    path    the folder or file of the case, without a trailing slash; empty for rows of a table
            that name none
    values  program variables of the case beside ``CASE`` and ``NAME``: columns of a table, or
            images and entities of a BIDS dataset
    absent  program variables that other cases have, each with the reason why this one has none
    notes   program variables whose values somebody could doubt, each with what was taken
    """

    name: str
    path: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def parent(self) -> str:
        """The folder that contains the path; empty if there is no path."""
        return str(Path(self.path).parent) if self.path else ""

    def variables(self, definitions: Mapping[str, str]) -> dict[str, str]:
        """The program variables of the case: its own, then ``definitions``, which may use them.

        Values of definitions are templates over ``{path}``, ``{name}``, ``{parent}`` and the
        columns of the table. Raises ValueError for any other field.
        """
        known = {"path": self.path, "name": self.name, "parent": self.parent, **self.values}
        own = {"NAME": self.name, **({"CASE": self.path} if self.path else {}), **self.values}
        return own | {
            name: _filled(name, text, known, self.absent) for name, text in definitions.items()
        }


def no_value(absent: Mapping[str, str], name: str) -> str:
    """The message for a program variable that a case has no value for."""
    return f"the case has no `${name}`: {absent[name]}"


def _filled(name: str, template: str, known: Mapping[str, str], absent: Mapping[str, str]) -> str:
    try:
        return template.format_map(known)
    except (KeyError, IndexError) as error:
        if error.args[0] in absent:
            raise ValueError(f"-D {name}={template}: {no_value(absent, error.args[0])}") from None
        fields = ", ".join(f"{{{each}}}" for each in known)
        raise ValueError(
            f"-D {name}={template}: a case has the fields {fields}; write {{{{ and }}}} for braces"
        ) from None
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"-D {name}={template}: {error}") from None


def matching_cases(pattern: str) -> list[Case]:
    """A case for each path that matches, in the order of their names.

    A pattern that ends with a slash matches folders only; ``**`` matches folders at any depth.
    """
    found = sorted({each.rstrip("/") or "/" for each in glob.glob(pattern, recursive=True)})  # noqa: PTH207 (of text)
    return with_unique_names([Case(name_of_path(path), path) for path in found])


def table_cases(path: Path) -> list[Case]:
    """A case for each row of a table in CSV or TSV, whose first line names the columns.

    Relative paths in the table are relative to its folder: values of a column in which a value is
    the path of something that exists there. Raises FileError where the table cannot be used.
    """
    rows = _rows(path)
    paths = _columns_of_paths(rows, path.parent)
    naming = next((each for each in NAMING_COLUMNS if rows and each in rows[0]), None)
    cases = []
    for number, row in enumerate(rows, start=1):
        values = {
            column: str(path.parent / value) if column in paths and value else value
            for column, value in row.items()
        }
        first = values.get("CASE") or next((values[each] for each in paths if values[each]), "")
        name = row[naming] if naming else (name_of_path(first) if first else f"row-{number}")
        empty = {each for each in paths if not values[each]}
        own = {each: values[each] for each in values if each not in {"CASE", "NAME", *empty}}
        absent = dict.fromkeys(empty - {"CASE"}, f"it is empty in line {number + 1} of `{path}`")
        cases.append(Case(name, values.get("CASE", "").rstrip("/"), own, absent))
    return with_unique_names(cases)


def _rows(path: Path) -> list[dict[str, str]]:
    table = read_text_table(path, "cases")
    if not table.columns:
        raise FileError(str(path), "the table is empty", "its first line names the columns")
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _columns_of_paths(rows: Sequence[Mapping[str, str]], folder: Path) -> list[str]:
    """The columns that hold relative paths: one exists, or all look like names of image files."""
    found = []
    for column in rows[0] if rows else ():
        values = [row[column] for row in rows if row[column]]
        if not values or column in ("NAME", *NAMING_COLUMNS):
            continue
        looks_so = all(image_suffix(Path(each)) for each in values)
        if looks_so or any("/" in each and (folder / each).exists() for each in values):
            found.append(column)
    return found


def name_of_path(path: str) -> str:
    """The last part of a path, without the suffix of an image file."""
    last = Path(path)
    return last.name.removesuffix(image_suffix(last)) or last.name


def with_unique_names(cases: Iterable[Case]) -> list[Case]:
    """The cases, with as much of the path in front of names that several have as tells them apart.

    Rows without a path are numbered.
    """
    cases = list(cases)
    for parts in range(2, 50):
        times = Counter(each.name for each in cases)
        if max(times.values(), default=1) == 1:
            return cases
        cases = [
            replace(each, name=_longer(each, parts)) if times[each.name] > 1 else each
            for each in cases
        ]
    counts: Counter[str] = Counter()
    found = []
    for each in cases:
        counts[each.name] += 1
        number = counts[each.name]
        name = each.name if number == 1 else f"{each.name}-{number}"
        found.append(replace(each, name=name))
    return found


def _longer(case: Case, parts: int) -> str:
    every = Path(case.path).parts[-parts:]
    if not every or "/" in every:
        return case.name
    return "_".join([*every[:-1], name_of_path(every[-1])])
