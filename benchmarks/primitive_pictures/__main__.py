"""Runs the examples of docs/examples and writes the page of primitives with their pictures."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from benchmarks.primitive_pictures.make import make_pages
from voxgpu.temporary_files import whole_file


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks.primitive_pictures", description=__doc__)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER",
        help="where primitives.md and the folder pictures are written",
    )  # fmt: skip
    output = parser.parse_args().output
    text = make_pages(output / "pictures", "pictures")
    with whole_file(output / "primitives.md") as part:
        part.write_text(text, "utf-8")
    print(f"wrote {output / 'primitives.md'}")


if __name__ == "__main__":
    main()
