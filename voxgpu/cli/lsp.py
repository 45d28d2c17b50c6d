"""``voxgpu lsp``: the language server."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import click

from voxgpu.cli.options import options_of, options_without_program
from voxgpu.diagnostics import Diagnostic, ImgqlError


@click.command()
@options_without_program
def command(**arguments: Any) -> int:
    """Tell an editor about programs: a language server (LSP) on standard input and output.

    Mistakes while typing, documentation, completion, definitions and layout. Editors start it: tell
    yours that programs, `.imgql`, have the server `voxgpu lsp`.
    """
    if find_spec("pygls") is None:
        message = "the language server needs pygls, which is not installed"
        raise ImgqlError([Diagnostic("E402", message, help="pip install 'voxgpu[lsp]'")])
    from voxgpu.lsp.server import serve

    serve(options_of(arguments, writes=False))
    return 0
