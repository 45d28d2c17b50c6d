"""Programs, files and commands that produce each message on the page of messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.codegen.compile import run_kernel

_LOAD = 'load flair = "flair.nii.gz"\n'


@dataclass(frozen=True)
class Case:
    """A program and the options of its run; or another command.

    program  the text of `tumor.imgql`
    options  after `voxgpu run tumor.imgql`
    command  instead of that
    python   instead of that, the program of a Python process that prints a message
    home     the folder of a user whose home cannot be used, as the page calls it
    files    other files: their texts
    prepare  further preparation of the folder
    """

    program: str = ""
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    python: str = ""
    home: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    prepare: Callable[[Path, pytest.MonkeyPatch], None] | None = None

    @property
    def typed(self) -> list[str]:
        """The arguments of `voxgpu`."""
        return [*self.command] or ["run", "tumor.imgql", *self.options]


def write_images(folder: Path) -> None:
    """Writes the images of all cases."""
    numbers = np.random.default_rng(1).integers(0, 100, (6, 12, 12)).astype(np.int16)
    _write(folder / "flair.nii.gz", numbers)
    _write(folder / "t1.nii.gz", numbers, (3.0, 0.0, 0.0))
    _write(folder / "large.nii.gz", np.zeros((160, 160, 160), np.uint8))
    _write(folder / "ct.nii.gz", np.zeros((3, 4, 5), np.int16))
    _write(folder / "scan.nii.gz", np.arange(12, dtype=np.int16).reshape(3, 4) * 10 - 5)


def _write(path: Path, voxels: np.ndarray, origin: tuple[float, ...] = ()) -> None:
    image = sitk.GetImageFromArray(voxels)
    if origin:
        image.SetOrigin(origin)
    sitk.WriteImage(image, str(path))


_MEDIAN = '''from voxgpu.primitives.define import NumberImage, NumberValue, whole_image


@whole_image()
def Median(v: NumberImage, radius: NumberValue) -> NumberImage:
    """The image itself.

    >>> Median([1, 2], 1)
    [1, 2]
    """
    return v
'''

_FORKED = """
import os, voxgpu
with voxgpu.Session() as session:
    if not os.fork():
        try:
            session.run('print "a" 1')
        except voxgpu.ImgqlError as error:
            print(error, flush=True)
        os._exit(0)
    os.wait()
"""

_UNKNOWN_IMAGE = """
import numpy, voxgpu
try:
    program = 'load flair = "flair.nii.gz" print "max" max(flair)'
    voxgpu.run(program, images={"flari": numpy.zeros((2, 3, 4))})
except voxgpu.ImgqlError as error:
    print(error)
"""

_UNTYPED = '''from voxgpu.primitives.define import Voxel, voxelwise


@voxelwise()
def window(level, v: Voxel) -> Voxel:
    """The voxel above a level.

    >>> window(1, [1, 2])
    [0, 1]
    """
    return v - level
'''


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package whose module is missing."""
    information = folder / "lab_tools-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: lab_tools\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[voxgpu.primitives]\nlab = lab_tools.primitives\n"
    )
    monkeypatch.syspath_prepend(folder)


