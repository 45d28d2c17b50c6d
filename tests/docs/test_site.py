"""The documentation site is built without a warning, whole, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

pytestmark = pytest.mark.slow

#: Attributes of elements whose content a browser loads without being asked.
_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class _Page(HTMLParser):
    """The links, the loaded files and the pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: list[str] = []
        self.without_text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.add(given.get("href", ""))
        if tag in _LOADED and given.get("rel") not in ("next", "prev", "canonical"):
            self.loaded.append(given.get(_LOADED[tag], ""))
        if tag == "img" and not given.get("alt", "").strip():
            self.without_text.append(given.get("src", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; a warning, such as for a broken link, is an error."""
    for package in ("myst_nb", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_external_toc"):
        pytest.importorskip(package, reason="pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-c", "docs", "-b", "html", "-n", "-W", "-q"]
    done = subprocess.run(
        [*command, "--keep-going", "-d", str(folder / "trees"), ".", str(folder / "site")],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, _Page]:
    """Every page, by its path in the site."""
    found = sorted(site.rglob("*.html"))
    return {
        str(each.relative_to(site)): _Page(each.read_text("utf-8"))
        for each in found
        if "_static" not in each.parts
    }


def test_every_markdown_page_is_there(pages: dict[str, _Page]) -> None:
    sources = [
        each for kind in ("*.md", "*.ipynb", "*.rst") for each in ROOT.glob(f"docs/**/{kind}")
    ]
    assert len(sources) > 80
    for each in sources:
        assert str(each.relative_to(ROOT).with_suffix(".html")) in pages


def test_every_page_is_reached_from_the_first(site: Path, pages: dict[str, _Page]) -> None:
    reached, waiting = set(), ["docs/index.html"]
    while waiting:
        page = waiting.pop()
        if page in reached or page not in pages:
            continue
        reached.add(page)
        for link in pages[page].links:
            path = link.partition("#")[0]
            if path and not re.match(r"\w+:", path):
                target = (site / page).parent.joinpath(path).resolve()
                assert target.exists(), f"{page} links to {link}"
                waiting.append(str(target.relative_to(site.resolve())))
    assert set(pages) - reached <= {"index.html", "search.html", "genindex.html"}


def test_pages_load_nothing_from_elsewhere(pages: dict[str, _Page]) -> None:
    for name, page in pages.items():
        assert not [each for each in page.loaded if re.match(r"(?:https?:)?//", each)], name


def test_every_picture_has_a_text(pages: dict[str, _Page]) -> None:
    assert not {name: page.without_text for name, page in pages.items() if page.without_text}


def test_the_search_knows_words_of_every_page(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    (names,) = re.findall(r'"?docnames"?:\s*\[(.*?)\]', index)
    assert {"docs/imgql", "docs/troubleshooting", "docs/python-reference", "README"} <= set(
        re.findall(r'"([^"]+)"', names)
    )
    assert "percentil" in index and "otsu" in index


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    import voxgpu

    page = (site / "docs" / "python-reference.html").read_text("utf-8")
    named = set(re.findall(r'id="voxgpu\.(\w+)"', page))
    assert {each for each in voxgpu.__all__ if each != "__version__"} <= named


def test_programs_and_commands_have_colors(site: Path) -> None:
    page = (site / "docs" / "imgql.html").read_text("utf-8")
    assert re.search(r'highlight-imgql.*?<span class="kd">load</span>', page, re.DOTALL)
    assert "highlight-console" in page
    assert '<span class="err">' not in page


def test_the_page_of_primitives_shows_examples(site: Path) -> None:
    page = (site / "docs" / "primitives.html").read_text("utf-8")
    pictures = re.findall(r'<img[^>]* src="\.\./(_images/[\w-]+\.png)"', page)
    assert len(pictures) > 130
    assert all((site / each).stat().st_size > 1000 for each in pictures)
