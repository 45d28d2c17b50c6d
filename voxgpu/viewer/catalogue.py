"""The names that programs can use, for the editor of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxgpu.compile import Options
from voxgpu.lsp.analysis import Analysis, Manual
from voxgpu.manual import SPACE


def catalogue_of(options: Options) -> Mapping[str, Any]:
    """Keywords, and all names with signature and documentation; those of SimpleITK qualified."""
    manual = Manual(options)
    general = list(Analysis("", None, options, manual).completions(0))
    qualified = f"{SPACE}."
    foreign = Analysis(qualified, None, options, manual).completions(len(qualified))
    names: dict[str, dict[str, str]] = {}
    for prefix, each in (*(("", one) for one in general), *((qualified, one) for one in foreign)):
        if each.kind == "keyword":
            continue
        name = prefix + each.name
        own = {"signature": each.detail, "documentation": each.doc}
        if name in names:
            # Operators and functions of one name are overloads.
            own = {key: f"{names[name][key]}\n{text}" for key, text in own.items()}
        names[name] = {"name": name, "kind": each.kind, **own}
    keywords = dict.fromkeys(each.name for each in general if each.kind == "keyword")
    return {"keywords": list(keywords), "names": list(names.values())}
