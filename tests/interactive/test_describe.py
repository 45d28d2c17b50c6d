"""What is told and drawn of values."""

from __future__ import annotations

import numpy as np
import pytest

from voxgpu.image import Grid, Image
from voxgpu.interactive.describe import described, described_type
from voxgpu.interactive.picture import COLUMNS, middle_slice, picture, protocol
from voxgpu.types import NUMBER, Function


def _image(array: np.ndarray, dimensions: int = 0) -> Image:
    return Image(array, Grid.regular(array.shape[: dimensions or array.ndim]))


def test_regions_are_counted() -> None:
    b = np.zeros((2, 3, 4), dtype=bool)
    b[0, 0] = True
    text = described(_image(b))
    assert "image of true/false, bool, 4×3×2 voxels of 1×1×1 mm" in text
    assert "4 of 24 voxels are true (16.7 %)" in text


def test_numbers_are_summed_up() -> None:
    v = np.array([[1, 2], [3, 6]], dtype=np.int16)
    assert described(_image(v)).endswith("min 1, max 6, mean 3")
    odd = np.array([[1, np.nan], [np.inf, 3]], dtype=np.float32)
    assert described(_image(odd)).endswith("min 1, max 3, mean 2, and 2 voxels that are not finite")
    assert "no voxel is a finite number" in described(_image(odd * np.nan))


def test_colors_have_channels() -> None:
    assert "colors of 3 channels" in described(_image(np.zeros((2, 3, 3), dtype=np.uint8), 2))


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2"), (True, "true"), ("a", '"a"'), ((1.0, "b"), '[1, "b"]')]
)
def test_scalars_are_shown_as_printed(value: object, text: str) -> None:
    assert described(value) == text  # type: ignore[arg-type]


def test_types() -> None:
    assert described_type(NUMBER) == "number"
    assert described_type(Function("near", "near")) == "function near(…)"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"TERM": "dumb"}, ""),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ""),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "vt100"}, ""),
    ],
)
def test_terminals_that_show_pictures(environment: dict[str, str], expected: str) -> None:
    assert protocol(environment) == expected


def test_the_middle_slice_is_grey_from_least_to_most() -> None:
    v = np.zeros((5, 40, 30), dtype=np.float32)
    v[2, :20] = 100
    slice_ = middle_slice(_image(v))
    assert slice_.shape == (40, 30, 3)
    assert set(np.unique(slice_)) == {0, 255}


def test_a_region_is_shown_where_most_of_it_is() -> None:
    b = np.zeros((9, 6, 6), dtype=bool)
    b[7, 1:4, 1:4] = True
    assert middle_slice(_image(b)).max() == 255


def test_blocks_fit_the_terminal() -> None:
    v = np.random.default_rng(1).random((3, 300, 200)).astype(np.float32)
    lines = picture(_image(v), "blocks").split("\n")
    assert len(lines) <= COLUMNS
    assert all(line.count("▀") <= COLUMNS for line in lines)
    assert all(line.endswith("\x1b[0m") for line in lines)


def test_pixels_are_sent_as_png() -> None:
    import base64
    import io
    import re

    from PIL import Image as Pillow

    v = np.random.default_rng(1).random((3, 500, 400)).astype(np.float32)
    kitty = picture(_image(v), "kitty")
    parts = re.findall(r"\x1b_G[^;]*;([^\x1b]*)\x1b\\", kitty)
    assert all(len(part) <= 4096 for part in parts)
    shown = Pillow.open(io.BytesIO(base64.standard_b64decode("".join(parts))))
    assert max(shown.size) <= 250
    iterm = picture(_image(v), "iterm")
    assert iterm.startswith("\x1b]1337;File=inline=1:")
    assert picture(_image(v), "") == ""
