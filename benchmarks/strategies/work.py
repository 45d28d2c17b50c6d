"""The work that strategies are compared on: pickled schedules of real and of empty programs."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from benchmarks.phantom import phantom
from benchmarks.strategies import schedules
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.compile import Compiled
from voxgpu.plan.node import Plan

#: Where the real images are, beside the checkout.
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "brats19"

#: Options of the phantom for programs of which only the coordination counts.
TINY = ("--size", "16", "16", "16", "--spacing", "14")


@dataclass(frozen=True)
class Work:
    """What is measured.

    case     the prefix of the images of a head
    tiny     that of a head of 16³ voxels
    """

    folder: Path
    case: Path
    tiny: Path

    def schedule(self, name: str, plan: Plan, fused: bool = True) -> str:
        """Returns the path of a pickled schedule, made at the first call."""
        path = self.folder / f"{name.replace(' ', '-')}-{'fused' if fused else 'single'}.pickle"
        if not path.exists():
            backend = Cpu()
            path.write_bytes(pickle.dumps(schedules.prepared(plan, backend, fused)))
            backend.close()
        return str(path)

    def tumor(self, fused: bool = True) -> str:
        """The tumor program, which saves 7 images."""
        define = {**schedules.PARAMETERS, "CASE": str(self.case)}
        plan = schedules.compiled(tumor_text(), define, self.folder / "out").plan
        return self.schedule("tumor", plan, fused)

    def sweep(self, fused: bool = True, tiny: bool = False) -> str:
        """The sweep of 77 combinations up to growTum, with a print of each."""
        define = {"CASE": str(self.tiny if tiny else self.case)}
        plan = schedules.sweep(grown_text(), define).plan
        return self.schedule("sweep tiny" if tiny else "sweep", plan, fused)

    def failing(self) -> str:
        """The sweep with a second print of each combination, which has no value."""
        text = grown_text() + 'print "none" avg(f, growTum & (f <. (0 .-. 99999)))\n'
        return self.schedule("failing", schedules.sweep(text, {"CASE": str(self.case)}).plan)

    def grown(self, high: str) -> str:
        """The program up to growTum for one threshold, as a schedule of its own."""
        return self.schedule(f"grown {high}", self.program(high).plan)

    def both(self) -> str:
        """The programs of two thresholds as one plan."""
        define, sweeps = {"CASE": str(self.case)}, ("HI=0.93,0.95", "VI=0.85")
        return self.schedule("both", schedules.sweep(grown_text(), define, sweeps).plan)

    def program(self, high: str) -> Compiled:
        """The program up to growTum for one threshold."""
        define = {"CASE": str(self.case), "HI": high, "VI": "0.85"}
        return schedules.compiled(grown_text(), define)

    def numbers(self, shape: str, length: int) -> str:
        """A program without work."""
        text = schedules.numbers(shape, length, Path(f"{self.tiny}_flair.nii.gz"))
        path = self.folder / f"{shape}-{length}-fused.pickle"
        if path.exists():
            return str(path)
        return self.schedule(f"{shape} {length}", schedules.compiled(text).plan)


def tumor_text() -> str:
    """The program that comes with voxgpu."""
    return files("voxgpu.demo").joinpath("tumor.imgql").read_text()


def grown_text() -> str:
    """That program up to growTum, of which the volume is printed; it does not read the truth."""
    lines = tumor_text().partition("let tumSim")[0].splitlines()
    kept = [each for each in lines if "seg" not in each and "$BINS" not in each]
    return "\n".join([*kept, 'print "volume" volume(growTum)']) + "\n"


def prepare(folder: Path, miniature: bool = False) -> Work:
    """Finds or makes the images."""
    tiny = folder / "tiny"
    tiny.mkdir(parents=True, exist_ok=True)
    small = phantom(tiny, TINY)
    real = sorted(DATA.glob("*/*_flair.nii.gz"))
    if miniature:
        return Work(folder, small, small)
    case = Path(str(real[0]).removesuffix("_flair.nii.gz")) if real else phantom(folder)
    return Work(folder, case, small)
