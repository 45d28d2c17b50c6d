"""The report of a run in a browser: the viewer, layers, requests, the console, barriers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.browser.chromium import Browser

pytestmark = pytest.mark.slow


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


@pytest.mark.parametrize("name", ["run.html", "b.html"])
def test_the_viewer_shows_layers_and_nothing_leaves_the_page(
    browser: Browser, desk: Path, name: str
) -> None:
    browser.open(desk / name)
    browser.find("#open-viewer").click()
    browser.wait("document.getElementById('viewer').dataset.ready")
    browser.wait("voxgpuViewer.volumes.length === 2")
    assert browser.run("return voxgpuViewer.volumes.map(v => v.name)") == [
        "v.nii.gz",
        "bright.nii.gz",
    ]
    canvas = "#canvas"
    shown = browser.picture(canvas)
    assert shown.std() > 10, "the canvas is blank"
    region = "#layers input[aria-label='opacity of bright.nii.gz']"
    browser.type(region, 0)
    without = browser.picture(canvas)
    assert difference(shown, without) > 0.2, "the region has no effect"
    browser.type(region, 0.5)
    assert difference(shown, browser.picture(canvas)) < 0.05
    browser.type("input[aria-label='threshold of v.nii.gz']", 190)
    assert difference(shown, browser.picture(canvas)) > 0.2
    browser.type("input[aria-label='threshold of v.nii.gz']", 0)
    browser.type("select[aria-label='color map of v.nii.gz']", "red")
    red = browser.picture(canvas).reshape(-1, 3).astype(int)
    assert (red[:, 0] - red[:, 2]).max() > 100
    if name == "run.html":
        browser.type("#layers select", 4)  # 3-D
        assert browser.picture(canvas).std() > 2, "the 3-D view is blank"
    assert browser.complaints() == []
    beside = {each.absolute().as_uri() for each in (desk / "b_files").iterdir()}
    allowed = {(desk / name).absolute().as_uri(), *(beside if name == "b.html" else ())}
    assert browser.requested() <= allowed
    assert browser.run("return window.hacked") is None


def test_layers_of_pictures_follow_their_controls(browser: Browser, desk: Path) -> None:
    browser.open(desk / "run.html")
    planes = "#image-0 .planes"
    shown = browser.picture(planes)
    browser.type("#image-0 input[type=range]", 100)
    covered = browser.picture(planes)
    assert difference(shown, covered) > 1
    browser.type("#image-0 input[type=range]", 0)
    browser.find("#image-0 input[type=checkbox]").click()
    colors = browser.picture(planes).astype(int)
    assert np.abs(colors[..., 0] - colors[..., 2]).max() < 20, "no region, no color"


@pytest.mark.parametrize(("dark", "width"), [(False, 900), (True, 900), (False, 390), (True, 390)])
def test_pages_have_no_serious_barriers_and_fit(
    browser: Browser, desk: Path, dark: bool, width: int
) -> None:
    for name in ("run.html", "cohort.html"):
        browser.open(desk / name, dark=dark, width=width)
        browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
        assert browser.barriers() == []
        assert not browser.is_wider_than_the_window(), name
        ground = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") != dark
        assert browser.complaints() == []


def test_printing_opens_what_is_folded(browser: Browser, desk: Path) -> None:
    browser.open(desk / "run.html")
    folded = "document.querySelectorAll('details:not([open])').length"
    before = browser.run(f"return {folded}")
    assert before
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run(f"return {folded}") == 0
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    assert browser.run(f"return {folded}") == before
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert len(printed["data"]) > 20_000
