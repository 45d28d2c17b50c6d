"""Extensions of Sphinx for the documentation site: colors of code, docstrings, pictures.

Other parts of the site may add transforms here; each has a file of its own.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from _extension.code_blocks import NameLanguages
from _extension.docstrings import write_fields
from _extension.front_page import write_front_page
from _extension.imgql_lexer import ImgqlLexer
from _extension.notebook_images import DescribeImages


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the parts, as Sphinx asks of an extension."""
    app.add_lexer("imgql", ImgqlLexer)
    app.add_lexer("repl", ImgqlLexer)
    app.add_transform(NameLanguages)
    app.add_transform(DescribeImages)
    app.connect("autodoc-process-docstring", write_fields)
    app.connect("build-finished", write_front_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
