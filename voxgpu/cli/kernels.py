"""``voxgpu kernels``: code for GPUs, made ahead of the runs that need it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import options_of, without_program
from voxgpu.cli.terminal import say
from voxgpu.diagnostics import Diagnostic, ImgqlError, Source

if TYPE_CHECKING:
    from voxgpu.codegen.nvrtc import Built

_ARCHITECTURE = re.compile(r"(?:sm_)?(\d{2,3})$")


class _Architectures(click.ParamType):  # type: ignore[type-arg]
    """Architectures such as ``sm_80,sm_90``."""

    name = "architectures"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Their numbers."""
        if isinstance(value, tuple):
            return value
        found = [_ARCHITECTURE.match(each.strip()) for each in value.split(",")]
        numbers = tuple(int(each[1]) for each in found if each)
        if len(numbers) < len(found):
            self.fail(f"{value!r} names no architectures; write sm_80,sm_90", param, ctx)
        return numbers


@click.group()
def command() -> None:
    """Make code for GPUs ahead, on a computer that need not have one."""


@command.command()
@click.argument("programs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--arch",
    "architectures",
    type=_Architectures(),
    required=True,
    metavar="sm_80,sm_90",
    help="For which GPUs: A100 sm_80, RTX 4090 sm_89, H100 sm_90.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell what each kernel takes of a GPU.")
@without_program
def build(
    programs: tuple[Path, ...], architectures: tuple[int, ...], verbose: bool, **given: Any
) -> int:
    """Compile all hand-written kernels, and those that PROGRAMS make, into the cache.

    The cache is the platform's folder, or that of VOXGPU_CACHE: make it on a login node, in a
    folder that the nodes with GPUs see.
    """
    from voxgpu.codegen import nvrtc
    from voxgpu.codegen.cuda_library import libraries, library_text

    missing = nvrtc.missing()
    if missing:
        raise ImgqlError([Diagnostic("E501", f"nothing is compiled: {missing}")])
    unknown = [each for each in architectures if each not in nvrtc.architectures()]
    if unknown:
        known = ", ".join(f"sm_{each}" for each in nvrtc.architectures())
        message = f"NVRTC {nvrtc.version()} makes no code for sm_{unknown[0]}"
        raise ImgqlError([Diagnostic("E501", message, help=f"it knows {known}")])
    texts = [(f"{stem}.cu", library_text(stem)) for stem in libraries()]
    texts += [text for path in programs for text in _of_program(path, given)]
    for architecture in architectures:
        _build(architecture, texts, verbose)
    return 0


def _of_program(path: Path, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The generated kernels of a program as one text; raises ImgqlError where it has mistakes."""
    from voxgpu.gpu.ahead import text_of
    from voxgpu.pipeline import compile_program, read_source

    source: Source = read_source(path)
    compiled = compile_program(source, path, options_of(given))
    if compiled.errors:
        raise ImgqlError(compiled.diagnostics)
    text = text_of(compiled.plan)
    if text:
        yield path.name, text


def _build(architecture: int, texts: list[tuple[str, str]], verbose: bool) -> None:
    from voxgpu.gpu.opened import cubins_for

    cubins = cubins_for(architecture)
    for name, text in texts:
        built = cubins.build(text)
        where = "compiled" if built is not None else "there already"
        click.echo(f"sm_{architecture}  {name}: {where}")
        if verbose and built is not None:
            _tell(built)


def _tell(built: Built) -> None:
    for name, taken in sorted(built.resources.items()):
        say(
            f"    {name}: {taken.registers} registers, {taken.spills} bytes of spills, "
            f"{taken.shared} bytes of shared memory"
        )
