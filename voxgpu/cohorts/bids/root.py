"""What a BIDS derivative has at its root: what it is, and the values of participants as tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from voxgpu.cohorts.bids.dataset import BIDS_VERSION, DESCRIPTION, read_description
from voxgpu.cohorts.bids.derivative import entities_of_case
from voxgpu.cohorts.bids.names import value_in_name, without_folder
from voxgpu.cohorts.bids.written import write_json, write_text
from voxgpu.cohorts.row import Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.files.errors import FileError
from voxgpu.version import __version__

#: The folder of the whole table and of the journal, whose content BIDS leaves to its owner.
LOGS = "logs"

_README = """# Derivatives of voxgpu

Images and values that the program {program} of ImgQL computed from the dataset {name}.
`logs` holds the whole table, `phenotype` the same values in a table for each session and for each
combination of swept variables.
"""


def check_output(output: Path, folders: Iterable[Path]) -> None:
    """Raise FileError where a derivative in this folder would spoil another dataset.

    folders  those of the datasets that are read
    """
    place = output.resolve()
    for folder in folders:
        root = folder.resolve()
        inside = place.relative_to(root).parts if root in place.parents else ()
        if place == root or (inside and inside[0] not in ("derivatives", "sourcedata")):
            hint = f"give another folder: -o {folder / 'derivatives' / 'voxgpu'}"
            raise FileError(str(output), "it is in the dataset that is read", hint, "write")
    found = _generators(output / DESCRIPTION)
    if found is not None and "voxgpu" not in found:
        by = f"a dataset by {', '.join(found)}" if found else "a dataset of somebody else"
        raise FileError(str(output), f"it has {by}", "give another folder with -o", "write")


def _generators(path: Path) -> list[str] | None:
    """The names of the programs that made a dataset; None if it does not say."""
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValueError):
        return []
    by = found.get("GeneratedBy") if isinstance(found, dict) else None
    return [str(x.get("Name")) for x in by if isinstance(x, dict)] if isinstance(by, list) else []


def links_of(folders: Sequence[Path]) -> dict[str, str]:
    """The folders of datasets by the names that URIs have for them."""
    names = ["raw", *(f"deriv{n}" for n in range(1, len(folders)))]
    return {name: str(each) for name, each in zip(names, folders, strict=True)}


def write_root(output: Path, links: Mapping[str, str], program: str, command: str) -> None:
    """Write what the derivative is. Raises FileError if that fails.

    links    the folders of the datasets that are read, by the names that URIs have for them
    command  the command line, without folders of this computer
    """
    folders = {link: Path(folder) for link, folder in links.items()}
    descriptions = {link: read_description(each, check=False) for link, each in folders.items()}
    first = descriptions["raw"]
    name = str(first.get("Name") or folders["raw"].resolve().name)
    content: dict[str, Any] = {
        "Name": f"{name}: {program}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "voxgpu", "Version": __version__, "Description": command}],
        "SourceDatasets": [_source(output, folders[link], descriptions[link]) for link in links],
        "DatasetLinks": {link: _relative(output, folder) for link, folder in folders.items()},
    }
    for each in ("License", "Authors"):
        if first.get(each):
            content[each] = first[each]
    write_json(output / DESCRIPTION, content)
    if not any(each.stem == "README" for each in output.iterdir()):
        write_text(output / "README.md", _README.format(program=program, name=name))


def _source(output: Path, folder: Path, description: Mapping[str, Any]) -> dict[str, str]:
    doi = description.get("DatasetDOI")
    found = {"DOI": doi} if isinstance(doi, str) else {}
    return {"URL": _relative(output, folder), **found}


def _relative(output: Path, folder: Path) -> str:
    """The way from the derivative to another folder, which holds on other computers as well."""
    return Path(os.path.relpath(folder.resolve(), output.resolve())).as_posix()


def write_phenotype(output: Path, rows: Iterable[Row], program: str) -> None:
    """Write tables with one row for each participant, as BIDS has them. Raises FileError.

    One table for each session and what else makes a case, and for each combination.
    """
    tables: dict[str, list[Row]] = {}
    for row in rows:
        entities = entities_of_case(row.case)
        made_by = [f"{key}-{value}" for key, value in entities.items() if key != "sub"]
        swept = [f"{name}-{value_in_name(value)}" for name, value in row.combination]
        tables.setdefault("_".join(["cohort", *made_by, *swept]), []).append(row)
    for stem, found in tables.items():
        labels = list(dict.fromkeys(label for row in found for label in row.printed))
        columns = [_column(each) for each in labels]
        lines = [["participant_id", "status", *columns]]
        for row in found:
            values = [_cell(row.printed.get(label)) for label in labels]
            lines.append([f"sub-{entities_of_case(row.case)['sub']}", row.status, *values])
        text = "".join("\t".join(line) + "\n" for line in lines)
        write_text(output / "phenotype" / f"{stem}.tsv", text)
        write_json(
            output / "phenotype" / f"{stem}.json",
            _meaning(dict(zip(columns, labels, strict=True)), program, found[0].combination),
        )


def _meaning(columns: Mapping[str, str], program: str, combination: Combination) -> dict[str, Any]:
    swept = "".join(f", with {name}={without_folder(value)}" for name, value in combination)
    levels = {"done": "all was computed", "failed": "something was not: see logs"}
    return {
        "MeasurementToolMetadata": {"Description": f"{program}, run by voxgpu{swept}"},
        "status": {"Description": "what came of the participant", "Levels": levels},
        **{
            column: {"Description": f"`{label}`, printed by {program}"}
            for column, label in columns.items()
        },
    }


def _column(label: str) -> str:
    """The label as the name of a column: one that is taken gets ``printed:`` in front."""
    name = " ".join(label.split()) or "value"
    return f"printed:{name}" if name in ("participant_id", "status") else name


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "n/a"
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(text.split())


def is_derivative(folder: Path) -> bool:
    """Whether a folder has a derivative by voxgpu."""
    return "voxgpu" in (_generators(folder / DESCRIPTION) or [])
