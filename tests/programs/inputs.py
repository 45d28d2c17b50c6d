"""The small images that the programs in ``cases/`` load, and their content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk


def write_inputs(folder: Path) -> None:
    """Writes every input into ``folder``.

    ramp.nii.gz     int16, 5×4×3 (x y z), 1 mm: x + 10 y + 100 z
    spread.nii.gz   float32, 5×4×3, 2×1×3 mm: (x + 10 y + 100 z) / 8
    blocks.nii.gz   uint8, 7×6×5: 1 in a 2×2×2 box at the origin, 2 in a 3×1×1 bar that begins at
                    (4, 4, 2), 3 at the last voxel; else 0
    shifted.nii.gz  int16, 5×4×3 like ramp, its origin 10 mm away
    wide.nii.gz     int16, 3×4×5: as many voxels as ramp, another shape
    grey.png        uint8, 4×3: 0 10 20 30 / 40 … 110
    color.png       uint8 RGB, 3×2: red, green, blue / black, white, (10, 20, 30)
    nudged.nii.gz   int16, ramp again, its origin 5e-7 mm away: less than 1e-6 of a voxel
    sheet.nii.gz    int16, 5×4×1: x + 10 y; one voxel thick
    ramp.nrrd       ramp in another format
    shapes.png      uint8, 8×6: 255 in an L of 3 pixels at the origin, 200 in a ring of 8 pixels
                    around (4, 3), 100 at (7, 0), 50 at (0, 5), else 0
    alpha.png       uint8 RGBA, 2×2: (10, 20, 30, 0), (40, 50, 60, 128) / (70, 80, 90, 255),
                    (0, 0, 0, 64)
    head.nii.gz     int16, 12×12×6, 1 mm: a head on a background of 0, see ``_head``
    truth.nii.gz    uint8, on the grid of head: 1 where its tumor is
    scans/          a folder
    folder/         a.nii.gz, int16, 5×4×3: 0 1 2 … 59; b.nii.gz and c.nii.gz: 5 and 10 less;
                    deep/d.nii.gz: 15 less; notes.txt
    notes.nii.gz    a text file
    cut.nii.gz      ramp.nii.gz without its second half
    short.nii.gz    int16, 24×24×24 of noise, without its last third: the header is whole
    four.nii.gz     int16, 3×3×3×2
    latin.imgql     a program that is not UTF-8
    shared.imgql    a program to import: let twice(v) = v *. 2, let ++(a, b) = (a | b)
    scans/outer.imgql, scans/inner.imgql   the one imports the other, which lies beside it
    circle.imgql    a program that imports itself: let around(v) = v +. 1
    walks.imgql     a program to import: functions of sequences
    flawed.imgql    a program to import that uses a name which nothing is bound to
    """
    z, y, x = np.mgrid[0:3, 0:4, 0:5]
    ramp = (x + 10 * y + 100 * z).astype(np.int16)
    _write(folder / "ramp.nii.gz", ramp)
    _write(folder / "spread.nii.gz", (ramp / 8).astype(np.float32), (2.0, 1.0, 3.0))
    blocks = np.zeros((5, 6, 7), np.uint8)
    blocks[:2, :2, :2] = 1
    blocks[2, 4, 4:7] = 2
    blocks[4, 5, 6] = 3
    _write(folder / "blocks.nii.gz", blocks)
    _write(folder / "shifted.nii.gz", ramp, origin=(10.0, 0.0, 0.0))
    _write(folder / "wide.nii.gz", np.arange(60, dtype=np.int16).reshape(5, 4, 3))
    _write(folder / "nudged.nii.gz", ramp, origin=(5e-7, 0.0, 0.0))
    _write(folder / "sheet.nii.gz", ramp[:1])
    _write(folder / "ramp.nrrd", ramp)
    (folder / "folder" / "deep").mkdir(parents=True)
    (folder / "folder" / "notes.txt").write_text("these are images\n")
    for number, name in enumerate(("a", "b", "c", "deep/d")):
        counted = np.arange(60, dtype=np.int16).reshape(3, 4, 5) - 5 * number
        _write(folder / "folder" / f"{name}.nii.gz", counted.astype(np.int16))
    head, truth = _head()
    _write(folder / "head.nii.gz", head)
    _write(folder / "truth.nii.gz", truth)
    _write_pictures(folder)
    _write_broken_images(folder)
    _write_programs(folder)


def _head() -> tuple[np.ndarray, np.ndarray]:
    """A head of 100 to 108, a tumor of 200 to 202 in a rim of 170, a bright spot, a dark hole."""
    z, y, x = np.mgrid[0:6, 0:12, 0:12]
    head = np.where((x - 5.5) ** 2 + (y - 5.5) ** 2 <= 25, 100 + 2 * ((x + 2 * y + 3 * z) % 5), 0)
    truth = np.zeros(head.shape, np.uint8)
    truth[1:5, 3:8, 3:8] = 1
    head[1:5, 3:8, 3:8] = 170
    core = (slice(2, 4), slice(4, 7), slice(4, 7))
    head[core] = (200 + (x + y + z) % 3)[core]
    head[3, 9, 6] = 210
    head[4, 2, 6] = 0
    return head.astype(np.int16), truth


def _write_pictures(folder: Path) -> None:
    _write(folder / "grey.png", np.arange(0, 120, 10, dtype=np.uint8).reshape(3, 4))
    colors = [[(255, 0, 0), (0, 255, 0), (0, 0, 255)], [(0, 0, 0), (255, 255, 255), (10, 20, 30)]]
    picture = sitk.GetImageFromArray(np.array(colors, np.uint8), isVector=True)
    sitk.WriteImage(picture, str(folder / "color.png"))
    shapes = np.zeros((6, 8), np.uint8)
    shapes[0, :2] = shapes[1, 0] = 255
    shapes[2:5, 3:6] = 200
    shapes[3, 4] = 0
    shapes[0, 7], shapes[5, 0] = 100, 50
    _write(folder / "shapes.png", shapes)
    clear = [[(10, 20, 30, 0), (40, 50, 60, 128)], [(70, 80, 90, 255), (0, 0, 0, 64)]]
    picture = sitk.GetImageFromArray(np.array(clear, np.uint8), isVector=True)
    sitk.WriteImage(picture, str(folder / "alpha.png"))


def _write_broken_images(folder: Path) -> None:
    (folder / "notes.nii.gz").write_text("this is no image\n")
    whole = (folder / "ramp.nii.gz").read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    noise = np.random.default_rng(1).integers(0, 30000, (24, 24, 24), np.int16)
    _write(folder / "short.nii.gz", noise)
    whole = (folder / "short.nii.gz").read_bytes()
    (folder / "short.nii.gz").write_bytes(whole[: len(whole) * 2 // 3])
    volumes = [sitk.GetImageFromArray(np.zeros((3, 3, 3), np.int16)) for _ in range(2)]
    sitk.WriteImage(sitk.JoinSeries(volumes), str(folder / "four.nii.gz"))


def _write_programs(folder: Path) -> None:
    (folder / "latin.imgql").write_bytes("// caf\xe9\nlet a = 1\n".encode("latin-1"))
    (folder / "shared.imgql").write_text("let twice(v) = v *. 2\nlet ++(a, b) = (a | b)\n")
    (folder / "scans").mkdir()
    (folder / "scans" / "outer.imgql").write_text('import "inner"\nlet fourfold(v) = four .* v\n')
    (folder / "scans" / "inner.imgql").write_text("let four = 4\n")
    (folder / "circle.imgql").write_text('import "circle.imgql"\nlet around(v) = v +. 1\n')
    (folder / "walks.imgql").write_text(
        "let square(n) = n * n\nlet squares(xs) = for x in xs do square(x)\n"
        "let total(xs) = fold + 0 xs\n"
    )
    (folder / "flawed.imgql").write_text("let fine = 1\nlet flaw = missing\n")


def _write(
    path: Path,
    array: np.ndarray,
    spacing: tuple[float, ...] | None = None,
    origin: tuple[float, ...] | None = None,
) -> None:
    image = sitk.GetImageFromArray(array)
    if spacing:
        image.SetSpacing(spacing)
    if origin:
        image.SetOrigin(origin)
    sitk.WriteImage(image, str(path))
