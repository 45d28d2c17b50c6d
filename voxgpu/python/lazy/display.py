"""Lazy values in notebooks: pictures, numbers, and a viewer of images."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

from voxgpu.files.write import write_image
from voxgpu.python.html import html_of, png_of
from voxgpu.python.image import Image

_MISSING = 'the viewer needs ipyniivue: pip install "voxgpu[view]"'

#: Colors of regions over an image, and how opaque they are.
_COLORS = ("red", "green", "blue", "warm", "cool")
_OPACITY = 0.5

#: Maximum number of items of a sequence that are shown.
_MOST = 20


def html(value: Any) -> str:
    """HTML for a computed value: slices and statistics of images, numbers as text."""
    if isinstance(value, Image):
        return html_of(value)
    if isinstance(value, tuple) and any(isinstance(each, Image) for each in value):
        more = f"<p>and {len(value) - _MOST} more</p>" if len(value) > _MOST else ""
        return "".join(map(html, value[:_MOST])) + more
    return f"<pre>{escape(repr(value))}</pre>"


def png(value: Any) -> bytes | None:
    """Slices of an image as a file in PNG; None for other values."""
    return png_of(value) if isinstance(value, Image) else None


def viewer(images: Sequence[Image]) -> Any:
    """A widget of ipyniivue with an image, and others over it in colors.

    Raises ImportError, with the command that installs it, if there is no ipyniivue.
    """
    try:
        ipyniivue: Any = import_module("ipyniivue")
    except ImportError:
        raise ImportError(_MISSING) from None
    widget = ipyniivue.NiiVue()
    widget.load_volumes([_volume(number, each) for number, each in enumerate(images)])
    return widget


def _volume(number: int, image: Image) -> dict[str, Any]:
    """What ipyniivue needs of an image: the bytes of a file, and how it is shown."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{number}.nii"
        write_image(path, image, labels=False)
        data = path.read_bytes()
    shown = {"colormap": _COLORS[(number - 1) % len(_COLORS)], "opacity": _OPACITY}
    return {"name": f"image{number}.nii", "data": data, **(shown if number else {})}
