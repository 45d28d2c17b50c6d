"""Jobs of SLURM: submitted, waited for, and looked at."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

#: Seconds after which a test that waits has failed. On a busy computer one job may take a minute.
_PATIENCE = 900

#: Seconds that a task which is queued again waits. A node takes no job of the second in which it
#: ended the job of that number: "already killed, do not launch batch job".
_DELAY = 3

#: States of jobs that have ended.
_ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}


class Slurm:
    """A SLURM that runs.

    configuration  the path of its file of settings
    """

    def __init__(self, configuration: str) -> None:
        # Jobs get all variables; this one dask has set for workers that a test has started here.
        own = {key: each for key, each in os.environ.items() if key != "MALLOC_TRIM_THRESHOLD_"}
        self.variables = {**own, "SLURM_CONF": configuration}

    def __call__(self, *words: str, cwd: Path | None = None, **variables: str) -> str:
        """What a command of SLURM prints. Raises AssertionError if it fails."""
        given = {**self.variables, **variables}
        done = subprocess.run(words, cwd=cwd, env=given, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def submit(self, *words: str, cwd: Path, **variables: str) -> str:
        """The id of a new job, which has these variables of the environment, too."""
        return self("sbatch", "--parsable", *words, cwd=cwd, **variables)

    def states(self, job: str) -> list[tuple[str, str]]:
        """The states of the tasks of a job, also of those that ended, each with its reason."""
        text = self("scontrol", "show", "job", "--oneliner", job)
        return re.findall(r" JobState=(\S+) Reason=(\S+) ", text)

    def finish(self, job: str) -> None:
        """Waits until a job has ended, and shortens the delay of tasks that are queued again."""
        seen = [False, False, False]
        is_shortened = False

        def has_ended() -> bool:
            nonlocal is_shortened
            states = self.states(job)
            if ("PENDING", "BeginTime") not in states:
                is_shortened = False
            elif not is_shortened:
                # SLURM lets those wait for two minutes, and changes none that is still being ended.
                command = ["scontrol", "update", f"JobId={job}", f"StartTime=now+{_DELAY}"]
                done = subprocess.run(command, env=self.variables, capture_output=True)
                is_shortened = done.returncode == 0
            # A task that is being queued again has ended for a moment.
            seen.append(bool(states) and all(state in _ENDED for state, _ in states))
            return all(seen[-3:])

        await_(has_ended)


def await_(happened: Callable[[], object]) -> None:
    """Waits until it is so. Raises AssertionError if that takes too long."""
    end = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < end, "this takes too long"
        time.sleep(0.1)
