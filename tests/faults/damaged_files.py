"""Damaged image files, read in a separate process: values or messages, never a crash.

    python tests/faults/damaged_files.py [COUNT [FORMAT…]]

reads COUNT damaged files of each format and prints the results.
"""

from __future__ import annotations

import collections
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from select import select

import numpy as np

#: Limits for one file: seconds, and bytes of memory beyond those of earlier files.
LONGEST, MOST = 5.0, 1 << 30

#: Address space of a reading process in bytes; more than libraries map, less than the machine.
ADDRESSES = 8 << 30

FORMATS = (
    *("nii", "nii.gz", "img", "nrrd", "nhdr", "mha", "mhd", "png", "jpg", "bmp", "tif"),
    *("tiled.tif", "dcm", "frames.dcm", "series", "jp2", "gipl", "vtk", "mrc", "hdf5"),
    *("mgh", "mgz", "volumes.nii.gz"),
)


def sample(name: str, folder: Path) -> tuple[Path, Path]:
    """An intact file of a format: the path to read, and the file to damage."""
    import SimpleITK

    rng = np.random.default_rng(0)
    voxels = rng.integers(0, 255, (5, 7, 9)).astype(np.uint8)
    image = SimpleITK.GetImageFromArray(voxels.astype(np.int16))
    path = folder / f"a.{name}"
    match name:
        case "dcm" | "frames.dcm" | "series":
            return _dicom(name, folder)
        case "png" | "jpg" | "bmp" | "jp2":
            _picture(path, voxels[0].repeat(4, 0).repeat(4, 1))
        case "tiled.tif":
            import tifffile

            tifffile.imwrite(path, voxels.repeat(4, 1).repeat(4, 2), tile=(16, 16))
        case "mgh" | "mgz":
            import nibabel

            nibabel.save(nibabel.MGHImage(voxels.astype(np.int16), np.eye(4)), path)
        case "volumes.nii.gz":
            import nibabel

            volumes = voxels.astype(np.int16)[..., None].repeat(3, -1)
            nibabel.save(nibabel.Nifti1Image(volumes, np.eye(4)), path)
        case _:
            packed = name in ("nrrd", "mha", "nii.gz")
            SimpleITK.WriteImage(image, str(path), packed)
    beside = {"img": "a.hdr"}.get(name)
    return path, folder / beside if beside else path


def _picture(path: Path, voxels: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(voxels).save(path)


def _dicom(name: str, folder: Path) -> tuple[Path, Path]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "files"))
    from generated_scans import dicom_frames, dicom_series

    rng = np.random.default_rng(1)
    if name == "frames.dcm":
        path = dicom_frames(rng, folder).path
        return path, path
    path = dicom_series(rng, folder).path
    first = sorted(path.iterdir())[0]
    return (first, first) if name == "dcm" else (path, first)


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """A copy with one to three kinds of damage; half of it within the first 400 bytes."""
    data = bytearray(whole)
    for _ in range(rng.integers(1, 4)):
        end = min(len(data), 400) if rng.integers(2) else len(data)
        if end < 2:
            break
        place = int(rng.integers(end))
        size = int(rng.integers(1, 9))
        match rng.integers(8):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.integers(256))
            case 2:
                del data[place:]
            case 3:
                del data[place : place + size]
            case 4:
                data[place:place] = rng.bytes(size)
            case 5:
                data[place : place + size] = b"\xff" * size
            case 6:
                data[place : place + size] = b"\0" * size
            case _:
                _replace_number(data, rng)
    return bytes(data)


def _replace_number(data: bytearray, rng: np.random.Generator) -> None:
    """Replace a number in a text header, often by one that is far too large."""
    numbers = list(re.finditer(rb"-?\d+", bytes(data[:400])))
    if numbers:
        one = numbers[int(rng.integers(len(numbers)))]
        choices = [b"0", b"-1", b"2147483648", b"99999999999999999999", b"1e400", b"nan", b"65536"]
        data[one.start() : one.end()] = choices[int(rng.integers(len(choices)))]


def read_forever() -> None:
    """Read the files named on standard input; print the result of each, and the memory used."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    from voxgpu.files.errors import FileError
    from voxgpu.files.header import read_header
    from voxgpu.files.read import read_image

    # Libraries print to stdout; the results use a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            header = read_header(Path(line.rstrip("\n")))
            image = read_image(header.at(header.volumes - 1) if header.volumes > 1 else header)
            said = f"value {image.array.dtype}"
        except FileError as problem:
            said = f"message {problem.reason}"
        except Exception as error:
            said = f"traceback {type(error).__name__}: {error}"
        print(json.dumps([said, _peak()]), file=answers, flush=True)


def _peak() -> int:
    """Peak memory in bytes of this process or of one that it started."""
    ended = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    kilobytes = [resource.getrusage(which).ru_maxrss for which in ended]
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{child}/status").read_text())
            kilobytes.append(int(found[1]) if found else 0)
    return max(kilobytes) * 1024


class Reader:
    """A process that reads files, restarted after a crash."""

    def __init__(self) -> None:
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, "--read"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def read(self, path: Path) -> tuple[str, int]:
        """Return the result for a file, and the peak memory of the process so far, in bytes."""
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{path}\n")
            self._process.stdin.flush()
        if not select([self._process.stdout], [], [], 60)[0]:
            self._process.kill()
        line = self._process.stdout.readline()
        if line:
            said, peak = json.loads(line)
            return said, peak
        code = self._process.wait()
        self._process = self._start()
        return f"died with {code}", 0

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def outcomes(name: str, count: int, folder: Path, seed: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the number and the result of each damaged file of a format."""
    path, target = sample(name, folder)
    whole = target.read_bytes()
    reader = Reader()
    before = max(reader.read(path)[1], 1)
    try:
        for number in range(count):
            target.write_bytes(damaged(whole, np.random.default_rng([seed, number])))
            begun = time.perf_counter()
            said, peak = reader.read(path)
            took = time.perf_counter() - begun
            if peak > before + MOST:
                said = f"memory {(peak - before) >> 20} MB more: {said}"
            elif took > LONGEST:
                said = f"slow {took:.1f} s: {said}"
            before = max(before, peak)
            yield number, said
    finally:
        reader.close()


BAD = ("traceback", "died", "memory", "slow")


def main(count: int, names: tuple[str, ...]) -> int:
    """Print a table; return the number of files that gave neither a value nor a message."""
    wrong = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            kinds: collections.Counter[str] = collections.Counter()
            for number, said in outcomes(name, count, Path(folder)):
                kinds[said.split()[0]] += 1
                if said.startswith(BAD):
                    wrong += 1
                    print(f"  {name} {number}: {said[:300]}", flush=True)
            print(f"{name}: {dict(kinds)}", flush=True)
    return wrong


if __name__ == "__main__":
    if "--read" in sys.argv:
        read_forever()
    else:
        some = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
        sys.exit(bool(main(some, tuple(sys.argv[2:]) or FORMATS)))
