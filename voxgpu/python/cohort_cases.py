"""Cases and sweeps of the Python interface."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from voxgpu.cohorts.cases import (
    NAMING_COLUMNS,
    Case,
    matching_cases,
    name_of_path,
    table_cases,
    with_unique_names,
)
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.cohorts.sweep import Combination, Sweep, combinations, parse_sweep
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.python.program import define_text

_TABLES = (".csv", ".tsv")

_EXPECTED = (
    "cases are a pattern, a table (.csv, .tsv), a sequence of paths or of mappings of program "
    "variables, a mapping of names to these, or a DataFrame of pandas"
)


def cases_of(given: object) -> list[Case]:
    """The cases of a pattern, a table, paths, mappings of variables, or a DataFrame.

    Raises ImgqlError if there are none or a table cannot be read, TypeError for other objects.
    """
    if isinstance(given, str | os.PathLike):
        return _of_text(os.path.expanduser(os.fspath(given)))  # noqa: PTH111 - patterns, too
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        given = _of_frame(given)
    if isinstance(given, Mapping):
        found = [_case(value, name=_name(name)) for name, value in given.items()]
    elif isinstance(given, Iterable) and not isinstance(given, bytes):
        found = [_case(value, number=number) for number, value in enumerate(given, start=1)]
    else:
        raise TypeError(f"{_EXPECTED}; not {type(given).__name__}")
    if not found:
        raise ImgqlError([Diagnostic("E201", "there are no cases")])
    return with_unique_names(found)


def _of_text(text: str) -> list[Case]:
    is_table = Path(text).suffix.lower() in _TABLES
    with file_errors("E201"):
        found = table_cases(Path(text)) if is_table else matching_cases(text)
    if not found:
        message = f"`{text}` has no rows" if is_table else f"nothing matches `{text}`"
        raise ImgqlError([Diagnostic("E201", message)])
    return found


def _of_frame(frame: Any) -> Any:
    """The rows of a DataFrame; by name, if its index is not just numbers of rows."""
    rows = frame.to_dict("records")
    if type(frame.index).__name__ == "RangeIndex":
        return rows
    names = [str(each) for each in frame.index]
    if len(set(names)) < len(names):
        raise ValueError("the index of the DataFrame has a name twice")
    return dict(zip(names, rows, strict=True))


def _is_missing(value: object) -> bool:
    """Whether pandas has no value there: None, NaN or NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _name(name: object) -> str:
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise TypeError(f"names of cases are texts, not {name!r}")
    return str(name)


def _case(value: object, name: str = "", number: int = 0) -> Case:
    """The case of a path or of program variables; it has a name, or a number among others."""
    if isinstance(value, str | os.PathLike):
        path = os.path.expanduser(str(os.fspath(value)))  # noqa: PTH111
        path = path.rstrip("/") or "/"
        return Case(name or name_of_path(path), path)
    if not isinstance(value, Mapping):
        _refuse_image("a case", value)
        raise TypeError(f"{_EXPECTED}; not {type(value).__name__} as a case")
    where = f"cases[{name!r}]" if name else f"cases[{number - 1}]"
    texts: dict[str, str] = {}
    absent: dict[str, str] = {}
    for each, item in value.items():
        if not isinstance(each, str) or not each.isidentifier():
            raise ValueError(f"{where}: `{each}` is no name of a program variable")
        if _is_missing(item):
            absent[each] = f"it is missing in {where}"
        else:
            texts[each] = _value(f"{where}[{each!r}]", item)
    if not name:
        naming = next((each for each in NAMING_COLUMNS if texts.get(each)), None)
        path = texts.get("CASE", "")
        name = texts[naming] if naming else name_of_path(path) if path else f"row-{number}"
    own = {each: text for each, text in texts.items() if each not in ("CASE", "NAME")}
    return Case(name, texts.get("CASE", "").rstrip("/"), own, absent)


def combinations_of(given: object) -> list[Combination]:
    """The combinations of a sweep; the empty one if there is none.

    given  values by variable, a text such as ``"0.91:0.97:0.01"`` or ``"a,b"`` or a sequence each:
           all combinations; or a sequence of mappings: these combinations

    Raises ValueError or TypeError for other objects.
    """
    if given is None:
        return [()]
    if isinstance(given, Mapping):
        return combinations([_sweep(name, values) for name, values in given.items()])
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return _given(given)
    raise TypeError(f'a sweep has values by variable, such as {{"T": [1, 2]}}; not {given!r}')


def _sweep(name: object, values: object) -> Sweep:
    _check_variable(name)
    if isinstance(values, str):
        return parse_sweep(f"{name}={values}")
    if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
        raise TypeError(f'sweep[{name!r}] is a sequence or a text such as "1:9:2", not {values!r}')
    texts = tuple(_value(f"sweep[{name!r}]", each) for each in values)
    if not texts or len(set(texts)) < len(texts):
        raise ValueError(f"sweep[{name!r}] has {'a value twice' if texts else 'no values'}")
    return Sweep(str(name), texts)


def _given(every: Sequence[object]) -> list[Combination]:
    found: dict[Combination, None] = {}
    names: list[str] = []
    for number, each in enumerate(every):
        if not isinstance(each, Mapping):
            raise TypeError(f"sweep[{number}] has variables by name, such as a dict; not {each!r}")
        for name in each:
            _check_variable(name)
        names = names or list(each)
        if set(names) != set(each):
            raise ValueError(f"sweep[{number}] has other variables than the one before")
        texts = {n: _value(f"sweep[{number}][{n!r}]", value) for n, value in each.items()}
        combination = tuple((name, texts[name]) for name in names)
        if combination in found:
            raise ValueError(f"sweep[{number}] is there twice")
        found[combination] = None
    if not found:
        raise ValueError("the sweep has no combinations")
    return list(found)


def _check_variable(name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"{name!r} is no name of a program variable")


def templates_of(define: Mapping[str, object] | None) -> dict[str, object]:
    """Definitions, of which texts are templates over the fields of a case; paths are not."""
    found = dict(define or {})
    for name, value in found.items():
        if isinstance(value, os.PathLike):
            found[name] = str(os.fspath(value)).replace("{", "{{").replace("}", "}}")
        else:
            _refuse_image(f"define[{name!r}]", value)
    return found


def _value(where: str, value: object) -> str:
    _refuse_image(where, value)
    return define_text(where, value)


def _refuse_image(where: str, value: object) -> None:
    """Raise TypeError for an image: it would have to be sent to workers and named in the table."""
    kind = type(value).__module__.partition(".")[0]
    if getattr(value, "shape", ()) != () or kind in ("nibabel", "SimpleITK"):
        hint = "save it to a file and give its path, or run the program with images=…"
        raise TypeError(f"{where} is an image: {hint}")
