"""What running a cohort needs of a cluster: a client, and the settings of each worker's session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.session_settings import SessionSettings


def _nothing() -> bool:
    return False


@frozen
class Joined:
    """A cluster that cases can be sent to.

    client    of dask.distributed
    settings  of each worker's session; where they have no threads or memory, a worker takes those
              that it was started with
    expects   whether workers are still to come, of jobs that are queued for instance
    where     what the workers belong to, for people
    hint      where to look if none of them comes
    """

    client: Any
    settings: SessionSettings
    expects: Callable[[], bool] = _nothing
    where: str = "the cluster"
    hint: str = "start workers"
