"""The self-test of a device: a small program whose results are compared with the reference."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

from voxgpu.backends.equality import same_values
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.session import Result, open_session
from voxgpu.session_settings import SessionSettings
from voxgpu.temporary_files import temporary_folder

#: Uses every kernel of the backends once.
PROGRAM = """
load v = "${IMAGE}"
let bright = v >. 60
let dark   = v <. 20
let level  = 0.5 .*. (min(v) .+. max(v))
let ranks  = percentiles(v, !dark, 0.5)
print "range" max(v) .-. min(v)
print "mean" avg(v, bright)
print "bright" volume(bright)
print "dice" dice(bright, v >. level)
save "level.nii" (v - level) / 3
save "place.nii" border | (x > y)
save "near.nii" near(bright)
save "interior.nii" interior(interior(v >. 10))
save "through.nii" bright ~> (v >. 30)
save "grown.nii" grow(bright, v >. 30)
save "labels.nii" lcc(bright)
save "largest.nii" maxvol(bright)
save "distance.nii" dt(bright)
save "outside.nii" pdt(bright)
save "smooth.nii" smoothen(3, bright)
save "ranks.nii" ranks
save "ranked.nii" percentiles(v * 1.5, v > 20, 0.5) >. 0.9
save "split.nii" otsu(v, !dark, 20)
save "slope.nii" gradient(v)
save "like.nii" crossCorrelation(2, v, v, bright, min(v), max(v), 12)
"""


@frozen(slots=True)
class SelfTestReport:
    """The result of a self-test.

    device   the device tested
    results  number of results compared
    wrong    results that differ from the reference
    problem  why there are none; empty if the program ran
    seconds  duration
    """

    device: str
    results: int
    wrong: tuple[str, ...]
    problem: str
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether all results were correct."""
        return not self.wrong and not self.problem


def self_test(device: str) -> SelfTestReport:
    """Run the program on a device, named as for ``--device``; never raises."""
    start = perf_counter()
    try:
        actual = _values(device)
        expected = _values("reference")
    except Exception as error:
        # Whatever is wrong with a device, the others are tested as well.
        problem = f"{type(error).__name__}: {error}"
        return SelfTestReport(device, 0, (), problem, perf_counter() - start)
    wrong = tuple(each for each in expected if not same_values(actual[each], expected[each]))
    return SelfTestReport(device, len(expected), wrong, "", perf_counter() - start)


def _values(device: str) -> dict[str, Image | object]:
    with temporary_folder("trial") as folder:
        path = folder / "trial.nii"
        _write(path)
        options = Options(define={"IMAGE": str(path)}, output=None)
        with open_session(SessionSettings(device)) as session:
            source = Source("trial", PROGRAM)
            result: Result = session.execute(session.compile(source, None, options))
    if result.errors:
        raise RuntimeError(result.errors[0].message)
    return {
        **{each.label: each.value for each in result.prints},
        **{each.label: each.image for each in result.saved},
    }


def _write(path: Path) -> None:
    """Write a small image with blobs and noise, the same every time."""
    from voxgpu.files.write import write_image

    random = np.random.default_rng(20)
    z, y, x = np.indices((21, 38, 45)).astype(np.float32)
    blobs = sum(
        70 * np.exp(-((z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2) / d)
        for a, b, c, d in ((8, 12, 11, 40), (12, 25, 30, 60), (4, 30, 8, 9), (17, 6, 38, 12))
    )
    voxels = (blobs + random.normal(12, 6, z.shape)).astype(np.int16)
    write_image(path, Image(voxels, Grid.regular(voxels.shape, (2.0, 1.0, 1.0))))
