"""Where the cases of a cohort run, as plain data."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from voxgpu.frozen import frozen


@frozen
class Job:
    """The resources that each job of a batch system requests; empty: the system's default.

    queue       the partition
    account     who is charged
    walltime    how long it may run, as the system writes it, such as 02:00:00
    gpus        how many GPUs it has
    cpus        how many cores it has
    memory      bytes that it may take
    directives  more lines of its header, without ``#SBATCH``
    logs        the folder of what it writes
    """

    queue: str = ""
    account: str = ""
    walltime: str = ""
    gpus: int = 0
    cpus: int = 1
    memory: int = 4 << 30
    directives: tuple[str, ...] = ()
    logs: Path = Path("voxgpu-jobs")


@frozen
class Placement:
    """Where the cases of a cohort run.

    workers    processes on this computer, GPUs of it for ``cuda``, jobs for ``slurm``; 0 for this
               process; None for as many as there are GPUs, or as pay
    scheduler  the address of a dask scheduler that runs already, or the file that it wrote
    cluster    ``cuda``: a worker for each GPU of this computer; ``slurm``: a worker in each of some
               jobs; empty: neither
    job        what each job asks for
    wait       seconds to wait for a scheduler, and for workers where there are none
    """

    workers: int | None = 0
    scheduler: str = ""
    cluster: str = ""
    job: Job = field(default_factory=Job)
    wait: float = 60.0

    @property
    def is_here(self) -> bool:
        """Whether cases run in this process."""
        return self.workers == 0 and not self.scheduler and not self.cluster
