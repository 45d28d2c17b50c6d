"""The notebooks of the documentation, run cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"


def execute(path: Path, folder: Path) -> Any:
    """The notebook at a path, with the outputs of running it in a folder.

    Raises ``CellExecutionError`` of nbclient if a cell raises.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources, record_timing=False
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            # Pages that show notebooks take the picture; the HTML has the same in more bytes.
            if "image/png" in data:
                data.pop("text/html", None)
    return notebook


def write_notebook(notebook: Any, path: Path) -> None:
    """Write a notebook with its outputs."""
    import nbformat

    from voxgpu.temporary_files import whole_file

    with whole_file(path) as part:
        part.write_text(nbformat.writes(notebook) + "\n", "utf-8")
