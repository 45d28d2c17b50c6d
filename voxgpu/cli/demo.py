"""``voxgpu demo``: a complete example, from a synthetic head to a picture of its tumor."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from voxgpu.cli.head_options import head_options
from voxgpu.cli.options import check_writable
from voxgpu.cli.terminal import print_diagnostics, print_stderr, progress

if TYPE_CHECKING:
    from voxgpu.session import Result

#: The thresholds of the program, which also suit real FLAIR images.
PARAMETERS = {"HI": "0.93", "VI": "0.89", "BINS": "20", "SIM": "0.6"}

_FOUND, _TRUE = (230, 159, 0), (86, 180, 233)


@click.command()
@head_options("voxgpu-demo", "DIR", "Folder for the head, the results and the pictures.", (32, 512))
def command(output: Path, seed: int, size: tuple[int, int, int]) -> int:
    """Generate a synthetic head with a tumor, find the tumor with an ImgQL program, and draw it.

    The head is as large as a real one: --size says by how many voxels.
    """
    from voxgpu.demo.phantom import make_phantom, natural_spacing, write_phantom

    start = perf_counter()
    check_writable(output / "head_flair.nii.gz")
    print_stderr("making a head with a tumor …")
    shape = (size[2], size[1], size[0])
    # The program measures in mm: of fewer voxels, the head stays as large by larger ones.
    phantom = make_phantom(shape, seed, natural_spacing(shape))
    prefix = output / "head"
    write_phantom(phantom, str(prefix))
    result = _found(prefix, output)
    if result.errors:
        print_diagnostics(result.errors)
        return 1
    pictures = _draw(prefix, result, output)
    click.echo(f"head     {prefix}_flair.nii.gz, _t1, _t1ce, _t2, _seg")
    click.echo(f"program  {output / 'tumor.imgql'}")
    click.echo(f"results  {', '.join(saved.label for saved in result.saved)}")
    for picture in pictures:
        click.echo(f"picture  {picture}")
    print_stderr(f"done in {perf_counter() - start:.0f} s")
    return 0


def _found(prefix: Path, output: Path) -> Result:
    """Run the tumor program, of which a copy is saved for the user to change."""
    from voxgpu.compile import Options, compile_program, read_source
    from voxgpu.execution.events import Event, Started
    from voxgpu.provenance.program_run import Circumstances, ProgramRun
    from voxgpu.provenance.sidecar_writer import SidecarWriter
    from voxgpu.session import open_session
    from voxgpu.session_settings import SessionListeners, SessionSettings

    program = output / "tumor.imgql"
    with as_file(files("voxgpu.demo").joinpath("tumor.imgql")) as bundled:
        program.write_bytes(bundled.read_bytes())
    options = Options({"CASE": str(prefix), **PARAMETERS}, output)
    compiled = compile_program(read_source(program), program, options)
    run = ProgramRun(compiled, Circumstances(program, options))
    chosen: list[str] = []
    beside = SidecarWriter(run, program.name, lambda: chosen[-1] if chosen else "")
    total, done = len(compiled.plan.nodes), 0
    with progress(True) as bar:

        def observe(event: Event) -> None:
            nonlocal done
            if isinstance(event, Started):
                done += 1
                bar.show(event.task.name, done, total)

        def tell(printed: object) -> None:
            with bar.paused():
                click.echo(str(printed))

        listeners = SessionListeners(
            tell, observe=observe, on_device=lambda device: chosen.append(device.name)
        )
        with open_session(SessionSettings(output=output), listeners) as session:
            return session.execute(compiled, beside)


def _draw(prefix: Path, result: Result, output: Path) -> list[Path]:
    """Draw a picture of the tumor's bright part and one of the whole tumor."""
    from voxgpu.files.header import read_header
    from voxgpu.files.read import read_image
    from voxgpu.image import Image
    from voxgpu.report.montage import Outline, montage, write_montage

    flair = read_image(read_header(Path(f"{prefix}_flair.nii.gz")))
    labels = read_image(read_header(Path(f"{prefix}_seg.nii.gz")))
    truth = Outline("true", Image(labels.array > 0, labels.grid), _TRUE)
    images = {saved.label: saved.image for saved in result.saved}
    dice = {p.label: p.value for p in result.prints if isinstance(p.value, float)}
    pictures = []
    for name in ("hyperIntense", "gtv"):
        segmented = Outline("found", images[f"{name}.nii.gz"], _FOUND)
        title = f"{name}: Dice {dice[f'dice_{name}']:.3f}"
        path = output / f"{name}.png"
        write_montage(path, montage(flair, [truth, segmented], title=title))
        pictures.append(path)
    return pictures
