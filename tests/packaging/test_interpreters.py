"""Python interpreters found by continuous integration; missing or broken ones are skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "interpreters"


def _listed(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--list", *arguments],
        env={"PATH": str(path), "HOME": str(path), "PYENV_ROOT": str(path / "pyenv")},
        capture_output=True,
        text=True,
    )


def _interpreter(
    path: Path, numbers: list[int], is_free: bool = False, level: str = "final"
) -> None:
    """Creates a program that answers like an interpreter of this version."""
    said = json.dumps([numbers, is_free, "CPython", str(path), level])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o755)


def test_the_newest_of_each_version_is_taken(tmp_path: Path) -> None:
    _interpreter(tmp_path / "python3.12", [3, 12, 1])
    _interpreter(tmp_path / "pyenv" / "versions" / "3.12.7" / "bin" / "python3.12", [3, 12, 7])
    _interpreter(tmp_path / "python3.13t", [3, 13, 2], is_free=True)
    _interpreter(tmp_path / "python3.14", [3, 14, 0], level="candidate")
    _interpreter(tmp_path / "python3.10", [3, 10, 1])
    (tmp_path / "python3.11").write_text("#!/bin/sh\necho no such version >&2; exit 127\n")
    (tmp_path / "python3.11").chmod(0o755)
    _interpreter(tmp_path / "python3.13-config", [3, 13, 2])
    done = _listed(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Python 3.11: not on this computer",
        f"Python 3.12 (3.12.7, {tmp_path}/pyenv/versions/3.12.7/bin/python3.12)",
        "Python 3.13: not on this computer",
        f"Python 3.13t (3.13.2, {tmp_path}/python3.13t)",
        "Python 3.14: not on this computer",
        "Python 3.14t: not on this computer",
        "no interpreter failed",
    ]


def test_what_ran_all_tests_is_not_run_again(tmp_path: Path) -> None:
    _interpreter(tmp_path / "python3.12", [3, 12, 1])
    done = _listed(tmp_path, "3.12", "--except", str(tmp_path / "python3.12"))
    assert done.stdout.splitlines()[0].endswith(": ran all tests")


def test_an_interpreter_whose_packages_cannot_be_had_fails_nothing(tmp_path: Path) -> None:
    # It answers, but creates no environments.
    _interpreter(tmp_path / "python3.14", [3, 14, 0])
    path = tmp_path / "python3.14"
    path.write_text(
        path.read_text() + '[ "$1" = -c ] || { echo "ERROR: none for 3.14" >&2; exit 1; }\n'
    )
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "3.14"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"Python 3.14 (3.14.0, {path}): left out, its packages cannot be had: ERROR: none for 3.14",
        "no interpreter failed",
    ]


def test_every_part_of_the_core_is_there() -> None:
    names = {"__name__": "interpreters", "__file__": str(SCRIPT)}
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), names)
    root = SCRIPT.parents[1]
    for each in names["CORE"]:
        file, _, test = each.partition("::")
        assert (root / file).exists(), each
        assert not test or f"def {test}(" in (root / file).read_text(), each
    assert (
        "def test_a_primitive_comes_"
        in (root / "tests" / "conformance" / "test_every_primitive.py").read_text()
    )
    assert os.access(SCRIPT, os.X_OK)
