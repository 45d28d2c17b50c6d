"""``voxgpu kernels``: ahead-of-time compilation of kernels for CPUs and GPUs."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import options_of, options_without_program
from voxgpu.cli.terminal import print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError, Source

if TYPE_CHECKING:
    from voxgpu.codegen.kernel import Kernel
    from voxgpu.codegen.nvrtc import Built

_ARCHITECTURE = re.compile(r"(?:sm_)?(\d{2,3})$")


class _Architectures(click.ParamType):  # type: ignore[type-arg]
    """Architectures such as ``sm_80,sm_90``."""

    name = "architectures"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers of the architectures."""
        if isinstance(value, tuple):
            return value
        matches = [_ARCHITECTURE.match(each.strip()) for each in value.split(",")]
        numbers = tuple(int(each[1]) for each in matches if each)
        if len(numbers) < len(matches):
            self.fail(f"{value!r} names no architectures; write sm_80,sm_90", param, ctx)
        return numbers


@click.group()
def command() -> None:
    """Compile kernels ahead of time, for this CPU or for GPUs that this computer may lack."""


@command.command()
@click.argument("programs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--arch",
    "architectures",
    type=_Architectures(),
    metavar="sm_80,sm_90",
    help="Architectures of the GPUs: A100 sm_80, RTX 4090 sm_89, H100 sm_90.",
)
@click.option("--cpu", is_flag=True, help="Compile for CPUs like the one of this computer.")
@click.option(
    "--environment",
    is_flag=True,
    help="Save in the folder of the Python environment, for all its users.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show the GPU resources that each kernel uses.")
@options_without_program
def build(
    programs: tuple[Path, ...],
    architectures: tuple[int, ...] | None,
    cpu: bool,
    environment: bool,
    verbose: bool,
    **arguments: Any,
) -> int:
    """Compile all hand-written kernels, the standard ones, and those that PROGRAMS need.

    They are saved in the platform's cache folder, or in that of VOXGPU_CACHE: run this on a login
    node, with a folder that the other nodes see. Users who may read that folder may use the
    kernels.
    """
    from voxgpu.caches.location import environment_folder
    from voxgpu.codegen.jit import code_folder, set_cache_folder

    if not architectures and not cpu:
        raise click.UsageError("Missing option '--arch' or '--cpu': for GPUs, or for this CPU")
    if environment:
        set_cache_folder(environment_folder() / "kernels")
    if cpu:
        _build_for_cpu(programs, arguments)
    if architectures:
        _build_for_gpus(programs, architectures, verbose, arguments)
    _let_others_read(code_folder())
    return 0


def _build_for_gpus(
    programs: tuple[Path, ...],
    architectures: tuple[int, ...],
    verbose: bool,
    arguments: dict[str, Any],
) -> None:
    from voxgpu.codegen import nvrtc
    from voxgpu.codegen.cuda_kernels import libraries, library_text

    missing = nvrtc.missing()
    if missing:
        raise ImgqlError([Diagnostic("E501", f"nothing is compiled: {missing}")])
    unknown = [each for each in architectures if each not in nvrtc.architectures()]
    if unknown:
        known = ", ".join(f"sm_{each}" for each in nvrtc.architectures())
        message = f"NVRTC {nvrtc.version()} makes no code for sm_{unknown[0]}"
        raise ImgqlError([Diagnostic("E501", message, help=f"it knows {known}")])
    texts = [(f"{stem}.cu", library_text(stem)) for stem in libraries()]
    texts += [text for path in programs for text in _of_program(path, arguments)]
    for architecture in architectures:
        _build(architecture, texts, verbose)


def _build_for_cpu(programs: tuple[Path, ...], arguments: dict[str, Any]) -> None:
    from voxgpu.backends.cpu.precompile import kernels_of_catalogue
    from voxgpu.codegen.compile import prepare
    from voxgpu.codegen.numba_kernels import kernel, kernels_of_library
    from voxgpu.primitives.catalogue import standard_primitives

    generated = [
        ("kernels of single primitives", kernels_of_catalogue(standard_primitives())),
        *((path.name, _of_program_on_cpu(path, arguments)) for path in programs),
    ]
    with _counted("hand-written kernels"):
        for name in kernels_of_library():
            kernel(*name)
    for what, kernels in generated:
        with _counted(what):
            for each in kernels:
                prepare(each)


@contextmanager
def _counted(what: str) -> Iterator[None]:
    """Report how many kernels were compiled in the block."""
    from voxgpu.codegen.jit import jit_compiler

    before = jit_compiler().compiled
    yield
    count = jit_compiler().compiled - before
    click.echo(f"cpu    {what}: {f'{count} compiled' if count else 'there already'}")


def _of_program_on_cpu(path: Path, arguments: dict[str, Any]) -> Iterator[Kernel]:
    """The generated kernels of a program; raises ImgqlError if it has errors.

    Values that control lowering, such as a number used as a condition, are computed.
    """
    from voxgpu.backends.cpu.precompile import kernels_of
    from voxgpu.compile import read_source
    from voxgpu.session import open_session
    from voxgpu.session_settings import SessionSettings

    options = options_of(arguments)
    with open_session(SessionSettings("cpu", roots=options.roots)) as session:
        compiled = session.compile(read_source(path), path, options)
    if compiled.errors:
        raise ImgqlError(compiled.diagnostics)
    yield from kernels_of(compiled.plan)


def _let_others_read(folder: Path | None) -> None:
    """Make compiled kernels readable for the users who may read the folder above theirs."""
    if folder is None or not folder.is_dir() or not hasattr(os, "getuid"):
        return
    shared = folder.parent.stat().st_mode & 0o055
    for each in (folder, *folder.iterdir()):
        with suppress(OSError):
            mode = stat.S_IMODE(each.stat().st_mode)
            each.chmod(mode | (shared if each.is_dir() else shared & 0o044))


def _of_program(path: Path, arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The generated kernels of a program as one text; raises ImgqlError if it has errors."""
    from voxgpu.backends.cuda.precompile import text_of
    from voxgpu.compile import compile_program, read_source

    source: Source = read_source(path)
    compiled = compile_program(source, path, options_of(arguments))
    if compiled.errors:
        raise ImgqlError(compiled.diagnostics)
    text = text_of(compiled.plan)
    if text:
        yield path.name, text


def _build(architecture: int, texts: list[tuple[str, str]], verbose: bool) -> None:
    from voxgpu.backends.cuda.create import cubins_for

    cubins = cubins_for(architecture)
    for name, text in texts:
        built = cubins.build(text)
        where = "compiled" if built is not None else "there already"
        click.echo(f"sm_{architecture}  {name}: {where}")
        if verbose and built is not None:
            _tell(built)


def _tell(built: Built) -> None:
    for name, taken in sorted(built.resources.items()):
        print_stderr(
            f"    {name}: {taken.registers} registers, {taken.spills} bytes of spills, "
            f"{taken.shared} bytes of shared memory"
        )
