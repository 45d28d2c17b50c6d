"""The page of ``voxgpu view`` in a browser: cases, layers, the editor, runs, values, barriers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from tests.browser.chromium import Browser
from voxgpu.demo.phantom import make_phantom, natural_spacing, write_phantom

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.slow

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "brats19"

PROGRAM = """// Where FLAIR is bright.
load flair = "$CASE/${NAME}_flair.nii.gz"

let share = 0.60
let f = intensity(flair)
let bright = f >. (share .*. max(f))
let count = volume(bright)

print "bright" count
save "bright.nii.gz" bright
save "smooth.nii.gz" smoothen(3.0, bright)
"""

#: Tasks one after the other, between which a run can end.
LONG = """load flair = "$CASE/${NAME}_flair.nii.gz"
let f = intensity(flair)
let g = f >. 100
let like(n) = crossCorrelation(6, f, f, g, min(f), max(f), n) >. 0.5
print "long" for n in range(10, 400) do volume(like(n))
"""


def serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A server for a folder, and its address."""
    words = [sys.executable, "-m", "voxgpu", "view", str(folder), "--no-browser", "--store", "none"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


def end(server: subprocess.Popen[str]) -> None:
    server.send_signal(signal.SIGINT)
    server.wait(60)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases with five images each, of which one is missing, and a program."""
    folder = tmp_path_factory.mktemp("data")
    shape = (40, 48, 48)
    for seed, name in enumerate(("ann", "ben", "cem")):
        (folder / name).mkdir()
        phantom = make_phantom(shape, seed, natural_spacing(shape))
        write_phantom(phantom, str(folder / name / name))
    (folder / "ben" / "ben_t2.nii.gz").unlink()
    (folder / "bright.imgql").write_text(PROGRAM)
    return folder


@pytest.fixture(scope="module")
def address(browser: Browser, data: Path) -> Iterator[str]:
    server, url = serve(data)
    yield url
    end(server)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Browser]:
    """The page, just opened; at the end it has not complained, and asked nobody else."""
    start(browser, address)
    yield browser
    # Chromium tells of every answer with such a status, and the page of what it means.
    expected = ("status of 422", "status of 409")
    assert [e for e in browser.complaints() if not any(x in e for x in expected)] == []
    assert all(each.startswith(address) for each in browser.requested())


def start(browser: Browser, address: str, *, dark: bool = False, width: int = 1200) -> None:
    browser.open(address, dark=dark, width=width)
    browser.wait("document.documentElement.dataset.ready")
    browser.wait("voxgpuViewer.volumes.length === 1")


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


def drawn(browser: Browser) -> np.ndarray:
    """What the canvas shows, all of it and without the outline of the focus."""
    browser.run("document.activeElement.blur()")
    browser.run("document.getElementById('canvas').scrollIntoView({block: 'center'})")
    return browser.picture("#canvas")


def write(browser: Browser, text: str) -> None:
    """Put another text into the editor."""
    browser.run("voxgpuEditor.replace(0, voxgpuEditor.text.length, arguments[0])", text)


def change(browser: Browser, before: str, after: str) -> None:
    """Change the first place of a text in the editor."""
    browser.run(
        "const at = voxgpuEditor.text.indexOf(arguments[0]);"
        "voxgpuEditor.replace(at, at + arguments[0].length, arguments[1])",
        before,
        after,
    )


def keys(browser: Browser, *typed: str) -> None:
    """Type into the editor."""
    browser.find("#editor .cm-content").send_keys(*typed)


def double_click(browser: Browser, name: str, line: int) -> None:
    """Click twice on a name in a line, from 1."""
    actions = pytest.importorskip("selenium.webdriver").ActionChains
    stale = pytest.importorskip("selenium.common.exceptions").StaleElementReferenceException
    words = f"#editor .cm-line:nth-of-type({line}) [class^=tok-]"
    for attempts_left in (2, 1, 0):
        try:
            found = browser.driver.find_elements("css selector", words)
            word = next(each for each in found if each.text == name)
            actions(browser.driver).double_click(word).perform()
            return
        except stale:  # the editor has drawn the line anew meanwhile
            if not attempts_left:
                raise


def open_case(browser: Browser, name: str) -> None:
    place = browser.texts("#matrix tbody th").index(name) + 1
    browser.find(f"#matrix tbody tr:nth-child({place}) input").click()


def volumes(browser: Browser) -> list[str]:
    """The names of the layers that are drawn, from below."""
    found: list[str] = browser.run("return voxgpuViewer.volumes.map(v => v.name)")
    return found


def without(browser: Browser, name: str) -> np.ndarray:
    """What the canvas shows without a layer of the case, which then appears again."""
    box = f"#layers input[aria-label='show {name}']"
    browser.find(box).click()
    browser.wait(f"!voxgpuViewer.volumes.some(v => v.name === '{name}')")
    seen = drawn(browser)
    browser.find(box).click()
    browser.wait(f"voxgpuViewer.volumes.some(v => v.name === '{name}')")
    return seen


def test_cases_open_and_their_layers_follow_the_controls(page: Browser) -> None:
    assert page.texts("#matrix thead th") == ["case", "flair", "seg", "t1", "t1ce", "t2"]
    assert page.texts("#matrix tbody th") == ["ann", "ben", "cem"]
    open_case(page, "ben")
    assert page.texts("#open-cases label") == ["ann", "ben"]
    shown = drawn(page)
    assert shown.std() > 10, "the canvas is blank"
    page.find("#matrix button[aria-label='seg of ann']").click()
    page.wait("voxgpuViewer.volumes.length === 2")
    region = drawn(page)
    assert difference(shown, region) > 0.2
    place = page.find("#place").text
    page.find("#layers button[aria-label='Go to seg']").click()
    assert page.find("#place").text != place
    (label,) = [e for e in page.find("#place").text.split("; ") if e.startswith("seg: ")]
    assert float(label.removeprefix("seg: ")) > 0, "the cross-hair is not in the region"
    shown = without(page, "seg")
    region = drawn(page)
    opacity = "#layers input[aria-label='opacity of seg']"
    page.type(opacity, 0)
    assert difference(shown, drawn(page)) < 0.05
    page.type(opacity, 0.5)
    assert difference(region, drawn(page)) < 0.05
    page.type("#layers input[aria-label='threshold of flair']", 300)
    assert difference(region, drawn(page)) > 0.2
    page.type("select[aria-label='color map of flair']", "red")
    red = drawn(page).reshape(-1, 3).astype(int)
    assert (red[:, 0] - red[:, 2]).max() > 100
    page.type("#view", "3-D")
    assert drawn(page).std() > 2
    page.type("#view", "axial")
    before = drawn(page)
    place = page.find("#place").text
    page.find("#canvas").send_keys("\ue00e" * 6)  # page up: other slices
    assert page.find("#place").text != place and "flair: " in page.find("#place").text
    assert difference(before, drawn(page)) > 0.2
    page.find("#open-cases .open-case:nth-child(2) input").click()
    page.wait("voxgpuViewer.volumes.length === 1")
    assert difference(shown, drawn(page)) > 0.2, "the other case looks alike"
    page.type("#filter", "ce")
    page.wait("document.querySelectorAll('#matrix tbody tr').length === 3")  # t1ce
    page.type("#filter", "cem")
    page.wait("document.querySelectorAll('#matrix tbody tr').length === 1")
    assert page.find("#case-count").text == "1 of 3 cases"


def test_layers_look_as_niivue_draws_them(page: Browser) -> None:
    """The page fills textures itself, on the CPU; NiiVue does it in its shaders."""

    def both() -> float:
        ours = drawn(page)
        page.run("voxgpuViewer.updateGLVolume()")
        return difference(ours, drawn(page))

    assert both() < 0.01
    page.find("#matrix button[aria-label='seg of ann']").click()
    page.wait("voxgpuViewer.volumes.length === 2")
    assert both() < 0.01
    page.find("#matrix button[aria-label='t1 of ann']").click()
    page.wait("voxgpuViewer.volumes.length === 3")
    page.type("#layers input[aria-label='opacity of t1']", 0.6)
    page.type("select[aria-label='color map of t1']", "viridis")
    page.type("#layers input[aria-label='threshold of t1']", 100)
    page.type("#layers input[aria-label='threshold of flair']", 50)
    assert both() < 0.3
    page.type("#view", "planes and 3-D")
    assert both() < 0.3


def test_mistakes_are_told_at_their_places_while_one_writes(page: Browser) -> None:
    page.wait("document.getElementById('verdict').textContent === 'no problems'")
    keys(page, "\ue009\ue010", "\ue000", "let wrong = volume(brihgt)")  # ctrl end
    page.wait("document.querySelectorAll('#diagnostics li').length === 1")
    lines = len(PROGRAM.splitlines()) + 1
    (told,) = page.texts("#diagnostics li")
    assert told.startswith(f"{lines}:20 error") and "brihgt" in told
    assert page.texts("#editor .cm-lintRange-error") == ["brihgt"]
    assert page.find("#verdict").text == "1 error"
    keys(page, "\ue009\ue011", "\ue000")  # ctrl home
    page.find("#diagnostics button").click()
    cursor = "voxgpuEditor.view.state.doc.lineAt(voxgpuEditor.cursor)"
    assert page.run(f"return {cursor}.number") == lines
    assert page.run(f"return voxgpuEditor.cursor - {cursor}.from") == 19
    change(page, "brihgt", "bright")
    page.wait("!document.querySelectorAll('#diagnostics li').length")
    assert not page.texts("#editor .cm-lintRange-error")


def test_names_are_completed_and_explained(page: Browser) -> None:
    keys(page, "\ue009\ue010", "\ue000", "let x = perce")
    page.wait("document.querySelector('.cm-tooltip-autocomplete')")
    assert "percentiles" in " ".join(page.texts(".cm-completionLabel"))
    keys(page, "\ue00c", "\ue000", " + bri")  # escape
    page.wait(
        "[...document.querySelectorAll('.cm-completionLabel')]"
        ".some(e => e.textContent === 'bright')"
    )
    keys(page, "\ue00c", "\ue000")
    actions = pytest.importorskip("selenium.webdriver").ActionChains(page.driver)
    words = page.driver.find_elements(
        "css selector", "#editor .tok-function, #editor .tok-variableName"
    )
    actions.move_to_element(next(each for each in words if each.text == "intensity")).perform()
    page.wait("document.querySelector('.documentation code')")
    assert "intensity" in page.find(".documentation code").text
    kinds = page.run(
        "return Object.fromEntries([...document.querySelectorAll('#editor [class^=tok-]')]"
        ".map(e => [e.textContent, e.className]))"
    )
    assert kinds["let"] == "tok-keyword" and kinds["0.60"] == "tok-number"
    assert kinds["// Where FLAIR is bright."] == "tok-comment"


def test_a_run_over_two_cases_shows_prints_layers_and_history(page: Browser, data: Path) -> None:
    before = sorted(data.rglob("*"))
    open_case(page, "ben")
    assert page.find("#run").text == "Run for 2 cases"
    shown = drawn(page)
    keys(page, "\ue009\ue007", "\ue000")  # ctrl enter
    page.wait("document.getElementById('run-status').dataset.status === 'done'")
    assert page.texts("#prints thead th") == ["printed", "ann", "ben"]
    (label, *values) = page.texts("#prints tbody tr > *")
    assert label == "bright" and len({float(each) for each in values}) == 2
    page.wait("voxgpuViewer.volumes.length === 2")
    assert volumes(page) == ["flair", "smooth.nii.gz"]
    assert page.texts("#layers h3") == ["Images of the case", "Results of the run"]
    region = drawn(page)
    assert difference(shown, region) > 0.2, "the result has no effect"
    page.type("#layers input[aria-label='opacity of smooth.nii.gz']", 0)
    assert difference(shown, drawn(page)) < 0.05
    page.find("#history-box summary").click()
    page.wait("document.querySelectorAll('#history .badge.good').length")
    assert "bright.imgql" in page.find("#history li").text
    assert page.find("#history li .badge").text == "done"
    # Another run, then the results of the first one again.
    change(page, "0.60", "0.99")
    page.find("#run").click()
    page.wait("document.querySelectorAll('#history li').length >= 2")
    page.wait("document.getElementById('run-status').dataset.status === 'done'")
    assert page.texts("#prints tbody td") != values
    page.find("#history li:nth-child(2) button").click()
    page.wait("document.getElementById('run-status').dataset.status === 'done'")
    assert page.texts("#prints tbody td") == values
    with urlopen(page.find("#export a").get_attribute("href")) as report:
        assert report.headers["content-disposition"].startswith("attachment")
        assert b"smooth.nii.gz" in report.read()
    assert sorted(data.rglob("*")) == before, "a run in the viewer wrote files"


def test_a_run_is_cancelled_and_failures_are_told(page: Browser) -> None:
    write(page, LONG)
    page.find("#run").click()
    page.wait("!document.getElementById('cancel').hidden")
    page.wait("document.getElementById('progress').value > 0")
    page.find("#cancel").click()
    page.wait("document.getElementById('run-status').dataset.status === 'cancelled'")
    assert page.run("return document.getElementById('cancel').hidden")
    write(page, 'load v = "$CASE/${NAME}_flair.nii.gz"\nprint "sum" avg(v, v <. 0)\n')
    page.find("#run").click()
    page.wait("document.getElementById('run-status').dataset.status === 'failed'")
    assert page.texts("#run-messages .message.error")
    page.find("#run-messages button").click()
    assert page.run("return voxgpuEditor.lineOf(voxgpuEditor.cursor)") == 2
    write(page, "print 1 +")
    page.find("#run").click()
    page.wait("document.getElementById('run-problem').textContent.includes('was not run')")


def test_a_name_shows_its_value_which_follows_the_program(page: Browser) -> None:
    shown = drawn(page)
    double_click(page, "bright", 6)
    page.wait("voxgpuViewer.volumes.length === 2")
    assert volumes(page) == ["flair", "bright"]
    first = drawn(page)
    assert difference(shown, first) > 0.2
    page.run("delete document.documentElement.dataset.seconds")
    change(page, "0.60", "0.35")
    page.wait("document.documentElement.dataset.seconds")
    assert difference(first, drawn(page)) > 0.2, "the value did not follow"
    assert "new value on screen after" in page.find("#status").text
    # The slider of the number at the cursor changes the program, and so the value.
    page.run("voxgpuEditor.moveTo(4, 14)")
    assert page.find("#number").text == "0.35 in line 4"
    page.run("delete document.documentElement.dataset.seconds")
    page.type("#number-slider", 0.6)
    assert "let share = 0.60" in page.run("return voxgpuEditor.text")
    page.wait("document.documentElement.dataset.seconds")
    assert difference(first, drawn(page)) < 0.05
    double_click(page, "count", 7)
    page.wait("document.getElementById('values').textContent.includes('count = ')")
    volume = page.texts("#values .value")[0]
    change(page, "0.60", "0.50")
    page.run("arguments[0]", volume)
    page.wait(f"document.querySelector('#values .value').textContent !== {volume!r}")
    # A program with errors leaves what was computed, and says so.
    change(page, "max(f)", "max(g)")
    page.wait("document.querySelector('#values .message')")
    assert volumes(page) == ["flair", "bright"]
    change(page, "max(g)", "max(f)")
    page.wait("!document.querySelector('#values .message')")
    page.find("#layers button[aria-label='Take bright away']").click()
    page.wait("voxgpuViewer.volumes.length === 1")
    # The same value of another case.
    double_click(page, "bright", 6)
    page.wait("voxgpuViewer.volumes.length === 2")
    open_case(page, "ben")
    page.find("#open-cases .open-case:nth-child(2) input").click()
    page.wait("voxgpuViewer.volumes.length === 2 && voxgpuViewer.volumes[1].name === 'bright'")


def test_programs_are_saved_and_opened(page: Browser, data: Path) -> None:
    assert page.run("return document.getElementById('save').disabled")
    change(page, "0.60", "0.61")
    page.find("#save-details summary").click()
    page.find("#save-name").send_keys("mine")
    page.find("#save-as button").click()
    page.wait("document.getElementById('program-status').textContent === 'saved mine.imgql'")
    assert (data / "mine.imgql").read_text() == PROGRAM.replace("0.60", "0.61")
    change(page, "0.61", "0.62")
    keys(page, "\ue009s", "\ue000")
    page.wait("document.getElementById('save').disabled")
    assert "0.62" in (data / "mine.imgql").read_text()
    (data / "mine.imgql").write_text("// somebody else's\n")
    change(page, "0.62", "0.63")
    page.find("#save").click()
    page.wait("document.getElementById('program-status').textContent.startsWith('not saved')")
    assert (data / "mine.imgql").read_text() == "// somebody else's\n"
    page.type("#programs", "0/bright.imgql")
    page.driver.switch_to.alert.accept()
    page.wait(f"voxgpuEditor.text === {json.dumps(PROGRAM)}")
    assert page.run("return document.getElementById('programs').value") == "0/bright.imgql"
    change(page, "0.60", "$SHARE")
    page.type("#variables input", "0.7")
    page.wait("document.getElementById('verdict').textContent === 'no problems'")
    (data / "mine.imgql").unlink()


@pytest.mark.parametrize(
    ("dark", "width"), [(False, 1200), (True, 1200), (False, 390), (True, 390)]
)
def test_the_page_has_no_serious_barriers_and_fits(
    browser: Browser, address: str, dark: bool, width: int
) -> None:
    start(browser, address, dark=dark, width=width)
    open_case(browser, "ben")
    browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
    browser.run("voxgpuEditor.askForValue(voxgpuEditor.text.indexOf('count'))")
    browser.wait("document.getElementById('values').textContent.includes('count = ')")
    browser.find("#run").click()
    browser.wait("document.getElementById('run-status').dataset.status === 'done'")
    keys(browser, "\ue009\ue010", "\ue000", "let wrong = nothing")
    browser.wait("document.querySelectorAll('#diagnostics li').length === 1")
    assert browser.barriers() == []
    assert not browser.is_wider_than_the_window()
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") != dark
    assert browser.complaints() == []


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the images in ../shared/data")
def test_a_changed_threshold_on_a_real_case(
    browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = serve(REAL)
    try:
        browser.open(url, width=1200)
        browser.wait("document.documentElement.dataset.ready && voxgpuViewer.volumes.length")
        text = 'load flair = "$CASE/${NAME}_flair.nii.gz"\nlet f = intensity(flair)\n'
        text += "let bright = smoothen(2.0, f >. 500)\n"
        write(browser, text)
        double_click(browser, "bright", 3)
        browser.wait("voxgpuViewer.volumes.length === 2")
        took = []
        before = drawn(browser)
        for number in range(501, 506):
            browser.run("delete document.documentElement.dataset.seconds")
            change(browser, f">. {number - 1}", f">. {number}")
            browser.wait("document.documentElement.dataset.seconds")
            took.append(float(browser.run("return document.documentElement.dataset.seconds")))
        browser.run("delete document.documentElement.dataset.seconds")
        change(browser, ">. 505", ">. 700")
        browser.wait("document.documentElement.dataset.seconds")
        assert difference(before, drawn(browser)) > 0.05
        with capsys.disabled():
            print(f"\nchanged threshold to new mask on screen: {took} s")
    finally:
        end(server)


def test_thousands_of_prints_are_drawn_a_few_times(page: Browser) -> None:
    write(page, "".join(f'print "v{number}" {number}\n' for number in range(3000)))
    page.run(
        "window.tables = 0;"
        "new MutationObserver(() => { window.tables++; })"
        ".observe(document.getElementById('prints'), {childList: true})"
    )
    page.find("#run").click()
    page.wait("document.getElementById('run-status').dataset.status === 'done'")
    rows = page.run("return [...document.querySelectorAll('#prints tr')].map(e => e.textContent)")
    assert len(rows) == 1001 and rows[0] == "v00" and rows[999] == "v999999"
    assert rows[-1] == "and 2000 more, which the report has"
    assert 1 <= page.run("return window.tables") < 300
