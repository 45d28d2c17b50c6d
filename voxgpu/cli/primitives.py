"""``voxgpu primitives``: what programs can use."""

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
@click.option("--check", is_flag=True, help="Run the examples of the files of --primitives.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--markdown", is_flag=True, help="Every entry, as a page of Markdown.")
def command(
    name: str | None, primitives: tuple[Path, ...], check: bool, as_json: bool, markdown: bool
) -> int:
    """List what programs can use, or explain NAME; also simpleitk.NAME."""
    from voxgpu.primitives.catalogue import standard_primitives
    from voxgpu.primitives.documentation import entries, markdown_page

    if markdown:
        click.echo(markdown_page(standard_primitives()), nl=False)
        return 0
    if check:
        return _checked(primitives)
    every = entries(_known(primitives))
    found = every if name is None else _named(name, every)
    if as_json:
        click.echo(json.dumps([each.as_json() for each in found], indent=1))
    elif name is None:
        width = max(len(" ".join(each.names)) for each in found)
        for each in found:
            click.echo(f"{' '.join(each.names):{width}}  {each.summary}")
    else:
        click.echo("\n\n".join(each.text for each in found))
    return 0


def _known(paths: tuple[Path, ...]) -> list[Primitive]:
    from voxgpu.cli.terminal import complain
    from voxgpu.pipeline import known_primitives

    diagnostics = Diagnostics()
    known = known_primitives(paths, diagnostics)
    if any(each.is_error for each in diagnostics.all):
        raise ImgqlError(diagnostics.all)
    complain(diagnostics.all)
    return known


def _named(name: str, every: list[Entry]) -> list[Entry]:
    """The entries under a name, or in the namespace it says."""
    from voxgpu.language.scope import suggestion
    from voxgpu.primitives.documentation import entries
    from voxgpu.primitives.simpleitk import SimpleITKNamespace

    found = [each for each in every if name in each.names]
    space, _, plain = name.partition(".")
    if space == "simpleitk":
        namespace = SimpleITKNamespace()
        refusal = namespace.refusal(plain)
        if refusal:
            raise click.ClickException(f"`{name}` cannot be used: {refusal}")
        found = entries(namespace.get(plain, ()))
    if not found:
        hint = suggestion(name, [one for each in every for one in each.names])
        raise click.ClickException(f"nothing is called `{name}`" + (f": {hint}" if hint else ""))
    return found


def _checked(paths: tuple[Path, ...]) -> int:
    """Runs the examples of the primitives of files; 1 where one gives something else."""
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
