"""``voxgpu fmt``: programs in one layout."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    breaks within commands stay, and so does what a program means. Line ends stay LF or CRLF,
    whichever most lines have, and a byte order mark stays. A file with mistakes in its
    syntax is left alone, and they are told. Exit status: 0 all is well, 1 a file has mistakes, or
    with --check another layout, 2 wrong usage.
    """
    status = 0
    for file in files:
        try:
            source, marks = _source(file)
            text = _formatted(source, file, primitives)
            laid_out = marks.encoded(text)
        except ImgqlError as error:
            print_diagnostics(error.diagnostics)
            status = 1
            continue
        changes = laid_out != marks.content
        if diff:
            _show_difference(source, text)
        elif file == _STDIN and not check:
            click.echo(laid_out, nl=False)
        elif changes and not check:
            _write(file, laid_out)
            print_stderr(f"formatted {file}")
        if check and changes:
            print_stderr(f"{source.name} would be formatted")
            status = 1
    return status


class _Marks(NamedTuple):
    """What the bytes of a program have beside its text.

    content  the bytes
    mark     the byte order mark; empty if there is none
    end      the end of most lines
    """

    content: bytes
    mark: bytes
    end: bytes

    def encoded(self, text: str) -> bytes:
        """The bytes of another text with LF as its line ends."""
        return self.mark + text.encode().replace(b"\n", self.end)


def _marks(content: bytes) -> _Marks:
    mark = BOM_UTF8 if content.startswith(BOM_UTF8) else b""
    windows = content.count(b"\r\n")
    return _Marks(content, mark, b"\r\n" if 2 * windows > content.count(b"\n") else b"\n")


def _source(file: Path) -> tuple[Source, _Marks]:
    """A program and its marks. Raises ImgqlError if it cannot be read."""
    from voxgpu.diagnostics import Source

    name = "standard input" if file == _STDIN else str(file)
    try:
        content = sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
        return Source(name, content.decode("utf-8-sig")), _marks(content)
    except UnicodeDecodeError as error:
        from voxgpu.language.imports import not_text

        raise ImgqlError([not_text(name, error)]) from error
    except OSError as error:
        message = f"cannot read the program `{name}`: {error.strerror or error}"
        raise ImgqlError([Diagnostic("E109", message)]) from error


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
    before, after = (
        each.replace("\r\n", "\n").splitlines(keepends=True) for each in (source.text, text)
    )
    for line in unified_diff(before, after, source.name, f"{source.name} (formatted)"):
        click.echo(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", nl=False
        )


def _write(file: Path, content: bytes) -> None:
    """Replace a file by its new content, with its permissions; links are followed."""
    from voxgpu.cli.options import check_writable
    from voxgpu.temporary_files import whole_file

    target = file.resolve()
    check_writable(target, "another folder")
    mode = target.stat().st_mode
    with whole_file(target) as temporary:
        temporary.write_bytes(content)
        temporary.chmod(mode)
