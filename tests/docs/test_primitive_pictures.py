"""Every primitive with images has an example, and its picture shows something."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Drawing

from benchmarks.gallery.data import make_data
from benchmarks.primitive_pictures import make, sphinx_extension
from benchmarks.primitive_pictures.draw import draw, panels_of
from benchmarks.primitive_pictures.examples import (
    WITHOUT_PICTURE,
    Example,
    entry_of,
    examples_in,
    has_images,
    read_examples,
    without_example,
)
from benchmarks.primitive_pictures.page import with_examples
from benchmarks.primitive_pictures.run import Outcome, across, is_region, run_all, shown_slice
from voxgpu.image import Image
from voxgpu.manual import manual
from voxgpu.primitives.catalogue import standard_primitives

EXAMPLES = read_examples()
ENTRIES = manual(standard_primitives())

#: Voxels in which a slice must differ from others to be told apart.
FEWEST = 12

_SECTION = '// # `near`\n// Neighbors.\nload v = "v.nii.gz"\nsave "near.nii.gz" near(v > 1)\n'


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[Example, Outcome]:
    data = tmp_path_factory.mktemp("examples")
    make_data(data)
    return dict(run_all(EXAMPLES, data))


def test_every_name_with_images_has_an_example_or_a_reason() -> None:
    assert not without_example(ENTRIES, EXAMPLES)
    names = {name for entry in ENTRIES if has_images(entry) for name in entry.names}
    assert names >= {*WITHOUT_PICTURE}
    headings = [(each.family, each.heading) for each in EXAMPLES]
    assert len(headings) == len({*headings})


def test_a_name_without_an_example_is_found() -> None:
    some = [each for each in EXAMPLES if each.heading != "near"]
    assert without_example(ENTRIES, some) == ["near"]


def test_examples_use_what_they_are_about() -> None:
    for example in EXAMPLES:
        code = re.sub(r'"[^"]*"', "", example.program)
        words = {*re.findall(r"\w+|[^\w\s]+", code)}
        names = entry_of(example, ENTRIES).names
        used = [name for name in names if name in (words if name.isidentifier() else code)]
        assert used, f"{example.heading}: {code}"
        assert example.sentence.endswith("."), example.heading


@pytest.mark.slow
def test_every_picture_shows_something(outcomes: dict[Example, Outcome]) -> None:
    """The result is neither empty nor full nor what was given, in the slice that is shown."""
    problems = {}
    for example, outcome in outcomes.items():
        found = [*_of_regions(outcome), *_of_numbers(outcome), *_of_prints(example, outcome)]
        if found:
            problems[f"{example.family}: {example.heading}"] = found
    assert not problems


def _of_regions(outcome: Outcome) -> list[str]:
    problems = []
    for name, image in {**outcome.given, **outcome.results}.items():
        if is_region(image):
            voxels = _shown(image, outcome)
            if not FEWEST <= np.count_nonzero(voxels) <= voxels.size - FEWEST:
                problems.append(f"{name} is empty or full")
    for name, image in outcome.results.items():
        for other, given in outcome.given.items():
            if is_region(image) and is_region(given) and image.grid == given.grid:
                differing = _shown(image, outcome) != _shown(given, outcome)
                if np.count_nonzero(differing) < FEWEST:
                    problems.append(f"{name} is {other}")
    return problems


def _of_numbers(outcome: Outcome) -> list[str]:
    problems = []
    given = {"the background": outcome.background, **outcome.given}
    for name, image in outcome.results.items():
        if is_region(image):
            continue
        voxels = _shown(image, outcome)
        if not np.ptp(voxels[np.isfinite(voxels)]) > 0:
            problems.append(f"{name} is the same everywhere")
        for other, before in given.items():
            if image.grid.agrees_with(outcome.background.grid) and image.grid == before.grid:
                seen = _shown(before, outcome)
                if seen.shape == voxels.shape and np.mean(seen != voxels) < 0.01:
                    problems.append(f"{name} is {other}")
    return problems


def _of_prints(example: Example, outcome: Outcome) -> list[str]:
    """A number needs a region that it is of, or at least an image."""
    if outcome.results:
        return []
    if not outcome.prints or any("nan" in each for each in outcome.prints):
        return ["it shows and prints nothing"]
    return [] if outcome.regions else [f"no region is shown by {example.program}"]


def _shown(image: Image, outcome: Outcome) -> npt.NDArray[Any]:
    """The slice that the picture shows; all of an image on a grid of its own."""
    if image.grid.dimensions == 2 or not image.grid.agrees_with(outcome.background.grid):
        return image.array
    plane, place = shown_slice(outcome)
    voxels: npt.NDArray[Any] = across(plane, image.array)[place]
    return voxels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "heading", "titles"),
    [
        ("morphology", "grow", ["lesions_flair", ""]),
        ("distance", "dt", ["head_flair  0 … 453", "distance  "]),
        ("arithmetic", "+", ["head_flair  0 … ", "t2  0 … ", "sum  0 … "]),
        ("shape", "relabel", ["head_flair", "relabeled"]),
        ("color", "rgb", ["skin", "exchanged"]),
        ("components", "components", ["cells", ""]),
        ("overlap", "dice", ["head_flair"]),
    ],
)
def test_a_picture_has_what_was_given_and_the_result(
    family: str, heading: str, titles: list[str], outcomes: dict[Example, Outcome]
) -> None:
    example = next(x for x in EXAMPLES if (x.family, x.heading) == (family, heading))
    outcome = outcomes[example]
    panels = panels_of(outcome, example.background.partition(".")[0])
    assert [each.title[: len(title)] for each, title in zip(panels, titles, strict=True)] == titles
    with Drawing.open(io.BytesIO(draw(outcome, "x"))) as drawn:
        assert drawn.width > 230 * len(panels)
        assert len(drawn.convert("RGB").getcolors(1 << 24)) > 20


@pytest.mark.slow
def test_images_with_like_values_have_the_same_grays(outcomes: dict[Example, Outcome]) -> None:
    by_heading = {(each.family, each.heading): outcome for each, outcome in outcomes.items()}
    sum_of, distance = (
        panels_of(by_heading[each], "v") for each in (("arithmetic", "+"), ("distance", "dt"))
    )
    assert len({each.window for each in sum_of}) == 1
    assert len({each.window for each in distance}) == 2


def test_examples_are_on_the_page_below_their_entries() -> None:
    page = make.PAGE.read_text("utf-8")
    prints = {each: ("voxels=3",) for each in EXAMPLES if each.heading == "volume"}
    shown = with_examples(page, ENTRIES, EXAMPLES, prints, "pictures")
    assert shown.count("\n```imgql\n") == shown.count("\n![") == len(EXAMPLES)
    without = re.sub(r"(?s)\*\*Example\.\*\* .*?\n!\[[^\n]*\n\n?", "", shown)
    assert re.sub(r"\n+", "\n", without) == re.sub(r"\n+", "\n", page)
    near = shown.partition("### `near` `N`")[2].partition("\n### ")[0]
    example = next(each for each in EXAMPLES if each.heading == "near")
    assert example.program in near and f"](pictures/{example.file_name})" in near
    volume = shown.partition("### `volume` `count`")[2].partition("\n### ")[0]
    assert "```text\nvoxels=3\n```" in volume
    # The last entry of a family: the example comes before the heading of the next one.
    last = shown.partition("\n### `B+`")[2].partition("\n### ")[0]
    assert last.index("![") < last.index("\n## Components")


def test_a_page_of_another_manual_is_refused() -> None:
    with pytest.raises(ValueError, match="1 headings of"):
        with_examples("# Page\n\n### `near`\n", ENTRIES, EXAMPLES, {}, "pictures")


def test_a_file_of_examples_is_read() -> None:
    (example,) = examples_in(_SECTION, "morphology")
    assert (example.heading, example.sentence) == ("near", "Neighbors.")
    assert (example.background, example.result) == ("v.nii.gz", "near")
    with pytest.raises(ValueError, match="does not begin with a heading"):
        examples_in("let a = 1\n" + _SECTION, "morphology")
    with pytest.raises(LookupError, match="no entry with images is called `nearby`"):
        entry_of(examples_in(_SECTION.replace("# `near`", "# `nearby`"), "morphology")[0], ENTRIES)


@pytest.mark.slow
def test_a_site_gets_the_pictures_and_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extension draws below the source folder, and replaces only the page of primitives."""

    class App:
        srcdir = tmp_path
        connected: dict[str, Any] = {}  # noqa: RUF012

        def connect(self, event: str, function: Any) -> None:
            self.connected[event] = function

    some = [each for each in EXAMPLES if each.heading in ("near", "volume")]
    monkeypatch.setattr(make, "read_examples", lambda: some)
    app = App()
    assert sphinx_extension.setup(app)["parallel_read_safe"]
    other, page = ["# Other\n"], [make.PAGE.read_text("utf-8")]
    app.connected["source-read"](app, "imgql", other)
    assert other == ["# Other\n"] and not [*tmp_path.iterdir()]
    app.connected["source-read"](app, "docs/primitives", page)
    assert "voxels=" in page[0]
    linked = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page[0])
    assert len(linked) == 2
    for path in linked:
        with Drawing.open(tmp_path / "docs" / path) as drawn:
            assert drawn.format == "PNG"
