"""Kernels under sanitizers: clean when unmodified, and detected with a bug."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from tests.backends.cuda.sanitizer_cases import EXERCISES
from tests.backends.cuda.seeded_bugs import BUGS
from tests.cuda_emulator.module import requires_emulation
from tests.cuda_emulator.sanitizers import LEGS, watched
from tests.cuda_emulator.translation import without_comments
from voxgpu.codegen.cuda_kernels import libraries, library_text, prelude

MODULE = "tests.backends.cuda.sanitizer_cases"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _compiler() -> None:
    requires_emulation()


def test_enough_bugs_are_planted() -> None:
    """There is one in every kernel file with barriers or atomic operations, and for every leg."""
    assert len(BUGS) >= 15
    assert {bug.leg for bug in BUGS.values()} == set(LEGS)
    texts = {stem: library_text(stem) for stem in libraries()} | {"fused": prelude()}
    changed = {bug.changed_file(texts[bug.file]) for bug in BUGS.values()}
    assert changed >= _files_where_threads_meet()


def _files_where_threads_meet() -> set[str]:
    """The files of kernels with barriers or atomic operations."""
    found = {
        each for each in files("voxgpu.kernels").iterdir() if each.name.endswith((".cu", ".cuh"))
    }
    meeting = re.compile(r"__sync(threads|warp)\w*\(|\batomic[A-Z]\w*\(")
    return {
        each.name for each in found if meeting.search(without_comments(each.read_text("utf-8")))
    }


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    found = watched(BUGS[name].leg, MODULE, name)
    assert not found.is_clean, "the bug stays unseen"
    assert "substring not found" not in found.what, "the kernel has changed: plant it anew"
    if BUGS[name].leg == "bounds":
        places = tuple(f"{file}:" for file in ("common.cuh", f"{BUGS[name].file}.cu"))
        assert found.place.startswith(places), found


@pytest.mark.parametrize("exercise", EXERCISES)
def test_nothing_is_out_of_bounds(exercise: str) -> None:
    found = watched("bounds", MODULE, exercise)
    assert found.is_clean, found


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_two_threads_meet(exercise: str) -> None:
    found = watched("races", MODULE, exercise)
    assert found.is_clean, found
