"""The images of BIDS datasets that a value of a plan is computed from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from voxgpu.cohorts.bids.dataset import BidsName, bids_name
from voxgpu.cohorts.cases import Case
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.node import Plan
from voxgpu.types import ImageOf


@frozen
class Source:
    """An image that another one is computed from.

    root      the dataset, as the path begins
    uri       ``bids:raw:sub-01/…``
    datatype  the folder that it is in: ``anat``
    """

    root: Path
    path: Path
    uri: str
    datatype: str
    name: BidsName
    kind: ImageOf


def sources_of(
    links: Mapping[str, str], case: Case, plan: Plan, value: ValueId
) -> Sequence[Source]:
    """The images in the order in which the program loads them.

    links  the folders of the datasets by the names that URIs have for them
    """
    needed = {value}
    for id in reversed(list(plan.nodes)):
        if id in needed:
            needed.update(plan.nodes[id].inputs)
    # Headers have the paths that folders which are links lead to.
    given = {_resolved(Path(x)): x for x in case.values.values() if os.sep in x}
    found: dict[str, Source] = {}
    for id, header in plan.files.items():
        kind = plan.types[id]
        if id in needed and isinstance(kind, ImageOf):
            path = Path(given.get(Path(header.path), header.path))
            source = _source(links, path, kind)
            if source is not None:
                found.setdefault(source.uri, source)
    return list(found.values())


def _source(links: Mapping[str, str], path: Path, kind: ImageOf) -> Source | None:
    name = bids_name(path.name)
    for link, folder in links.items():
        for root in (Path(folder), Path(folder).resolve()):
            if name is not None and root in path.parents:
                relative = PurePosixPath(path.relative_to(root).as_posix())
                uri = f"bids:{link}:{relative}"
                return Source(root, path, uri, relative.parent.name, name, kind)
    return None


def _resolved(path: Path) -> Path:
    """The path with its folders resolved; a file that is a link keeps its name."""
    return path.parent.resolve() / path.name
