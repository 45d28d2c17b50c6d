"""Lazy values in notebooks."""

from __future__ import annotations

import io
import sys
from types import ModuleType
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image as Drawing

import voxgpu as vx

VOXELS = np.random.default_rng(0).integers(0, 500, (4, 5, 6)).astype(np.int16)


def test_values_are_shown() -> None:
    v = vx.from_array(VOXELS, spacing=(2, 1, 1))
    html, png = v._repr_html_(), v._repr_png_()
    assert "data:image/png;base64" in html and f"{VOXELS.max()}" in html and "6×5×4" in html
    assert png is not None and Drawing.open(io.BytesIO(png)).size[0] > 100
    assert png == v.image()._repr_png_()
    assert f"{(VOXELS > 100).sum()} voxels" in (v > 100)._repr_html_()
    assert v.max()._repr_html_() == f"<pre>{float(VOXELS.max())}</pre>"
    assert v.max()._repr_png_() is None
    assert vx.concat("<", 1, ">")._repr_html_() == "<pre>&#x27;&lt;1&gt;&#x27;</pre>"
    parts = vx.components(v > 450)
    count = int(vx.length(parts))
    assert count > 1 and parts._repr_html_().count("<figure>") == min(count, 20)


def test_a_viewer_shows_an_image_with_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []

    class Viewer:
        def load_volumes(self, volumes: list[dict[str, Any]]) -> None:
            shown.extend(volumes)

    module = ModuleType("ipyniivue")
    module.NiiVue = Viewer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ipyniivue", module)
    v = vx.from_array(VOXELS, spacing=(2, 1, 1))
    assert isinstance(v.view(v > 100, vx.Image.from_array(VOXELS, spacing=(2, 1, 1))), Viewer)
    voxels = [np.asarray(nibabel.Nifti1Image.from_bytes(each["data"]).dataobj).T for each in shown]
    assert np.array_equal(voxels[0], VOXELS) and np.array_equal(voxels[1] > 0, VOXELS > 100)
    assert [each.get("colormap") for each in shown] == [None, "red", "green"]
    with pytest.raises(TypeError, match="only images"):
        v.view(v.max())


def test_the_command_that_installs_the_viewer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipyniivue", None)
    with pytest.raises(ImportError, match=r'pip install "voxgpu\[view\]"'):
        vx.from_array(VOXELS).view()
