"""A case on a worker: a whole schedule is sent to one process, which runs voxgpu's engine on it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from benchmarks.strategies import remote
from benchmarks.strategies.interface import Counted, StrategyIO, deliver
from voxgpu.optimize.schedule import Schedule


def run(schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule on a worker."""
    return run_all([schedule], io)


def run_all(schedules: Sequence[Schedule], io: StrategyIO) -> Counted:
    """Runs schedules on the workers, each on one of them; goals are delivered as cases end."""
    from distributed import as_completed

    counted, client = Counted(), io.client
    before = remote.sent_bytes(client)
    futures = {
        client.submit(remote.run_case, each, io.threads, io.output, pure=False): each
        for each in schedules
    }
    try:
        for future in as_completed(futures):
            schedule = futures[future]
            delivered, (performed, failures) = future.result()
            counted.performed += performed
            for place, value in delivered:
                if value is not None:  # else it is a file
                    deliver(schedule.goals[place], value, io, counted)
            counted.failures += [(schedule.goals[place], *rest) for place, *rest in failures]
    except BaseException:
        client.cancel(list(futures), force=True)
        raise
    sent = sum(len(pickle.dumps(each)) for each in schedules)
    counted.moved = remote.sent_bytes(client) - before + sent
    return counted
