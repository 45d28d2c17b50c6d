"""The page at the top of the site, which leads to `docs/index.html`."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>voxgpu</title>
<meta http-equiv="refresh" content="0; url=docs/index.html">
</head>
<body><p><a href="docs/index.html">The documentation of voxgpu</a></p></body>
</html>
"""


def write_front_page(app: Sphinx, error: Exception | None) -> None:
    """Write it beside the folder of pages, once these are built."""
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(_PAGE, "utf-8")
