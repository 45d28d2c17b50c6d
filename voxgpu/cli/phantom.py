"""``voxgpu phantom``: a synthetic head with a tumor."""

from __future__ import annotations

from pathlib import Path

import click

from voxgpu.cli.head_options import head_options
from voxgpu.cli.options import check_writable
from voxgpu.cli.parameter_types import Number


@click.command()
@head_options(
    "phantom",
    "PREFIX",
    "Prefix of the file names: PREFIX_flair.nii.gz, _t1, _t1ce, _t2, _seg.",
    (16, 1024),
)
@click.option(
    "--spacing",
    type=Number(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="mm between voxels.",
)
def command(output: Path, size: tuple[int, int, int], spacing: float, seed: int) -> int:
    """Write the MRI sequences of a synthetic head with a tumor, and the tumor's ground truth."""
    from voxgpu.demo.phantom import make_phantom, write_phantom

    check_writable(Path(f"{output}_flair.nii.gz"))
    phantom = make_phantom((size[2], size[1], size[0]), seed, spacing)
    for path in write_phantom(phantom, str(output)):
        click.echo(path)
    return 0
