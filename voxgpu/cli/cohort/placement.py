"""Options that say where cases run, and with which limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.jobs import JOB_OPTIONS, job_of, with_jobs
from voxgpu.cli.options import device_memory_option, device_option, option_group
from voxgpu.cli.parameter_types import SIZE, Number
from voxgpu.cli.store_options import store_options_of, with_store
from voxgpu.device_spec import parse_device

if TYPE_CHECKING:
    from voxgpu.cohorts.placement import Placement
    from voxgpu.cohorts.run import Cohort
    from voxgpu.session_settings import SessionSettings

#: Adds the options that say where cases run.
with_placement = option_group(
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        help="Run cases in so many processes of dask.distributed (0: in this one; default: "
        "as many as pay, by cores, memory and predicted time); with --cluster, how many GPUs or "
        "jobs.",
    ),
    click.option(
        "--scheduler",
        metavar="tcp://HOST:PORT|FILE.json",
        help="Run cases on the workers of this dask scheduler, which runs already.",
    ),
    click.option(
        "--cluster",
        type=click.Choice(["cuda", "slurm"]),
        help="Start a worker for each GPU of this computer, or in each of some jobs of SLURM.",
    ),
    click.option(
        "--wait",
        type=Number(min=0, min_open=True),
        metavar="SECONDS",
        help="How long to wait for a scheduler, and for workers where there are none (default: 60; "
        "for jobs as long as they are queued).",
    ),
    with_jobs,
    click.option(
        "--dry-run", is_flag=True, help="Print the script of a job of --cluster slurm; run nothing."
    ),
    device_option("On what to compute; auto: what is faster; reference: with NumPy and SciPy."),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="How many threads compute in each process (default: one a core, shared by workers).",
    ),
    click.option(
        "--memory",
        type=SIZE,
        metavar="SIZE",
        help="What all processes on this computer may take together, such as 4G; values beyond it "
        "wait on the disk.",
    ),
    device_memory_option,
    with_store,
)


def placement_of(arguments: dict[str, Any]) -> Placement:
    """Where the cases run, as the options say. Raises UsageError if they do not fit together."""
    from voxgpu.cohorts.placement import Placement

    problem = _misfit(arguments)
    if problem:
        raise click.UsageError(problem)
    wait = arguments["wait"]
    return Placement(
        arguments["workers"],
        arguments["scheduler"] or "",
        arguments["cluster"] or "",
        job_of(arguments),
        **({} if wait is None else {"wait": wait}),
    )


def _misfit(arguments: dict[str, Any]) -> str:
    """Why options that say where cases run do not fit together; empty if they do."""
    cluster, workers = arguments["cluster"], arguments["workers"]
    jobs = [text for name, text in JOB_OPTIONS.items() if arguments[name] not in (None, ())]
    is_cuda = parse_device(arguments["device"]).kind == "cuda"
    if arguments["scheduler"] and cluster:
        return "give --scheduler or --cluster, not both"
    if arguments["scheduler"] and workers is not None:
        return "--scheduler has the workers that it has: leave --workers out"
    if cluster and workers == 0:
        return f"--cluster {cluster} needs workers: leave --workers 0 out"
    if arguments["wait"] is not None and not (arguments["scheduler"] or cluster):
        return "--wait is for --scheduler and --cluster"
    if cluster == "cuda" and arguments["device"] != "auto":
        return "--cluster cuda runs each worker on its own GPU: leave --device out"
    if cluster == "slurm":
        if arguments["threads"]:
            return "a job has as many threads as cores: --cpus in place of --threads"
        if arguments["memory"]:
            return "the memory of a job is --memory-per-worker, not --memory"
        if arguments["gpus"] and arguments["device"] != "auto":
            return "a job with --gpus computes on them: leave --device out"
        if is_cuda and not arguments["gpus"]:
            return f"--device {arguments['device']} needs jobs with GPUs: --gpus 1"
        return ""
    if arguments["dry_run"]:
        return "--dry-run prints the script of a job: it needs --cluster slurm"
    return f"{', '.join(jobs)}: only for jobs: --cluster slurm or --write-sbatch" if jobs else ""


def print_job(placement: Placement) -> int:
    """Print the script of a job; return the exit status."""
    from voxgpu.cohorts.clusters.slurm import job_script

    click.echo(job_script(placement.job), nl=False)
    return 0


def settings_of(arguments: dict[str, Any], cohort: Cohort) -> SessionSettings:
    """The settings of a session that runs cases, as the options say."""
    from voxgpu.session_settings import SessionSettings

    return SessionSettings(
        device=arguments["device"],
        threads=arguments["threads"],
        memory=arguments["memory"],
        device_memory=arguments["device_memory"],
        store=store_options_of(arguments),
        output=arguments["output"],
        roots=cohort.program.options.roots,
        keep_images=False,
    )
