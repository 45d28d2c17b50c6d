"""Options of jobs of a batch system: what each asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import option_group
from voxgpu.cli.parameter_types import SIZE

if TYPE_CHECKING:
    from voxgpu.cohorts.placement import Job

#: Adds the options of jobs.
with_jobs = option_group(
    click.option("--queue", metavar="NAME", help="Queue (partition) of jobs."),
    click.option("--account", metavar="NAME", help="Account that jobs are charged to."),
    click.option(
        "--walltime", metavar="TIME", help="How long a job may run, such as 02:00:00 or 90."
    ),
    click.option("--gpus", type=click.IntRange(min=0), metavar="N", help="GPUs of a job."),
    click.option(
        "--cpus", type=click.IntRange(min=1), metavar="N", help="Cores of a job (default: 1)."
    ),
    click.option(
        "--memory-per-worker",
        type=SIZE,
        metavar="SIZE",
        help="Memory of a job, such as 8G (default: 4GiB).",
    ),
    click.option(
        "--extra-directive",
        multiple=True,
        metavar="TEXT",
        help="One more line of a job's header, such as '--constraint=a100'; repeatable.",
    ),
)

#: The options as they are typed, by the names of arguments.
JOB_OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("queue", "account", "walltime", "gpus", "cpus", "memory_per_worker"),
        "extra_directive",
    )
}


def job_of(arguments: dict[str, Any]) -> Job:
    """What each job asks for, as the options say; its logs lie beside the table."""
    from voxgpu.cohorts.placement import Job

    asked = {
        "queue": arguments["queue"],
        "account": arguments["account"],
        "walltime": arguments["walltime"],
        "gpus": arguments["gpus"],
        "cpus": arguments["cpus"],
        "memory": arguments["memory_per_worker"],
    }
    table: Path = arguments["table"]
    return Job(
        **{name: value for name, value in asked.items() if value is not None},
        directives=tuple(_directive(each) for each in arguments["extra_directive"]),
        logs=table.with_name(f"{table.name}.jobs"),
    )


def _directive(text: str) -> str:
    """A line of a job's header, with or without what begins it. Raises BadParameter."""
    found = text.strip().removeprefix("#SBATCH").strip()
    if not found.startswith("-") or "\n" in found:
        message = f"{text!r} is no option of sbatch, such as --constraint=a100"
        raise click.BadParameter(message, param_hint="--extra-directive")
    return found
