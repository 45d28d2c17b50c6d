"""``voxgpu phantom``: a synthetic head with a tumor."""

from __future__ import annotations

from pathlib import Path

import click

from voxgpu.cli.options import UserPath, check_writable


@click.command()
@click.option(
    "-o",
    "--output",
    type=UserPath(path_type=Path, readable=False),
    default=Path("phantom"),
    metavar="PREFIX",
    show_default=True,
    help="Prefix of the file names: PREFIX_flair.nii.gz, _t1, _t1ce, _t2, _seg.",
)
@click.option(
    "--size",
    type=click.IntRange(16, 1024),
    nargs=3,
    default=(240, 240, 155),
    metavar="X Y Z",
    show_default=True,
    help="Voxels along each axis.",
)
@click.option("--spacing", type=float, default=1.0, show_default=True, help="mm between voxels.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed that determines the head.",
)
def command(output: Path, size: tuple[int, int, int], spacing: float, seed: int) -> int:
    """Write the MRI sequences of a synthetic head with a tumor, and the tumor's ground truth."""
    from voxgpu.demo.phantom import make_phantom, write_phantom

    if not 0 < spacing < float("inf"):
        message = "the spacing must be a number of mm greater than 0"
        raise click.BadParameter(message, param_hint="--spacing")
    check_writable(Path(f"{output}_flair.nii.gz"))
    phantom = make_phantom((size[2], size[1], size[0]), seed, spacing)
    for path in write_phantom(phantom, str(output)):
        click.echo(path)
    return 0
