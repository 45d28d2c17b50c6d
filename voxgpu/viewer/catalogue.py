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
    names = [
        {"name": name, "kind": kind, "signature": detail, "documentation": doc}
        for name, kind, detail, doc in (
            *((each.name, each.kind, each.detail, each.doc) for each in general),
            *((qualified + each.name, each.kind, each.detail, each.doc) for each in foreign),
        )
        if kind != "keyword"
    ]
    keywords = dict.fromkeys(each.name for each in general if each.kind == "keyword")
    return {"keywords": list(keywords), "names": names}
