"""Descriptions and pictures of values."""

from __future__ import annotations

import re

import numpy as np
import pytest

from voxgpu.image import Grid, Image
from voxgpu.interactive.describe import described, described_lengths, described_type
from voxgpu.interactive.picture import COLUMNS, middle_slice, picture
from voxgpu.interactive.picture_protocol import protocol
from voxgpu.types import BOOLEAN_IMAGE, NUMBER, Function, SequenceOf


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
    assert described_type(NUMBER, lambda _: []) == "number"
    near = Function("near", "near")
    assert described_type(near, lambda name: [f"{name}(b)", "x"]) == "function near(b)\nfunction x"
    assert described_type(near, lambda _: []) == "function near(…)"


@pytest.mark.parametrize(
    ("lengths", "text"),
    [
        ((3,), "length 3; [0] is"),
        ((0,), "length 0"),
        ((2, 5), "length 2, [0] of length 5; [0][0] is"),
        ((2, 0), "length 2, [0] of length 0"),
    ],
)
def test_sequences_of_images(lengths: tuple[int, ...], text: str) -> None:
    kind = SequenceOf(BOOLEAN_IMAGE)
    assert described_lengths(kind, lengths) == f"sequence of image of true/false, {text}"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"TERM": "dumb"}, ""),
        ({"TERM": "xterm-256color"}, "blocks256"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, "blocks256"),
        ({"TERM": "xterm-256color", "TMUX": "1", "TERM_PROGRAM": "iTerm.app"}, "blocks256"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ""),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "vt100"}, ""),
        ({"TERM": "vt100", "VOXGPU_PICTURES": "sixel"}, "sixel"),
        ({"TERM": "xterm-kitty", "VOXGPU_PICTURES": "none"}, ""),
        ({"TERM": "xterm-kitty", "VOXGPU_PICTURES": "nonsense"}, "kitty"),
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


@pytest.mark.parametrize(("columns", "most"), [(200, COLUMNS), (COLUMNS, COLUMNS), (30, 30)])
@pytest.mark.parametrize("how", ["blocks", "blocks256"])
def test_blocks_fit_the_terminal(how: str, columns: int, most: int) -> None:
    v = np.random.default_rng(1).random((3, 300, 200)).astype(np.float32)
    lines = picture(_image(v), how, columns).split("\n")
    assert len(lines) <= most
    assert all(0 < line.count("▀") <= most for line in lines)
    assert all(line.endswith("\x1b[0m") for line in lines)


def test_colors_are_those_of_the_image() -> None:
    above, below = (255, 0, 0), (95, 175, 255)
    v = np.array([[above], [below]], dtype=np.uint8)
    assert "\x1b[38;2;255;0;0;48;2;95;175;255m▀" in picture(_image(v, 2), "blocks")
    # 16 + 36 red + 6 green + blue, each of six intensities.
    assert "\x1b[38;5;196;48;5;75m▀" in picture(_image(v, 2), "blocks256")


def test_greys_of_256_colors_go_from_black_to_white() -> None:
    v = np.arange(0, 256, 4, dtype=np.float32).reshape(32, 2)
    shown = picture(_image(v), "blocks256")
    assert {"38;5;16;", "48;5;231m", "38;5;243;"} <= set(re.findall(r"38;5;\d+;|48;5;\d+m", shown))


def test_pixels_are_sent_as_png() -> None:
    import base64
    import io

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
