"""Runs all examples, writes their pictures, and returns the page that shows them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.gallery.data import make_data
from benchmarks.primitive_pictures.draw import draw
from benchmarks.primitive_pictures.examples import Example, read_examples
from benchmarks.primitive_pictures.page import with_examples
from benchmarks.primitive_pictures.run import run_all
from voxgpu.manual import manual
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.temporary_files import whole_file

PAGE = Path(__file__).resolve().parents[2] / "docs" / "primitives.md"


def make_pages(folder: Path, pictures: str, page: str = "") -> str:
    """Write the picture of every example into a folder.

    pictures  where the folder is, relative to the page
    page      the text of the page; that of ``docs/primitives.md`` if empty

    Returns the page with the examples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prints: dict[Example, tuple[str, ...]] = {}
    with TemporaryDirectory() as data:
        make_data(Path(data))
        for example, outcome in run_all(read_examples(), Path(data)):
            with whole_file(folder / example.file_name) as part:
                part.write_bytes(draw(outcome, Path(example.background).name.partition(".")[0]))
            prints[example] = outcome.prints
    entries = manual(standard_primitives())
    return with_examples(page or PAGE.read_text("utf-8"), entries, prints, prints, pictures)
