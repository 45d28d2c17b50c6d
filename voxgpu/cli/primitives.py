"""``voxgpu primitives``: what programs can use."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--markdown", is_flag=True, help="As the page docs/primitives.md.")
def command(name: str | None, as_json: bool, markdown: bool) -> int:
    """List what programs can use, or explain NAME."""
    from voxgpu.primitives.catalogue import standard_primitives
    from voxgpu.primitives.documentation import entries, markdown_page

    primitives = standard_primitives()
    if markdown:
        click.echo(markdown_page(primitives), nl=False)
        return 0
    found = [each for each in entries(primitives) if name is None or name in each.names]
    if not found:
        from voxgpu.language.scope import suggestion

        every = [one for each in entries(primitives) for one in each.names]
        hint = suggestion(name or "", every)
        raise click.ClickException(f"nothing is called `{name}`" + (f": {hint}" if hint else ""))
    if as_json:
        click.echo(json.dumps([each.as_json() for each in found], indent=1))
    elif name is None:
        width = max(len(" ".join(each.names)) for each in found)
        for each in found:
            click.echo(f"{' '.join(each.names):{width}}  {each.summary}")
    else:
        click.echo("\n\n".join(each.text for each in found))
    return 0
