"""The files of the page, in a table that is made once: no request opens another file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from voxgpu.frozen import frozen

#: The page itself, which is not among the assets.
INDEX = "index.html"

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "md": "text/plain; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "wasm": "application/wasm",
    "woff2": "font/woff2",
}


@frozen
class Asset:
    """A file of the page, with its type for HTTP."""

    content: bytes
    type: str


@cache
def assets() -> Mapping[str, Asset]:
    """The files of the page by name, those in folders with ``/``; NiiVue as ``niivue.umd.js``."""
    found = dict(_below(files("voxgpu.viewer") / "page", ""))
    niivue = files("voxgpu.report") / "assets" / "niivue" / "niivue.umd.js"
    found.setdefault("niivue.umd.js", _asset(niivue))
    found.setdefault("page.css", _asset(files("voxgpu.report") / "assets" / "page.css"))
    return found


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    if not folder.is_dir():
        return
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{prefix}{each.name}/")
        else:
            yield f"{prefix}{each.name}", _asset(each)


def _asset(file: Traversable) -> Asset:
    suffix = file.name.rpartition(".")[2]
    return Asset(file.read_bytes(), _TYPES.get(suffix, "application/octet-stream"))
