"""Thumbnails of the cases of a cohort: of each row the last region that the program saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from voxgpu.cohorts.row import Row
from voxgpu.cohorts.run import Cohort
from voxgpu.diagnostics import ImgqlError
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header
from voxgpu.files.read import read_image
from voxgpu.frozen import frozen
from voxgpu.plan.node import Goal, Plan
from voxgpu.report.montage_regions import labels_of
from voxgpu.report.planes import thumbnail
from voxgpu.report.saved_images import nearest_source, read_first_volume
from voxgpu.types import Content, ImageOf

#: The longest edge of a thumbnail in pixels, and up to how many rows have one.
PIXELS, MOST_PICTURES = 120, 2000

#: Rows whose pictures are prepared at a time: what is read of them is in memory.
_AT_ONCE = 32


@frozen
class CasePicture:
    """The thumbnail of a row, as a WebP file, and the label of what is on it."""

    label: str
    content: bytes


@frozen
class _Found:
    """What a thumbnail is made of: a saved file and the image that it was made from."""

    label: str
    path: Path
    is_region: bool
    source: Header | None


def case_pictures(
    cohort: Cohort,
    rows: Iterable[Row],
    threads: int,
    tell: Callable[[str, int], object] = lambda name, done: None,
) -> dict[tuple[int, int], CasePicture]:
    """The thumbnails of the first ``MOST_PICTURES`` rows that succeeded, by the place of the row.

    Rows whose files cannot be read have none.

    tell  called with the name of the case and how many rows are done
    """
    pictures: dict[tuple[int, int], CasePicture] = {}
    done = (each for each in islice(rows, MOST_PICTURES) if each.is_done)
    with ThreadPoolExecutor(max(threads, 1), "thumbnails") as pool:
        while group := list(islice(done, _AT_ONCE)):
            # Programs are compiled on this thread: that is no work for several.
            found = [(row, _found(cohort, row)) for row in group]
            made = pool.map(_drawn, (each for _, each in found))
            for (row, _), picture in zip(found, made, strict=True):
                if picture is not None:
                    pictures[row.place] = picture
                tell(row.case, len(pictures))
    return pictures


def _found(cohort: Cohort, row: Row) -> _Found | None:
    case = cohort.cases[row.place[0]]
    program = cohort.program
    try:
        compiled = program.compiled(case, row.combination, None)
    except (ImgqlError, FileError, ValueError, OSError):
        return None
    names = program.names.names(case, row.combination, compiled.plan)
    goals = list(_saves(compiled.plan))
    if not goals or program.options.output is None:
        return None
    goal, kind = next(
        (each for each in reversed(goals) if each[1].content is Content.BOOLEAN), goals[-1]
    )
    name = names.get(goal.label)
    path = Path(goal.file) if name is None else program.options.output / name
    is_region = kind.content is Content.BOOLEAN or kind.mask or goal.labels
    return _Found(goal.label, path, is_region, nearest_source(compiled.plan, goal.value))


def _saves(plan: Plan) -> Iterator[tuple[Goal, ImageOf]]:
    for goal in plan.goals:
        kind = plan.types[goal.value]
        if goal.action == "save" and isinstance(kind, ImageOf):
            yield goal, kind


def _drawn(found: _Found | None) -> CasePicture | None:
    if found is None:
        return None
    try:
        image = read_first_volume(found.path)
        source = found.source
        is_region = found.is_region or len(labels_of(image)) > 1
        if not is_region or source is None or not source.grid.agrees_with(image.grid):
            return CasePicture(found.label, thumbnail(image, None, PIXELS))
        return CasePicture(found.label, thumbnail(read_image(source), image, PIXELS))
    except (FileError, OSError, ValueError, MemoryError):
        return None
