"""What the names on the command line stand for: folders, files, or a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.provenance.sidecar import find_sidecar
from voxgpu.store.run_records import RunRecord, read_records
from voxgpu.viewer.dataset import Case, Dataset, case_of_files
from voxgpu.viewer.roots import PROGRAM, OpenedRoots, roots_of


def opened(
    names: Sequence[str], store: Path | None, also: Sequence[Path], definitions: Mapping[str, str]
) -> Dataset:
    """What was named; nothing stands for the current folder.

    store        the folder of the store, which knows runs; None: there is none
    also         further folders that programs may load from
    definitions  program variables

    Raises ImgqlError for a name that is neither a folder, nor a file, nor the beginning of the id
    of a run.
    """
    paths = [Path(each) for each in names or ["."]]
    folders = [each for each in paths if each.is_dir()]
    files = [each for each in paths if each.is_file()]
    others = [each for each in paths if each not in folders and each not in files]
    if others:
        if len(paths) == 1:
            return _of_run(_record(names[0], store), also, definitions)
        raise ImgqlError([_unknown(str(others[0]))])
    roots = roots_of(folders, files, also)
    cases = _cases(roots, [each for each in files if each.suffix != PROGRAM])
    return Dataset(
        roots, cases, tuple(each.id for each in cases), _ids(roots, files, PROGRAM), definitions
    )


def _cases(roots: OpenedRoots, images: Iterable[Path]) -> tuple[Case, ...]:
    """One case for each folder of images that were named."""
    groups: dict[Path, list[Path]] = {}
    for each in images:
        groups.setdefault(Path(os.path.realpath(each)).parent, []).append(each)
    return tuple(case_of_files(roots, folder.name, group) for folder, group in groups.items())


def _ids(roots: OpenedRoots, files: Iterable[Path], suffix: str) -> tuple[str, ...]:
    found = [roots.id_of(Path(os.path.realpath(each))) for each in files if each.suffix == suffix]
    return tuple(each for each in found if each is not None)


def _record(name: str, store: Path | None) -> RunRecord:
    """The record of the only run whose id begins so. Raises ImgqlError."""
    found = [each for each in read_records(store) if each.id.startswith(name)] if store else []
    exact = [each for each in found if each.id == name]
    if len(exact or found) == 1 and name:
        return (exact or found)[0]
    if found:
        message = f"{len(found)} runs begin with `{name}`"
        raise ImgqlError([Diagnostic("E402", message, help="`voxgpu runs` lists them")])
    raise ImgqlError([_unknown(name)])


def _unknown(name: str) -> Diagnostic:
    message = f"there is no folder, no file and no run `{name}`"
    return Diagnostic("E201", message, help="`voxgpu runs` lists the runs that the store knows")


def _of_run(record: RunRecord, also: Sequence[Path], definitions: Mapping[str, str]) -> Dataset:
    """The images that a run saved, with those that they were made from. Raises ImgqlError."""
    folder = Path(record.folder)
    saved = [folder / each for each in record.saved]
    there = [each for each in saved if each.is_file()]
    if not there:
        what = "are not there any more" if saved else "there are none"
        message = f"of the images that run {record.id} saved nothing can be shown: they {what}"
        if not saved:
            message = f"run {record.id} has saved no images"
        raise ImgqlError([Diagnostic("E201", message, help=f"voxgpu runs show {record.id}")])
    sources: dict[Path, None] = {}
    for each in there:
        beside = find_sidecar(each)
        for source in beside[1].sources if beside is not None else ():
            sources[folder / source] = None
    images = [*(each for each in sources if each.exists()), *there]
    program = Path(record.program)
    programs = [program] if program.suffix == PROGRAM and program.is_file() else []
    roots = roots_of([], [*images, *programs], also)
    case = case_of_files(roots, f"run {record.id}", images)
    given = {**record.definitions, **definitions}
    return Dataset(roots, (case,), (case.id,), _ids(roots, programs, PROGRAM), given)