def _defect(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of voxgpu."""

    def evaluate(*_: object) -> None:
        raise RuntimeError("something that nobody thought of")

    monkeypatch.setattr("voxgpu.primitives.define.evaluate", evaluate)


def _results(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / "notes.txt").write_text("mine")


def _wrong_voxel(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that computes a wrong voxel."""
    right = run_kernel

    def wrong(*given: Any) -> Any:
        images, reductions = right(*given)
        for each in images:
            each[0, 2, 3] = 7
        return images, reductions

    monkeypatch.setattr("voxgpu.backends.cpu.backend.run_kernel", wrong)


#: By code, in the order of the blocks under it.
CASES: dict[str, list[Case]] = {
    "E100": [Case('let tumor = (flair > 3\nsave "tumor.nii.gz" tumor\n')],
    "E101": [Case(_LOAD + 'print "volume" volme(flair > 3)\n')],
    "E102": [Case(_LOAD + "let edge = near(flair)\n")],
    "E103": [Case(_LOAD + "let core = between(0.5, flair)\n")],
    "E104": [Case('load flair = "${CASE}_flair.nii.gz"\n')],
    "E105": [
        Case(
            _LOAD
            + 'load ct = "ct.nii.gz"\nlet both = (flair > 3) & (ct > 3)\nprint "v" volume(both)\n'
        )
    ],
    "E106": [
        Case('let paths = ["flair.nii.gz"]\nlet scores = [1]\nload flair = paths[argmax(scores)]\n')
    ],
    "E107": [Case(_LOAD + "let tissue = between(110, 90, flair)\n")],
    "E108": [Case('import "measures"\n')],
    "E109": [Case('import "old.imgql"\n', files={"old.imgql": b"// \xf6\n"})],
    "E110": [Case('print "all" volume(tt)\n')],
    "E111": [Case(_LOAD, ("--primitives", "mine.py"), files={"mine.py": _UNTYPED})],
    "E201": [Case('load flair = "flare.nii.gz"\n')],
    "E202": [Case(_LOAD + 'save "flair.png" flair\n')],
    "E203": [
        Case(
            _LOAD + 'save "../flair.nii.gz" flair\n',
            ("--output", "results", "--write-root", "results"),
        )
    ],
    "E301": [
        Case(_LOAD + 'print "mean" avg(flair, flair > 1000)\n'),
        Case(_LOAD + 'print "w" [max(flair), avg(flair, flair > 1000)]\n'),
    ],
    "E302": [Case(_LOAD + 'save "edges.nii.gz" gradient(resample_to(flair, 0.002)) > 0.5\n')],
    "E303": [
        Case(
            _LOAD + 'save "a.nii.gz" flair > 3\nsave "a.nii.gz/b.nii.gz" flair\n',
            ("--output", "results"),
        )
    ],
    "E304": [Case(_LOAD + 'print "max" max(flair)\n', ("--device", "reference"), prepare=_defect)],
    "E305": [Case(python=_FORKED)],
    "E306": [
        Case(
            _LOAD + 'save "scaled.nii.gz" flair / max(flair)\n',
            ("--validate", "--device", "cpu"),
            prepare=_wrong_voxel,
        )
    ],
    "E401": [Case(_LOAD, ("--store", "results"), prepare=_results)],
    "E402": [
        Case(
            _LOAD + 'save "brain.nii.gz" flair > 3\n',
            command=("show", "tumor.imgql", "--why", "brian.nii.gz", "--store", "kept"),
        ),
        Case(python=_UNKNOWN_IMAGE),
    ],
    "E501": [Case(_LOAD + 'print "max" max(flair)\n', ("--device", "cuda:0"))],
    "E502": [
        Case(
            _LOAD + 'print "max" max(flair)\n',
            command=(
                *("cohort", "tumor.imgql", "--cases", "*.nii.gz"),
                *("--scheduler", "scheduler.json"),
            ),
        )
    ],
    "W101": [Case(_LOAD + "let a = flair > 3\nlet b = flair > 5\nlet inner = !a & b\n")],
    "W102": [
        Case(
            'import "simpleitk"\n' + _LOAD + "let smooth = Median(flair, 2)\n",
            ("--primitives", "mine.py"),
            files={"mine.py": _MEDIAN},
        )
    ],
    "E204": [Case(_LOAD + 'save "flair.nii.gz" flair * 2\n')],
    "W104": [
        Case(_LOAD + 'print "volume" volume(flair > $LEVEL)\n', ("-D", "LEVEL=9", "-D", "LEVL=8"))
    ],
    "W105": [
        Case(
            'import "simpleitk"\nimport "vox1"\nlet flair = ReadImage("flair.nii.gz")\n'
            'let scaled = flair / 7\nprint "largest" max(scaled)\n',
            command=("check", "tumor.imgql", "--from", "voxlogica2"),
        )
    ],
    "W205": [Case(_LOAD + 'save "flair.nii.gz" flair * 2\n', ("--overwrite-inputs",))],
    "W103": [Case(_LOAD + 'print "voxels" volume(flair == 9007199254740993)\n')],
    "W201": [
        Case(
            _LOAD + 'load t1 = "t1.nii.gz"\nsave "sum.nii.gz" flair + t1\n',
            ("--same-grid", "adopt"),
        )
    ],
    "W202": [Case(_LOAD + 'save "out.nii.gz" flair > 3\nsave "out.nii.gz" flair > 5\n')],
    "W203": [Case(_LOAD, prepare=_package)],
    "W301": [
        Case('load scan = "scan.nii.gz"\nsave "bright.png" 3 * scan\n', ("--output", "results"))
    ],
    "W302": [
        Case(
            _LOAD
            + "let tumor = flair > 1000\nlet truth = flair > 2000\n"
            + 'print "dice" dice(tumor, truth)\n'
        )
    ],
    "W303": [
        Case('load flair = "large.nii.gz"\nsave "d.nii.gz" dt(flair > 100)\n', ("--memory", "1M"))
    ],
    "W304": [
        Case(
            _LOAD + 'save "bright.nii.gz" flair > 60\n',
            files={"bright.json": "{}", "bright.nii.gz.json": "{}"},
        )
    ],
    "W401": [Case(_LOAD, ("--store", "tumor.imgql/store"))],
    "W402": [Case('print "one" 1\n', home="/home/ada")],
}
