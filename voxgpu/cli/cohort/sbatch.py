"""Options that write a job array of SLURM: a script in which each task runs a part of a cohort."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.jobs import JOB_OPTIONS, job_of
from voxgpu.cli.options import UserPath, check_writable, option_group
from voxgpu.cli.terminal import print_stderr
from voxgpu.device_spec import parse_device

if TYPE_CHECKING:
    from voxgpu.cohorts.run import Cohort
    from voxgpu.cohorts.sbatch import ArrayJob

#: Adds the options of job arrays.
with_sbatch = option_group(
    click.option(
        "--write-sbatch",
        type=UserPath(path_type=Path, readable=False),
        metavar="FILE",
        help="Write the script of a job array of SLURM, each task of which runs a part of the "
        "cohort; run nothing.",
    ),
    click.option(
        "--tasks",
        type=click.IntRange(min=1),
        metavar="N",
        help="How many tasks the job array has (default: one for ten cases, 1000 at most).",
    ),
)

#: Options that have no place in a task, or that the script sets.
_NOT_OF_TASKS = {
    *("write_sbatch", "tasks", "part", "store", "store_shared", "device", "log", *JOB_OPTIONS),
}

#: Options that do something else than run cases, or elsewhere.
_NOT_WITH = {
    "part": "--part",
    "only_list": "--list",
    "check": "--check",
    "merge": "--merge",
    "dry_run": "--dry-run",
    "scheduler": "--scheduler",
    "cluster": "--cluster",
    "status": "--status",
}

#: Options of the whole table, which are nothing to a part.
_OF_TABLE = {"summary", "summary_file", "maximize", "minimize", "plots"}


def check_sbatch(arguments: dict[str, Any]) -> None:
    """Raise UsageError if options do not fit those of job arrays."""
    if arguments["write_sbatch"] is None:
        if arguments["tasks"] is not None:
            raise click.UsageError("--tasks is for --write-sbatch")
        return
    for name, option in _NOT_WITH.items():
        if arguments.get(name) not in (None, False, ()):
            raise click.UsageError(f"give --write-sbatch or {option}, not both")
    if not arguments["resume"]:
        message = "a task that is queued again goes on from its journal: leave --no-resume out"
        raise click.UsageError(message)
    is_cuda = parse_device(arguments["device"]).kind == "cuda"
    if arguments["gpus"] and arguments["device"] != "auto":
        raise click.UsageError("a job with --gpus computes on them: leave --device out")
    if is_cuda and not arguments["gpus"]:
        raise click.UsageError(f"--device {arguments['device']} needs jobs with GPUs: --gpus 1")


def write_sbatch(cohort: Cohort, arguments: dict[str, Any]) -> int:
    """Write the script, make the folder of its logs, and say how to go on."""
    from voxgpu.cohorts.sbatch import array_script, quoted

    context = click.get_current_context()
    array = array_of(cohort, arguments, context)
    path: Path = arguments["write_sbatch"]
    logs = array.folder / array.job.logs
    for each in (path, logs / "log", array.folder / array.table):
        check_writable(each, "--write-sbatch" if each == path else "--table")
    logs.mkdir(parents=True, exist_ok=True)
    path.write_text(array_script(array), encoding="utf-8", errors="surrogateescape", newline="\n")
    if not arguments["quiet"]:
        name, count = quoted(str(path)), len(cohort.cases)
        tasks = "1 task" if array.tasks == 1 else f"{array.tasks} tasks"
        print_stderr(f"saved {path}: {count} cases in {tasks}; logs go to {array.job.logs}")
        print_stderr(f"submit it:  sbatch {name}")
        print_stderr(f"afterwards: bash {name} merge")
    return 0


def array_of(cohort: Cohort, arguments: dict[str, Any], context: click.Context) -> ArrayJob:
    """The job array of the options. Raises BadParameter for unknown formats of tables."""
    from voxgpu.cli.cohort.table import table_of
    from voxgpu.cohorts.sbatch import ArrayJob, starter_of, tasks_for

    job, table = job_of(arguments), table_of(arguments, replace(cohort, part=None))
    starter = starter_of(
        _command(),
        Path(sys.prefix),
        sys.prefix != sys.base_prefix,
        os.environ,
        with_gpus=bool(job.gpus),
    )
    shared = arguments["store_shared"]
    is_named = _is_named(context, "store")
    if shared is None and not (is_named and arguments["store"] == "none"):
        shared = table.with_name(f"{table.name}.store")
    return ArrayJob(
        job=job,
        tasks=arguments["tasks"] or tasks_for(len(cohort.cases)),
        folder=Path.cwd(),
        script=arguments["write_sbatch"],
        starter=starter,
        words=[*_device(arguments), *_words(arguments, context, _NOT_OF_TASKS | _OF_TABLE)],
        merge=["--table", str(table), *_words(arguments, context, {*arguments} - _OF_TABLE)],
        group=_group(arguments, context),
        table=table,
        log=arguments["log"],
        store=arguments["store"] if is_named else None,
        shared="" if shared is None else str(shared),
        grace=arguments.get("grace") or 0.0,
    )


def _group(arguments: dict[str, Any], context: click.Context) -> list[str]:
    """The arguments of the level ``group`` of a BIDS App, which finds journals in its folder."""
    if not arguments["bids"] or _is_named(context, "table"):
        return []
    (program,), folders = arguments["program"], (arguments["bids"], arguments["output"])
    more = _words(arguments, context, {*arguments} - _OF_TABLE)
    return ["bids", *map(str, folders), "group", "--program", str(program), *more]


def _device(arguments: dict[str, Any]) -> list[str]:
    """The device of a task: its GPUs, or none that it happens to see."""
    from voxgpu.cohorts.clusters.slurm import device_of

    asked = device_of(job_of(arguments), arguments["device"])
    return ["--device", "cpu" if asked == "auto" else asked]


def _command() -> list[str]:
    """The words that start voxgpu in the Python environment of this process."""
    program = Path(sys.executable).parent / "voxgpu"
    return [str(program)] if program.is_file() else [sys.executable, "-m", "voxgpu"]


def _is_named(context: click.Context, name: str) -> bool:
    """Whether an option was given on the command line, not by a variable of the environment."""
    source = context.get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _words(arguments: dict[str, Any], context: click.Context, without: set[str]) -> list[str]:
    """The words of the command line for arguments that are not the usual ones."""
    found: list[str] = []
    operands: list[str] = []
    usual = click.core.ParameterSource.DEFAULT
    for each in context.command.params:
        name = each.name or ""
        if name in without or context.get_parameter_source(name) is usual:
            continue
        if isinstance(each, click.Option):
            found += _option(each, arguments[name])
        else:
            operands += _texts(arguments[name])
    # Operands last: one that looks like an option is none there.
    return [*found, *(["--"] if any(o.startswith("-") for o in operands) else []), *operands]


def _option(option: click.Option, value: Any) -> Iterator[str]:
    """The words of an option with a value."""
    word = max(option.opts, key=len)
    if option.is_flag:
        if option.secondary_opts and not value:
            word = option.secondary_opts[0]
        elif not value:
            return
        yield word
        return
    for each in _texts(value):
        # A value that begins with a dash would be taken for an option.
        if each.startswith("-") and word.startswith("--"):
            yield f"{word}={each}"
        else:
            yield from (word, each)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}={text}" for name, text in value.items()]
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    return [] if value is None else [str(value)]
