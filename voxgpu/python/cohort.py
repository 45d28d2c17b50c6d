"""Cohorts in the Python interface: one program for many cases and combinations of variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from voxgpu.cohorts.attempts import Patience
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.run import Cohort as PlainCohort
from voxgpu.cohorts.table import SUFFIXES, parquet_library
from voxgpu.python.cohort_cases import cases_of, combinations_of, templates_of
from voxgpu.python.cohort_run import Cohort
from voxgpu.python.program import options_of, source_of
from voxgpu.python.progress import Progress
from voxgpu.python.session import settings_of

if TYPE_CHECKING:
    from pandas import DataFrame

    _Path: TypeAlias = str | os.PathLike[str]
    _Case: TypeAlias = _Path | Mapping[str, object]
    Cases: TypeAlias = _Path | Sequence[_Case] | Mapping[str, _Case] | DataFrame


def cohort(
    program: str | Path,
    cases: Cases,
    sweep: Mapping[str, Iterable[object]] | Sequence[Mapping[str, object]] | None = None,
    define: Mapping[str, object] | None = None,
    output: str | Path | None = None,
    *,
    workers: int | None = None,
    scheduler: object = "",
    cluster: str = "",
    table: str | Path | None = None,
    resume: bool = True,
    retry: int = 0,
    case_timeout: float | None = None,
    run_set_aside: bool = False,
    progress: bool | Callable[[Progress], None] | None = None,
    device: str = "auto",
    threads: int | None = None,
    dialect: str | None = None,
    same_grid: str | None = None,
    read_roots: Sequence[str | Path] = (),
    write_roots: Sequence[str | Path] = (),
    primitives: Sequence[str | Path] = (),
    store: str | Path | None = None,
    store_shared: str | Path | None = None,
    store_budget: int | str | None = None,
    keep: str = "costly",
    memory: int | str | None = None,
    device_memory: int | str | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
    force_save: bool = False,
    verify_inputs: bool = False,
    overwrite_inputs: bool = False,
    validate: bool = False,
    sidecar: bool = True,
) -> Cohort:
    """Prepare one program for many cases; rows are computed when they are asked for.

    Nothing is computed by this call. Iterating over the result computes row after row, in this
    thread or, with workers, in other processes while the loop does its own work; ``run()``,
    ``table``, ``summary()`` and the like compute what is left first.

        for row in voxgpu.cohort("tumor.imgql", "data/*/", sweep={"T": "0.9:0.95:0.01"}):
            print(row["case"], row["T"], row.get("volume"), row["error"])

    program    the path of a program, or its text, as for ``voxgpu.run``
    cases      a pattern, each match of which is a case: ``$CASE`` in the program is its path,
               ``$NAME`` its name; a table (.csv, .tsv) with a row for each case and a column for
               each variable; a sequence of paths, or of mappings of program variables; a mapping
               of names to either; a DataFrame of pandas, as a table
    sweep      values of program variables, as a sequence or a text: ``{"T": [1, 2], "M": "a,b",
               "HI": "0.91:0.97:0.01"}``, both ends included, for all combinations; or a sequence
               of mappings for these combinations
    define     program variables; texts are templates over ``{path}``, ``{name}``, ``{parent}`` and
               the variables of the case
    output     the folder for saved files, with a folder for each case; None: nothing is written
    workers    processes of this computer; 0: this one; None: as many as pay, by cores, memory and
               predicted time. Scripts need no ``if __name__ == "__main__":`` for them
    scheduler  a dask scheduler that runs already, in place of workers: its address, the file that
               it wrote, or a client or cluster of dask that is connected to it
    cluster    ``cuda``: a worker for each GPU of this computer, or for ``workers`` of them
    table      the file of the table (.csv, .tsv, .jsonl, .parquet), written at the end, also when
               the run is interrupted. Rows are kept in a journal beside it as they finish; None:
               rows are in memory alone
    resume     use rows of the journal again, if it is of the same program, definitions and sweep
    retry      how often a case is tried again whose failure may pass: of files, memory, devices
    case_timeout  seconds after which a case is ended together with its worker; None: never
    run_set_aside  run also cases that workers have died of again and again
    progress   a function that is called with a ``Progress`` at each row; True or False: whether a
               bar is shown; None: on a terminal and in notebooks

    The other parameters are those of ``voxgpu.run``. Cases that fail are rows with their error.

    Raises ImgqlError where the program, the cases or the table cannot be used; ValueError and
    TypeError for invalid parameters.
    """
    source, path = source_of(program)
    every, combinations = cases_of(cases), combinations_of(sweep)
    options = options_of(
        templates_of(define), output, dialect, same_grid, read_roots, write_roots, primitives,
        nifti_form, series, grid_tolerance, {}, overwrite_inputs,
    )  # fmt: skip
    both = sorted({name for name, _ in combinations[0]} & options.define.keys())
    if both:
        raise ValueError(f"{', '.join(both)} cannot be swept and defined")
    settings = settings_of(
        device, threads, memory, device_memory, store, store_shared, store_budget, keep,
        force_save, verify_inputs, validate,
    )  # fmt: skip
    plain = PlainCohort(Program(source, path, options, sidecars=sidecar), every, combinations)
    placement = _placement(workers, scheduler, cluster)
    patience = Patience(_count("retry", retry), run_set_aside, case_timeout)
    if case_timeout is not None and not case_timeout > 0:
        raise ValueError(f"case_timeout is a time in seconds, not {case_timeout!r}")
    file = None if table is None else _table(table)
    if progress is not None and not isinstance(progress, bool) and not callable(progress):
        raise TypeError(f"progress is a function of a Progress, or True or False; not {progress!r}")
    return Cohort(plain, settings, placement, patience, file, resume, progress)


def _placement(workers: int | None, scheduler: object, cluster: str) -> Placement:
    count = None if workers is None else _count("workers", workers)
    if scheduler and workers is not None:
        raise ValueError("a scheduler has the workers that it has: leave workers out")
    if cluster not in ("", "cuda"):
        hint = "; jobs of SLURM: voxgpu cohort --cluster slurm, or scheduler=SLURMCluster(…)"
        raise ValueError(f'cluster is "cuda" or empty, not {cluster!r}{hint}')
    if cluster and (scheduler or count == 0):
        raise ValueError("a cluster has workers of its own: leave scheduler and workers=0 out")
    return Placement(count, _address(scheduler), cluster)


def _address(scheduler: object) -> str:
    """The address of a scheduler, or the file that has it."""
    if isinstance(scheduler, str | os.PathLike):
        return str(os.fspath(scheduler))
    # A cluster has the first, a client the second.
    found = getattr(scheduler, "scheduler_address", None) or getattr(
        getattr(scheduler, "scheduler", None), "address", None
    )
    if not isinstance(found, str):
        raise TypeError(
            f"scheduler is an address, a file, a client or a cluster; not {scheduler!r}"
        )
    return found


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if value < 0:
        raise ValueError(f"{name} is 0 or more, not {value}")
    return value


def _table(table: str | Path) -> Path:
    path = Path(os.path.expanduser(table))  # noqa: PTH111 - not the way that raises without a home
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"a table ends in {', '.join(SUFFIXES)}, not {str(path)!r}")
    if path.suffix.lower() == ".parquet":
        with file_errors("E303"):
            parquet_library()
    return path
