"""``voxgpu primitives``: the names that programs can use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.cli.options import primitives_option
from voxgpu.diagnostics import Diagnostics, ImgqlError

if TYPE_CHECKING:
    from voxgpu.primitives.documentation import Entry
    from voxgpu.primitives.primitive import Primitive


@click.command()
@click.argument("name", required=False)
@primitives_option
@click.option(
    "--search", metavar="WORDS", help="List entries with these words, SimpleITK's included."
)
@click.option("--check", is_flag=True, help="Run the examples of the files of --primitives.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--markdown", is_flag=True, help="Write every entry, as a page of Markdown.")
def command(
    name: str | None,
    primitives: tuple[Path, ...],
    search: str | None,
    check: bool,
    as_json: bool,
    markdown: bool,
) -> int:
    """List the names that programs can use, or explain NAME: a function, operator or command.

    `simpleitk` lists the functions of SimpleITK, `simpleitk.NAME` explains one of them.
    """
    from voxgpu.manual import NoSuchName, manual, named, namespace, primitives_page
    from voxgpu.manual import search as searched

    if markdown:
        click.echo(primitives_page(), nl=False)
        return 0
    if check:
        return _checked(primitives)
    every = manual(_known(primitives))
    try:
        entries = every if name is None else named(name, every)
    except NoSuchName as error:
        raise click.ClickException(str(error)) from None
    if search is not None:
        entries = searched(search, entries if name else [*entries, *namespace()])
        if not entries:
            raise click.ClickException(f"nothing mentions `{search}`")
    if as_json:
        click.echo(json.dumps([each.as_json() for each in entries], indent=1))
    elif name is None or search is not None or name == "simpleitk":
        _list(entries, by_family=search is None)
        if name is None and search is None:
            click.echo("\nsimpleitk: `voxgpu primitives simpleitk` lists SimpleITK's functions")
    else:
        click.echo("\n\n".join(each.text for each in entries))
    return 0


#: Width of names; the explanation of a wider one starts on the next line.
_WIDEST = 28


def _list(every: list[Entry], by_family: bool) -> None:
    """Print a line for each entry, under the name of its family."""
    lines = [(each.family, " ".join(each.names), each.summary) for each in every]
    width = min(_WIDEST, max(len(names) for _, names, _ in lines))
    last = None
    for family, names, summary in lines:
        if by_family and family != last:
            click.echo(("\n" if last else "") + family.replace("_", " "))
            last = family
        fits = len(names) <= width
        click.echo(f"  {names:{width}}  {summary}" if fits else f"  {names}")
        if not fits:
            click.echo(f"  {'':{width}}  {summary}")


def _known(paths: tuple[Path, ...]) -> list[Primitive]:
    from voxgpu.cli.terminal import print_diagnostics
    from voxgpu.compile import known_primitives

    diagnostics = Diagnostics()
    known = known_primitives(paths, diagnostics)
    if any(each.is_error for each in diagnostics.all):
        raise ImgqlError(diagnostics.all)
    print_diagnostics(diagnostics.all)
    return known


def _checked(paths: tuple[Path, ...]) -> int:
    """Run the examples of the primitives in files; returns 1 if one gives another result."""
    from voxgpu.primitives.examples import failures
    from voxgpu.primitives.extension import BrokenExtension, from_file

    if not paths:
        raise click.UsageError("--check needs --primitives FILE.py")
    failed = total = 0
    for path in paths:
        try:
            primitives = from_file(path)
        except BrokenExtension as broken:
            raise ImgqlError([broken.diagnostic]) from broken
        total += len(primitives)
        for failure in failures(primitives):
            failed += 1
            click.echo(failure)
    click.echo(f"{total} overloads, {failed or 'no'} examples that fail")
    return 1 if failed else 0
