"""A program gives the same results with a store that is cold, warm, damaged, tiny, or absent."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given

from tests.laws.test_programs_mean import VOXELS
from tests.laws.typed_programs import programs
from tests.store.values import same
from tests.strategies import law, unparse_program
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution import runner
from voxgpu.language.ast import Command
from voxgpu.session import Result, Session, backend_of
from voxgpu.store.disk import DiskStore
from voxgpu.store.tiered_store import TieredStore


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The image that programs load, in the current directory."""
    folder = tmp_path_factory.mktemp("stores")
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS["deep"]), str(folder / "v.nii.gz"))
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def _run(
    text: str,
    store: Path | None,
    policy: str = "all",
    device: str = "cpu",
    budget: int = 10**9,
    memory: int | None = None,
) -> Result | None:
    """The result of a program; None if it has mistakes."""
    tiers = None if store is None else TieredStore(DiskStore(store, budget), None, policy)
    backend = backend_of(device, 2)
    with Session(None, backend=backend, store=tiers, memory=memory) as session:
        compiled = compile_program(Source("program", text), None, Options(), ask=session.evaluate)
        return None if compiled.errors else session.execute(compiled)


def _told(result: Result) -> tuple[Any, ...]:
    """Everything visible to the user, except times."""
    messages = [sorted(map(str, each)) for each in (result.errors, result.warnings)]
    prints = [(each.label, repr(each.value)) for each in result.prints]
    return prints, [each.label for each in result.saved], messages


def _agree(found: Result | None, expected: Result | None, text: str) -> None:
    if found is None or expected is None:
        assert found is expected, text
        return
    assert _told(found) == _told(expected), text
    for mine, theirs in zip(found.saved, expected.saved, strict=True):
        assert same(mine.image, theirs.image), text


FOLDERS = iter(range(10**6))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["all", "costly", "goals"])
@given(commands=programs())
@law(40)
def test_cold_warm_and_no_store_say_the_same(
    desk: Path, policy: str, commands: list[Command]
) -> None:
    text = unparse_program(commands)
    store = desk / f"store{next(FOLDERS)}"
    without = _run(text, None)
    _agree(_run(text, store, policy), without, text)
    warm = _run(text, store, policy)
    _agree(warm, without, text)
    if warm is not None and without is not None and not without.errors:
        # Constants and files are never stored.
        assert warm.computed <= len(without.prints) + len(without.saved), text
    _agree(_run(text, store, policy, device="reference"), without, text)


@pytest.mark.slow
@given(commands=programs())
@law(40)
def test_holes_in_the_store_are_filled(desk: Path, commands: list[Command]) -> None:
    """Objects and rows are removed or truncated behind the index's back; results are the same."""
    text = unparse_program(commands)
    store = desk / f"store{next(FOLDERS)}"
    without = _run(text, None)
    _agree(_run(text, store), without, text)
    choice = random.Random(text)
    for path in sorted((store / "objects").rglob("*")):
        if path.is_file() and choice.random() < 0.6:
            if choice.random() < 0.5:
                path.unlink()
            else:
                data = bytearray(path.read_bytes())
                data[choice.randrange(len(data))] ^= 16
                path.write_bytes(bytes(data))
    _agree(_run(text, store), without, text)
    _agree(_run(text, store), without, text)


@pytest.mark.slow
@given(commands=programs())
@law(40)
def test_a_store_that_forgets_all_the_time(desk: Path, commands: list[Command]) -> None:
    text = unparse_program(commands)
    store = desk / f"store{next(FOLDERS)}"
    without = _run(text, None)
    for _ in range(2):
        _agree(_run(text, store, budget=3000), without, text)


@pytest.mark.slow
@given(commands=programs())
@law(60)
def test_spilling_changes_nothing(desk: Path, commands: list[Command]) -> None:
    text = unparse_program(commands)
    _agree(_small(text, desk), _run(text, None), text)


def _small(text: str, desk: Path) -> Result | None:
    """Runs with memory for about one image."""
    result = _run(text, None, memory=1)
    if result is None:
        return None
    warnings = tuple(each for each in result.warnings if each.code != "W303")
    return Result(
        result.prints, result.saved, result.errors, warnings,
        result.seconds, result.nodes, result.computed,
    )  # fmt: skip


def test_values_do_wait_on_the_disk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The law above would hold if nothing were ever spilled."""
    folders: list[Any] = []

    class Watched(runner.SpillFolder):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            folders.append(self)

    monkeypatch.setattr(runner, "SpillFolder", Watched)
    text = (
        'load v = "v.nii.gz"\nlet a = dt(v > 1)\nlet b = dt(v > 2)\nlet c = dt(v > 3)\n'
        'print "a" max(a)\nprint "b" max(b)\nprint "c" max(c)\n'
        'print "x" volume(near((a + b) > c) & near((c - a) < b))\n'
    )
    expected = _run(text, None)
    found = _small(text, desk)
    _agree(found, expected, text)
    assert found is not None and not found.errors
    assert sum(each.count for each in folders) >= 3
    assert all(each._folder is None for each in folders)
    assert np.isfinite([p.value for p in found.prints]).all()
