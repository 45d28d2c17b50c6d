"""``voxgpu picture``: slices of an image with regions drawn on them, as a PNG file."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.options import UserPath, check_writable
from voxgpu.cli.parameter_types import Number
from voxgpu.cli.terminal import print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.image import Image
    from voxgpu.report.montage import Outline
    from voxgpu.report.montage_layout import Picture

_Work = TypeVar("_Work")

#: Pixels of a tile, of an image with slices and without.
_TILE, _FLAT = 256, 1024

#: Pixels of a picture in the terminal, along the longer edge.
_MOST_SHOWN = 1200

_RANGE = re.compile(r"(\d+)(?::(\d+)(?::(\d+))?)?$")


def _slices(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.match(part.strip())
        if match is None:
            message = f"{text!r} is not like 40,60,80 or 40:80:10"
            raise click.BadParameter(message, context, parameter)
        first, last, step = (int(each) if each else None for each in match.groups())
        assert first is not None
        is_empty = last is not None and last < first
        if step == 0 or is_empty or (last or 0) > 1_000_000:
            raise click.BadParameter(f"{part!r} is no range of slices", context, parameter)
        found += range(first, (first if last is None else last) + 1, step or 1)
    return tuple(found)


def _window(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not -1e300 < low < high < 1e300:
        raise click.BadParameter(f"{text!r} is not LOW,HIGH, such as 0,600", context, parameter)
    return low, high


@click.command()
@click.argument("image", type=UserPath(path_type=Path))
@click.option(
    "-m",
    "--mask",
    "masks",
    multiple=True,
    type=UserPath(path_type=Path),
    metavar="FILE",
    help="Mask or labels to draw, on the grid of IMAGE; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE.png",
    help="The file to write; without it the picture is shown in the terminal.",
)
@click.option(
    "--plane",
    type=click.Choice(["axial", "coronal", "sagittal"]),
    default="axial",
    help="Direction of the slices (axial).",
)
@click.option(
    "--slices",
    callback=_slices,
    metavar="N,N:M:STEP",
    help="Slices to draw, by their index in the file's array; both ends are included (default: "
    "spread evenly through the masks, else through the image).",
)
@click.option("--columns", type=click.IntRange(1, 100), default=4, help="Slices in a row (4).")
@click.option("--rows", type=click.IntRange(1, 100), default=3, help="Rows of slices (3).")
@click.option(
    "--size",
    type=click.IntRange(32, 8000),
    help="Pixels along the longer edge of a slice (256; 1024 in 2-D).",
)
@click.option(
    "--opacity",
    type=Number(0, 1),
    default=0.3,
    help="Opacity of masks within their outlines (0.3).",
)
@click.option(
    "--window", callback=_window, metavar="LOW,HIGH", help="Values shown as black and as white."
)
@click.option("--volume", type=click.IntRange(min=0), help="The volume to draw, of several (0).")
@click.option("--title", default="", help="A title.")
def command(image: Path, masks: tuple[Path, ...], output: Path | None, **arguments: Any) -> int:
    """Draw slices of IMAGE with the regions of masks, as outlines and transparent overlays.

    The front of the patient is up in axial slices, the head in the others; the patient's left is at
    the right. An image of labels has a color for each. Masks must lie on the grid of IMAGE.
    """
    if output is None and not sys.stdout.isatty():
        raise click.UsageError("a picture needs a file: -o picture.png")
    if output is not None:
        if output.suffix.lower() != ".png":
            raise click.BadParameter(f"{output}: pictures are PNG files", param_hint="--output")
        if any(output.resolve() == each.resolve() for each in (image, *masks)):
            raise click.BadParameter(f"{output} is an input", param_hint="--output")
        check_writable(output)
    how = _protocol() if output is None else ""
    drawn = _drawn(image, masks, **arguments)
    if output is None:
        _show(drawn, how)
        return 0
    from voxgpu.report.montage import write_montage

    write_montage(output, drawn)
    print_stderr(f"saved {output.absolute()}, {drawn.shape[1]}×{drawn.shape[0]} pixels")
    return 0


def _drawn(
    path: Path,
    masks: Sequence[Path],
    plane: str,
    slices: Sequence[int] | None,
    columns: int,
    rows: int,
    size: int | None,
    opacity: float,
    window: tuple[float, float] | None,
    volume: int | None,
    title: str,
) -> Picture:
    """The picture. Raises FileError for files that cannot be read, else ImgqlError."""
    from voxgpu.report.montage import montage
    from voxgpu.report.montage_regions import outlines_of

    background = _read(path, volume)
    regions = [(each, _read(each, volume, of_mask=True)) for each in masks]
    for each, region in regions:
        _check_mask(path, background, each, region)
    for each, region in regions:
        _tell_fractions(each, region)
    outlines = outlines_of(regions)
    if not masks:
        background, outlines = _labels_apart(path, background)
        opacity = max(opacity, 0.8) if outlines else 0.0
    is_flat = background.grid.dimensions == 2
    if is_flat:
        columns = rows = 1
    return _refused(
        lambda: montage(
            background,
            outlines,
            title=title,
            columns=columns,
            rows=rows,
            tile_pixels=size or (_FLAT if is_flat else _TILE),
            plane=plane,
            slices=None if is_flat else slices,
            fill=opacity,
            window=window,
            in_color=True,
        )
    )


def _labels_apart(path: Path, image: Image) -> tuple[Image, list[Outline]]:
    """An image of labels as regions before a black background; another image as it is."""
    import numpy as np

    from voxgpu.image import Image as PlainImage
    from voxgpu.report.montage_regions import labels_of, outlines_of

    if len(labels_of(image)) < 2:
        return image, []
    black = PlainImage(np.zeros(image.array.shape, np.uint8), image.grid)
    return black, outlines_of([(path, image)])


def _read(path: Path, volume: int | None, of_mask: bool = False) -> Image:
    """The image in a file; of several volumes one, a mask may have a single one for all."""
    from voxgpu.files.header import read_header
    from voxgpu.files.read import read_image

    header = read_header(path)
    if header.volumes == 1:
        if volume and not of_mask:
            raise click.BadParameter(f"{path} has one volume", param_hint="--volume")
        return _plain(read_image(header))
    if volume is None and not of_mask:
        print_stderr(f"{path} has {header.volumes} volumes: volume 0 is drawn, --volume chooses")
    if (volume or 0) >= header.volumes:
        message = f"{path} has volumes 0 to {header.volumes - 1}"
        raise click.BadParameter(message, param_hint="--volume")
    return _plain(read_image(header.at(volume or 0)))


def _plain(image: Image) -> Image:
    """A single slice of a volume as a 2-D image."""
    from voxgpu.image import Image as PlainImage

    axis = image.grid.thin_axis
    if axis is None or image.grid.dimensions == 2:
        return image
    return PlainImage(image.array.squeeze(axis), image.grid.without_axis(axis))


def _check_mask(path: Path, background: Image, of_mask: Path, mask: Image) -> None:
    """Raise ImgqlError if a mask does not fit the image."""
    from voxgpu.plan.grid_difference import difference

    if mask.channels > 1:
        message = f"the mask `{of_mask}` is an image of colors: take one channel of it"
        raise ImgqlError([Diagnostic("E202", message)])
    if not mask.grid.agrees_with(background.grid):
        message = f"the mask `{of_mask}` is on another grid than `{path}`: "
        message += difference(background.grid, mask.grid)
        help = "resample it in a program: resample(v, like)"
        raise ImgqlError([Diagnostic("E105", message, help=help)])


def _tell_fractions(path: Path, mask: Image) -> None:
    """Say on stderr which voxels are in a mask that has fractions, such as probabilities."""
    import numpy as np

    voxels = mask.array
    if (
        voxels.dtype.kind == "f"
        and not np.equal(np.floor(voxels), voxels)[np.isfinite(voxels)].all()
    ):
        print_stderr(
            f"warning: {path} has fractions: all voxels that are not 0 are in its region; "
            'a program chooses others: load p = "…" save "mask.nii.gz" p > 0.5'
        )


def _refused(work: Callable[[], _Work]) -> _Work:
    """What a function returns. Raises ImgqlError where the picture cannot be drawn."""
    try:
        return work()
    except ValueError as error:
        raise ImgqlError([Diagnostic("E202", str(error))]) from None


def _protocol() -> str:
    """How the terminal shows pictures. Raises UsageError if it shows none."""
    from voxgpu.interactive.picture_protocol import terminal_protocol

    how = terminal_protocol()
    if not how:
        raise click.UsageError("this terminal shows no pictures: name a file, -o picture.png")
    return how


def _show(drawn: Picture, how: str) -> None:
    """Show a picture in the terminal."""
    from voxgpu.interactive.picture import shown

    click.echo(shown(drawn, how, shutil.get_terminal_size().columns, _MOST_SHOWN), color=True)
