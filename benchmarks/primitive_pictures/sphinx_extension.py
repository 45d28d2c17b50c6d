"""Shows the examples of ``docs/examples``, with pictures, on the page of primitives of a site.

An extension of Sphinx: with ``benchmarks.primitive_pictures.sphinx_extension`` in ``extensions``,
building the site runs the examples and draws their pictures in ``_generated`` beside the page. The
file of the page stays as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.primitive_pictures.make import make_pages

#: The document that gets the examples, in whatever folder, and where their pictures are beside it.
DOCUMENT, PICTURES = "primitives", "_generated/primitives"


def setup(app: Any) -> dict[str, Any]:
    app.connect("source-read", show_examples)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def show_examples(app: Any, document: str, source: list[str]) -> None:
    """Replace the text of the page of primitives by one with examples; draw their pictures."""
    folder, _, name = document.rpartition("/")
    if name == DOCUMENT:
        source[0] = make_pages(Path(app.srcdir) / folder / PICTURES, PICTURES, source[0])
