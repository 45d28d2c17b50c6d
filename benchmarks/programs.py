"""Whole programs, timed as separate processes from start to end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxgpu.bench.measure import Timing, middle, process, processes
from voxgpu.bench.peers import available

#: A program with one kernel, to see whether first runs are timed.
_ONE_KERNEL = 'load v = "${CASE}_flair.nii.gz"\nprint "volume" volume(v > 1)\n'

PARAMETERS = {"HI": "0.93", "VI": "0.89", "BINS": "20", "SIM": "0.6"}


@dataclass(frozen=True)
class Program:
    """A row of the benchmark: a command, and the time that it should stay below.

    goal  seconds, of wall or of CPU time as given by ``of``
    """

    name: str
    command: list[str]
    goal: float | None = None
    of: str = "wall"


@dataclass(frozen=True)
class ProgramRow:
    """The results of a program; peers by name."""

    program: Program
    timings: dict[str, Timing]


def time_programs(
    case: Path, folder: Path, text: str, runs: int, is_miniature: bool = False
) -> list[ProgramRow]:
    """Times all programs.

    case          prefix of a case's files
    text          the tumor program
    is_miniature  leave out warm-ups, and compile only the kernel of a small program for the first
                  time: to see whether everything runs
    """
    rows = []
    for program in _programs(case, folder, text):
        found = processes({"voxgpu": program.command}, runs, not is_miniature)
        rows.append(ProgramRow(program, found))
    rows.append(_profiled(case, folder, runs, not is_miniature))
    rows.append(_first_run(case, folder, _ONE_KERNEL if is_miniature else text, runs))
    if available("niimath"):
        rows.append(_against_niimath(case, folder, runs, not is_miniature))
    return rows


def _profiled(case: Path, folder: Path, runs: int, warm_up: bool) -> ProgramRow:
    """The tumor program with a profile and without, interleaved."""
    plain = [*command_of(folder / "tumor.imgql", folder), *_defined(case)]
    profiled = [*plain, "--profile", str(folder / "profile.json")]
    found = processes({"voxgpu": profiled, "without": plain}, runs, warm_up)
    return ProgramRow(Program("tumor program, with --profile", profiled), found)


def _defined(case: Path) -> list[str]:
    """The definitions of the tumor program's variables, for the command line."""
    return [f"-D{name}={value}" for name, value in {"CASE": str(case), **PARAMETERS}.items()]


def _programs(case: Path, folder: Path, text: str) -> list[Program]:
    whole = written(folder / "tumor.imgql", text)
    until = text[: text.index("let tumSim")]
    grown = written(folder / "grown.imgql", until + 'print "volume" volume(growTum)\n')
    defined = _defined(case)
    ten = written(folder / "ten.imgql", _ten_cases(case, folder))
    sweep = written(folder / "sweep.imgql", _thresholds(case, folder))
    nothing = written(folder / "nothing.imgql", 'print "one" 1\n')
    return [
        Program("start: print 1", command_of(nothing, folder)),
        Program("tumor program, 7 files saved", [*command_of(whole, folder), *defined], 1.2),
        Program(
            "tumor program up to growTum, one print", [*command_of(grown, folder), *defined], 0.8
        ),
        Program("10 cases up to growTum", command_of(ten, folder), 2.5),
        Program("10 volumes × 100 thresholds", command_of(sweep, folder), 1.0, "CPU"),
    ]


def _first_run(case: Path, folder: Path, text: str, runs: int) -> ProgramRow:
    """A program, such as that of the tumor, with empty caches."""
    command = [*command_of(written(folder / "first.imgql", text), folder), *_defined(case)]
    found = []
    for number in range(min(runs, 3)):
        found.append(process(command, {"VOXGPU_CACHE": str(folder / f"fresh{number}")}))
    name = "tumor program, very first run: every kernel compiled"
    return ProgramRow(Program(name, command, 6.0), {"voxgpu": middle(found)})


def _against_niimath(case: Path, folder: Path, runs: int, warm_up: bool) -> ProgramRow:
    """A threshold, a dilation and an erosion, file to file; the results are compared first."""
    import SimpleITK as sitk

    flair = f"{case}_flair.nii.gz"
    text = f'load v = "{flair}"\nsave "ours.nii.gz" interior(near(v >= 300))\n'
    ours = command_of(written(folder / "closing.imgql", text), folder)
    target = str(folder / "theirs.nii.gz")
    theirs = [sys.executable, "-m", "niimath", flair, "-thr", "300", "-bin"]
    theirs += ["-kernel", "3D", "-dilF", "-ero", target, "-odt", "char"]
    process(ours)
    process(theirs)
    images = [sitk.GetArrayFromImage(sitk.ReadImage(str(folder / name))) for name in
              ("out/ours.nii.gz", "theirs.nii.gz")]  # fmt: skip
    inner = tuple(slice(2, -2) for _ in range(3))  # its rule at the frame differs
    if not np.array_equal(images[0][inner] > 0, images[1][inner] > 0):
        return ProgramRow(Program("threshold, dilate, erode (niimath differs)", ours), {})
    found = processes({"voxgpu": ours, "niimath": theirs}, runs, warm_up)
    return ProgramRow(Program("threshold, dilate, erode, file to file", ours), found)


def _ten_cases(case: Path, folder: Path) -> str:
    """Ten volumes of different content, each up to growTum with a print of its own."""
    lines = ['import "stdlib.imgql"']
    for number, path in enumerate(copies_of(case, folder)):
        lines.append(
            f"""
load flair{number} = "{path}"
let f{number} = intensity(flair{number})
let brain{number} = !touch(f{number} <. 0.1, border)
let p{number} = percentiles(f{number}, brain{number}, 0.5)
let hyper{number} = smoothen(5.0, p{number} >. 0.93)
let very{number} = smoothen(2.0, p{number} >. 0.89)
print "volume{number}" volume(grow(hyper{number}, very{number}))"""
        )
    return "\n".join(lines) + "\n"


def _thresholds(case: Path, folder: Path) -> str:
    lines = []
    for number, path in enumerate(copies_of(case, folder)):
        lines.append(f'load v{number} = "{path}"')
        lines += [f'print "{number} {t}" volume(v{number} > {10 * t})' for t in range(100)]
    return "\n".join(lines) + "\n"


def copies_of(case: Path, folder: Path) -> list[Path]:
    """Ten files of different content: the volume shifted along z."""
    import SimpleITK as sitk

    paths = [folder / f"copy{number}.nii.gz" for number in range(10)]
    if not paths[-1].exists():
        image = sitk.ReadImage(f"{case}_flair.nii.gz")
        voxels = sitk.GetArrayFromImage(image)
        for number, path in enumerate(paths):
            shifted = sitk.GetImageFromArray(np.roll(voxels, number, axis=0))
            shifted.CopyInformation(image)
            sitk.WriteImage(shifted, str(path))
    return paths


def command_of(program: Path, folder: Path) -> list[str]:
    """The command that runs a program in its own process and saves to a folder."""
    return [sys.executable, "-m", "voxgpu", "run", str(program), "-q", "-o", str(folder / "out")]


def written(path: Path, text: str) -> Path:
    """Writes a text to a path; returns the path."""
    path.write_text(text)
    return path
