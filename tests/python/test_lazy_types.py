"""Types of lazy values, as mypy sees them: right calls pass, wrong ones do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TEXT = """
import voxgpu as vx

v = vx.load("v.nii")
reveal_type(vx.grow(v > 3, v > 9))  # type: LazyValue
reveal_type(v.max() + 1)  # type: LazyValue
reveal_type(vx.between(1, 2.5, v).near().volume())  # type: LazyValue
reveal_type(vx.simpleitk.Median(v, [1, 1, 1]))  # type: LazyValue
reveal_type(vx.RegionCalculus.po(v > 3, v > 9))  # type: LazyValue
reveal_type(vx.run("print 'a' 1")["a"])  # type: float | bool | str | tuple
reveal_type(vx.max([1, 2]))  # type: LazyValue
vx.grow(v)  # error: Missing positional argument "b"
vx.grow(v > 3, "text")  # error: Argument 2 to "grow" has incompatible type "str"
vx.percentiles(v, v > 3, correction=1)  # error: Unexpected keyword argument
vx.tuch(v, v)  # error: has no attribute "tuch"
v.tuch()  # error: has no attribute "tuch"
v.near(3)  # error: Too many arguments
vx.compute(v, on_errors="raise")  # error: Unexpected keyword argument
if v > 3:
    pass
"""


@pytest.mark.slow
def test_types_of_functions(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(TEXT)
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={tmp_path}", module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told: dict[int, str] = {}
    for line in done.stdout.splitlines():
        place, _, message = line.partition(": ")
        if ":" in place:
            number = int(place.rpartition(":")[2])
            told[number] = f"{told.get(number, '')}{message}\n"
    for number, line in enumerate(TEXT.splitlines(), 1):
        kind = line.partition("# type: ")[2]
        error = line.partition("# error: ")[2]
        if kind:
            assert all(f"{part}" in told.get(number, "") for part in kind.split(" | ")), done.stdout
        elif error:
            assert error in told.get(number, ""), (line, done.stdout)
        else:
            assert "error" not in told.get(number, ""), done.stdout
