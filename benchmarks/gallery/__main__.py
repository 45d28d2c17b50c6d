"""Makes the images of the gallery; without ``--data`` its numbers, pictures, page and notebooks."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.gallery.data import HEAD, make_data
from benchmarks.gallery.entries import ENTRIES, FOLDER
from benchmarks.gallery.notebooks import NOTEBOOKS, execute, write_notebook
from benchmarks.gallery.page import RECORDED, page
from benchmarks.gallery.pictures import draw
from benchmarks.gallery.run import run
from voxgpu.bench import machine
from voxgpu.temporary_files import whole_file


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="only write the images there")
    folder = parser.parse_args().data
    if folder is not None:
        make_data(folder)
        return
    with TemporaryDirectory() as work:
        make_gallery(Path(work))
        run_notebooks(Path(work))


def make_gallery(work: Path) -> None:
    """Write pictures, numbers and the page into ``docs``; ``work`` is a folder for images."""
    data = work / "data"
    make_data(data)
    programs = {}
    for entry in ENTRIES:
        # The first run compiles; the second one is recorded.
        run(entry, data, work / entry.name)
        prints, seconds = run(entry, data, work / entry.name)
        draw(entry, data, work / entry.name, prints)
        programs[entry.name] = {"prints": prints, "seconds": round(seconds, 2)}
        print(f"{entry.name}: {seconds:.2f} s")
    computer = machine.description("", 0)
    recorded = {
        "machine": f"{computer['processor']} ({computer['cores']} cores)",
        "voxels": "x".join(map(str, reversed(HEAD))),
        "programs": programs,
    }
    write(RECORDED, json.dumps(recorded, indent=1) + "\n")
    write(FOLDER.parent / "gallery.md", page(recorded))


def run_notebooks(work: Path) -> None:
    """Run every notebook in a folder of its own below ``work``, and write it with its outputs."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        folder = work / path.stem
        folder.mkdir()
        write_notebook(execute(path, folder), path)


def write(path: Path, text: str) -> None:
    with whole_file(path) as part:
        part.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
