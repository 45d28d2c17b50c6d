"""``voxgpu fmt``: programs in one layout."""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.cli.options import UserPath, primitives_option
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError, Span

if TYPE_CHECKING:
    from voxgpu.diagnostics import Source

#: The name of the text that comes from standard input.
_STDIN = Path("-")


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=UserPath(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@primitives_option
def command(files: tuple[Path, ...], check: bool, diff: bool, primitives: tuple[Path, ...]) -> int:
    """Lay out programs in one form. `-` reads standard input and writes standard output.

    Blanks, blank lines and the indentation of continued lines change; words, comments and line
    breaks within commands stay, and so does what a program means. A file with mistakes in its
    syntax is left alone, and they are told. Exit status: 0 all is well, 1 a file has mistakes, or
    with --check another layout, 2 wrong usage.
    """
    status = 0
    for file in files:
        try:
            source = _source(file)
            text = _formatted(source, file, primitives)
        except ImgqlError as error:
            print_diagnostics(error.diagnostics)
            status = 1
            continue
        changes = text != source.text
        if diff:
            _show_difference(source, text)
        elif file == _STDIN and not check:
            click.echo(text, nl=False)
        elif changes and not check:
            _write(file, text)
            print_stderr(f"formatted {file}")
        if check and changes:
            print_stderr(f"{source.name} would be formatted")
            status = 1
    return status


def _source(file: Path) -> Source:
    from voxgpu.compile import read_source
    from voxgpu.diagnostics import Source

    if file != _STDIN:
        return read_source(file)
    try:
        return Source("standard input", sys.stdin.buffer.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        from voxgpu.language.imports import not_text

        raise ImgqlError([not_text("standard input", error)]) from error


def _formatted(source: Source, file: Path, primitives: tuple[Path, ...]) -> str:
    """The text in its layout. Raises ImgqlError with the mistakes in its syntax."""
    from voxgpu.compile import Options
    from voxgpu.language.formatting import UnstableLayoutError, formatted
    from voxgpu.read_syntax import read_syntax

    path = None if file == _STDIN else file
    operators, mistakes = read_syntax(source, path, Options(primitives=primitives))
    if mistakes:
        raise ImgqlError(mistakes)
    try:
        return formatted(source, operators)
    except UnstableLayoutError:
        message = "the layout cannot be changed without changing what is read"
        span = Span(source, 0, 0)
        help = "please report this program; it is left as it is"
        raise ImgqlError([Diagnostic("E100", message, span, help=help)]) from None


def _show_difference(source: Source, text: str) -> None:
    before, after = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    for line in unified_diff(before, after, source.name, f"{source.name} (formatted)"):
        click.echo(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", nl=False
        )


def _write(file: Path, text: str) -> None:
    """Replace a file by its new text, with its permissions; links are followed."""
    from voxgpu.cli.options import check_writable
    from voxgpu.temporary_files import whole_file

    target = file.resolve()
    check_writable(target, "another folder")
    mode = target.stat().st_mode
    with whole_file(target) as temporary:
        temporary.write_text(text, "utf-8", newline="")
        temporary.chmod(mode)
