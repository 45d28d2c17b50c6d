"""Times everything and prints one Markdown table, with what it was timed on."""

from __future__ import annotations

import platform
import subprocess
import sys
from argparse import ArgumentParser
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Timing, compare
from benchmarks.programs import compiling, files, tumor


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the medians are shown")
    parser.add_argument("--case", type=Path, help="prefix of a case's files; default: a phantom")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        case = given.case or _phantom(Path(folder))
        flair = Path(f"{case}_flair.nii.gz")
        groups = [compiling(), tumor(case, Path(folder)), files(flair, Path(folder))]
        print(_machine(case))
        print("\n| work | wall s | CPU s | peak MB |\n|---|---|---|---|")
        for works in groups:
            for name, timing in compare(works, given.runs).items():
                print(_row(name, timing), flush=True)


def _phantom(folder: Path) -> Path:
    command = [sys.executable, "-m", "voxgpu", "phantom", "--output", str(folder / "head")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "head"


def _row(name: str, timing: Timing) -> str:
    return f"| {name} | {timing.wall:.3f} | {timing.cpu:.3f} | {timing.peak / 1e6:.0f} |"


def _machine(case: Path) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "SimpleITK"))
    return (
        f"{platform.machine()}, Python {platform.python_version()}, {packages}, "
        f"commit {commit or 'unknown'}, on {case.name}"
    )


if __name__ == "__main__":
    main()
