"""Results of all SimpleITK functions do not depend on the number of threads."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.primitives.simpleitk_calls import NAMES, Call, images, overloads, working
from voxgpu.image import Image
from voxgpu.itk.alone import compute_isolated
from voxgpu.itk.images import to_itk

ROOT = Path(__file__).resolve().parents[2]

#: Functions without a value for any of the images and numbers here, and why.
NOT_TRIED = {
    "JoinSeries": "it makes 4-D images of 3-D ones, which the language does not have",
}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sets the number of threads, and of work units, of all filters."""
    process = sitk.ProcessObject
    before = process.GetGlobalDefaultNumberOfThreads()
    process.SetGlobalDefaultNumberOfThreads(count)
    try:
        yield
    finally:
        assert process.GetGlobalDefaultNumberOfThreads() == count, "a call changed it"
        process.SetGlobalDefaultNumberOfThreads(before)


def _bits(value: Any) -> Any:
    if isinstance(value, Image):
        return value.array.dtype.str, value.array.tobytes(), value.grid
    return repr(value)


def _differing(call: Call, counts: tuple[int, ...]) -> int | None:
    """The first number of threads whose result differs from that of one thread."""
    with _threads(1):
        first = _bits(call.value())
    for count in counts:
        with _threads(count):
            if _bits(call.value()) != first:
                return count
    return None


def _depending(calls: list[Call], counts: tuple[int, ...]) -> list[str]:
    return [f"{call}: {count} threads" for call in calls if (count := _differing(call, counts))]


@pytest.mark.slow
def test_no_overload_depends_on_the_number_of_threads() -> None:
    """In a process of its own: some functions of SimpleITK write where they should not."""
    text = "from tests.primitives.test_simpleitk_threads import check_overloads as check; check()"
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_overloads() -> None:
    """Calls every overload with one thread and with several."""
    depending = []
    tried: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for signature in overloads():
        calls = list(islice(working(signature), 1))
        tried[str(signature)] += len(calls)
        functions[signature.name] += len(calls)
        depending += _depending(calls, (8,))
    print(
        f"{sum(tried.values())} calls of {sum(n > 0 for n in tried.values())} of {len(tried)}"
        " overloads were tried"
    )
    assert not depending
    assert sum(n > 0 for n in tried.values()) >= 355
    assert {name for name in NAMES if not functions[name]} == set(NOT_TRIED)


@pytest.mark.parametrize(
    "expression",
    ["n4(v, v > 60)", 'resample(v, like, "bspline")', 'resample_to(v, 0.8, "linear")'],
)
def test_nor_do_primitives_that_use_it(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, kind in (("v", "floats"), ("like", "shorts")):
        sitk.WriteImage(to_itk(images()[kind]), f"{name}.nii")
    text = f'load v = "v.nii"\nload like = "like.nii"\nsave "o.nii" {expression}\n'
    found = set()
    for count in (1, 2, 3, 8):
        with _threads(count):
            found.add(voxgpu.run(text, store="none").saved[0].image.array.tobytes())
    assert len(found) == 1


def test_what_is_computed_alone_raises_what_the_function_raises() -> None:
    assert compute_isolated(np.add, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        compute_isolated(divmod, 1, 0)
