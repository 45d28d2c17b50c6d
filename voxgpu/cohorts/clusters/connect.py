"""The cluster that a placement says: started, or joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from voxgpu.cohorts.clusters.existing import joined_cluster
from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.cohorts.clusters.local import cuda_cluster, local_cluster
from voxgpu.cohorts.clusters.slurm import slurm_cluster
from voxgpu.cohorts.clusters.workforce import Workforce
from voxgpu.cohorts.placement import Placement
from voxgpu.session_settings import SessionSettings


@contextmanager
def connected(
    placement: Placement, settings: SessionSettings, tasks: int, tell: Callable[[str], None]
) -> Iterator[tuple[Joined, Workforce]]:
    """Connect to the cluster of a placement; yields it and its workforce.

    tasks  how many cases there are to run: no more workers are started
    tell   is told what one waits for

    Raises ImgqlError where a library is missing, or a cluster cannot be started or joined.
    """
    wait = placement.wait
    opened: AbstractContextManager[Joined]
    if placement.scheduler:
        opened = joined_cluster(settings, placement.scheduler, wait, tell)
    elif placement.cluster == "cuda":
        opened = cuda_cluster(settings, placement.workers, tasks)
    elif placement.cluster == "slurm":
        opened = slurm_cluster(settings, placement, tasks, tell)
    else:
        opened = local_cluster(settings, max(1, min(placement.workers or 1, tasks)))
    with opened as joined:
        yield joined, Workforce(joined, tell, wait)
