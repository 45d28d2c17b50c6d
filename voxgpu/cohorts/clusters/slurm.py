"""Workers in jobs of SLURM, by dask-jobqueue: what each job asks for, and its script."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.cohorts.clusters.libraries import (
    DEATH_TIMEOUT,
    configured,
    distributed,
    imported,
    variables_of,
)
from voxgpu.cohorts.placement import Job, Placement
from voxgpu.cohorts.sbatch import in_header
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.session_settings import SessionSettings

#: Bytes of a job that are not its worker's: dask's process that watches over it.
_NANNY = 150 << 20

#: Node-local, if the site says where that is.
_LOCAL = '"${TMPDIR:-/tmp}"'

#: Stands for the address of the scheduler in a script that is only shown.
_SOMEWHERE = "tcp://SCHEDULER:PORT"

#: Takes back what dask sets for workers; see `configured`.
_TO_NANNY = "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON"
_NANNY_VARIABLES = "\"{'MALLOC_TRIM_THRESHOLD_': None}\""


@contextmanager
def slurm_cluster(
    settings: SessionSettings, placement: Placement, tasks: int, tell: Callable[[str], None]
) -> Iterator[Joined]:
    """A worker in each of some jobs, which may start later.

    As many jobs as there are workers asked for (one if nobody says) are queued, no more than there
    are cases. A job whose worker is lost, because its time is over for instance, is queued again.

    Raises ImgqlError where dask-jobqueue is not installed or SLURM refuses the jobs.
    """
    job = placement.job
    count = max(1, min(placement.workers or 1, tasks))
    own = replace(
        settings,
        threads=job.cpus,
        memory=max(job.memory - _NANNY, job.memory // 2),
        device=device_of(job, settings.device),
    )
    library = distributed()
    _submit_for_test(job_script(job))
    job.logs.mkdir(parents=True, exist_ok=True)
    with configured(job.cpus), _class()(scheduler_options=_scheduler(), **_options(job)) as cluster:
        cluster.scale(jobs=count)
        # From now on jobs are queued again whose workers are lost.
        cluster.adapt(minimum_jobs=count, maximum_jobs=count, interval="5s")
        tell(f"{count} jobs of SLURM are queued; what they write goes to {job.logs}")
        with library.Client(cluster, timeout=placement.wait) as client:
            where, hint = "the cluster of SLURM jobs", f"{job.logs} has what they wrote"
            yield Joined(client, own, partial(_are_queued, cluster), where, hint)


def job_script(job: Job) -> str:
    """The script of each job. Raises ImgqlError where dask-jobqueue is not installed."""
    script: str = _class().job_cls(_SOMEWHERE, name="voxgpu-0", **_options(job)).job_script()
    return script


def device_of(job: Job, asked: str) -> str:
    """The device of a worker: the GPUs of its job, unless another is asked for."""
    if asked != "auto" or not job.gpus:
        return asked
    return ",".join(f"cuda:{number}" for number in range(job.gpus))


def _class() -> Any:
    return imported("dask_jobqueue", "voxgpu[cluster]", "jobs of SLURM").SLURMCluster


def _options(job: Job) -> dict[str, Any]:
    """What dask-jobqueue is to write into the script; its own files of options fill the rest."""
    said = {"queue": job.queue, "account": job.account, "walltime": job.walltime}
    logs = str(job.logs.absolute()).replace("%", "%%") + "/%x-%j.log"
    directives = [f"--output={in_header(logs)}", "--open-mode=append"]
    if job.gpus:
        directives.append(f"--gres=gpu:{job.gpus}")
    # For libraries of the worker, and for what its nanny would set before it starts it.
    variables = {**variables_of(job.cpus), _TO_NANNY: _NANNY_VARIABLES}
    return {
        **{name: value for name, value in said.items() if value},
        "job_name": "voxgpu",
        "python": shlex.quote(sys.executable),
        "cores": 1,
        "processes": 1,
        "job_cpu": job.cpus,
        "memory": job.memory,
        "nanny": True,
        "death_timeout": DEATH_TIMEOUT,
        "local_directory": _LOCAL,
        "worker_extra_args": ["--memory-limit", "0", "--no-dashboard"],
        "job_script_prologue": [f"export {name}={value}" for name, value in variables.items()],
        "job_extra_directives": [*directives, *job.directives],
    }


def _are_queued(cluster: Any) -> bool:
    """Whether a job of a cluster is queued or runs; if SLURM does not answer, one may."""
    ids = [str(each.job_id) for each in list(cluster.workers.values()) if each.job_id]
    command = ["squeue", "--noheader", "--format=%T", f"--jobs={','.join(ids)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return True
    # SLURM forgets jobs that ended, and then calls their numbers invalid.
    return bool(done.stdout.strip()) or (done.returncode != 0 and "Invalid" not in done.stderr)


def _submit_for_test(script: str) -> None:
    """Asks SLURM whether it takes such a job, and queues none. Raises ImgqlError if it does not.

    dask-jobqueue would only log what SLURM says, and wait for workers that never come.
    """
    command = ["sbatch", "--test-only"]
    try:
        done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise _refused("sbatch is not found: jobs are not submitted from this computer") from None
    except subprocess.TimeoutExpired:
        raise _refused("sbatch has not answered for 60 s") from None
    if done.returncode:
        said = [each.strip() for each in done.stderr.splitlines() if each.strip()]
        raise _refused("; ".join(each.removeprefix("sbatch: error: ") for each in said))


def _refused(reason: str) -> ImgqlError:
    message = f"SLURM does not take the jobs: {reason}"
    hint = "--dry-run prints the script of a job"
    return ImgqlError([Diagnostic("E502", message, help=hint)])


def _scheduler() -> dict[str, Any]:
    """Options of the scheduler in this process: those of the site, and a free port."""
    said = import_module("dask").config.get("jobqueue.slurm.scheduler-options", {})
    return {"dashboard": False, "dashboard_address": "127.0.0.1:0", **said}
