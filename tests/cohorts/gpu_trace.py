"""Which GPUs the processes of a cohort used, on mock GPUs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.backends.cuda.emulated_cli import environment_of_workers

#: The folder whose ``sitecustomize.py`` traces every Python process.
SITE = Path(__file__).resolve().parent / "gpu_site"


class Use(NamedTuple):
    """A case: who ran it, when, on which GPUs."""

    case: str
    worker: str
    visible: str
    begins: float
    ends: float
    gpus: set[int]


def traced_environment(gpus: int, desk: Path) -> dict[str, str]:
    """The environment of processes with so many mock GPUs, which are traced below ``trace``."""
    found = environment_of_workers(gpus, desk)
    (desk / "trace").mkdir(exist_ok=True)
    path = f"{SITE}:{found['PYTHONPATH']}"
    return found | {"PYTHONPATH": path, "GPU_TRACE": str(desk / "trace")}


def traced(desk: Path) -> tuple[dict[int, set[int]], list[Use], list[dict[str, Any]]]:
    """The GPUs that each process used, the cases, and what each worker was given."""
    of_process: dict[int, set[int]] = {}
    uses: list[Use] = []
    given: list[dict[str, Any]] = []
    for file in (desk / "trace").iterdir():
        lines = [json.loads(each) for each in file.read_text().splitlines()]
        of_process[int(file.name)] = {about for kind, _, about in lines if kind == "gpu"}
        given += [about for kind, _, about in lines if kind == "given"]
        begun: list[Any] = []
        for kind, when, about in lines:
            if kind == "case":
                begun = [*about, when]
            elif kind == "done":
                gpus = {on for what, at, on in lines if what == "gpu" and begun[3] <= at <= when}
                uses.append(Use(begun[0], begun[1], begun[2], begun[3], when, gpus))
    return of_process, uses, given
