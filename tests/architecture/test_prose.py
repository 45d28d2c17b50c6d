"""Docstrings state what a module contains, and identifiers use the terms of the glossary."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Private words that were replaced by standard terms, with their replacements.
_BANNED = {
    "Applying": "PrimitiveApplier",
    "Complaints": "CallErrors",
    "Deliveries": "OutputWriter",
    "Dialog": "ReplSession",
    "Doubtful": "ValueWithWarning",
    "Doubts": "Warnings",
    "Elsewhere": "DeferredValue",
    "FileProblem": "FileError",
    "Floating": "Gridless",
    "Gathered": "ReducedScalar",
    "Gpus": "MultiGpuBackend",
    "Handed": "write_in_background",
    "Joint": "BatchedStep",
    "Keeping": "RetentionPolicy",
    "Kept": "SessionCache",
    "Late": "DeferredError",
    "Made": "StepResult",
    "NeedsRun": "RequiresExecution",
    "OnHost": "HostBackend",
    "Parking": "HostOffload",
    "Recalled": "StoredValue",
    "Roots": "AllowedRoots",
    "StoreProblem": "StoreError",
    "Tiers": "TieredStore",
    "Trial": "SelfTestReport",
    "ValueProblem": "UndefinedValueError",
    "Vanished": "MissingValue",
    "Workers": "ThreadPool",
    "all_in_box": "box_erode",
    "any_in_box": "box_dilate",
    "as_read": "to_kernel_dtype",
    "compared_distance": "distance_compare",
    "compared_percentile": "percentile_compare",
    "compared_volume": "threshold_count",
    "complain": "print_diagnostics or report",
    "dialog": "session",
    "doubt": "warning",
    "doubts": "warnings",
    "elsewhere": "on_device or another term for the place",
    "gathered": "reduced",
    "gathers": "reductions",
    "hand_over": "write_in_background",
    "joint": "batched",
    "make_room": "evict_until",
    "planted": "seeded",
    "relief": "on_memory_pressure",
    "reliefs": "on_memory_pressure",
    "relieve": "free_memory",
    "salvage": "drop_failed",
    "salvaged": "without_failed_inputs",
    "take_least_worthy": "evict_lowest_value",
    "use_kept": "attach_cache",
    "use_memory": "MemoryBudget",
    "use_relief": "on_memory_pressure",
}


def _files() -> Iterator[tuple[str, Path]]:
    """Yields every Python file with its folder, cut to two levels."""
    for top in ("voxgpu", "kernels", "benchmarks", "tests"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield "/".join(path.relative_to(ROOT).parent.parts[:2]), path


def _identifiers(tree: ast.Module) -> set[str]:
    """Returns the names that a module defines or uses, without leading underscores."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.Attribute(attr=name)
                | ast.Name(id=name)
                | ast.arg(arg=name)
                | ast.keyword(arg=str(name))
                | ast.alias(name=name)
            ):
                names.add(name.lstrip("_"))
    return names


@cache
def _survey() -> tuple[dict[str, list[str]], dict[str, dict[str, list[str]]]]:
    """Returns files that begin with a question, by folder, and banned words by word and folder."""
    questions: dict[str, list[str]] = {}
    uses: dict[str, dict[str, list[str]]] = {}
    for folder, path in _files():
        name = str(path.relative_to(ROOT))
        tree = ast.parse(path.read_text("utf-8"))
        if "?" in (ast.get_docstring(tree) or "").partition("\n")[0]:
            questions.setdefault(folder, []).append(name)
        for word in _identifiers(tree) & _BANNED.keys():
            uses.setdefault(word, {}).setdefault(folder, []).append(name)
    return questions, uses


@pytest.mark.slow
def test_no_module_begins_with_a_question() -> None:
    questions, _ = _survey()
    assert not questions, (
        "begin the docstring with a noun phrase that says what the module contains"
    )


@pytest.mark.parametrize("word", _BANNED)
def test_banned_words_are_not_identifiers(word: str) -> None:
    _, uses = _survey()
    assert not uses.get(word), f"instead of `{word}` write {_BANNED[word]}"
