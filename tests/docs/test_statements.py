"""Commands and options that pages mention in passing exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT
from tests.docs.commands import all_options, check_voxgpu

#: Options of VoxLogicA 1 and 2, and of other programs, that pages mention.
_ANCESTORS = {"--compute-memory-assignment", "--dask-dashboard", "--debug", "--execution-strategy"}
_ANCESTORS |= {
    "--legacy",
    "--no-cache",
    "--no-execute",
    "--ops",
    "--save-syntax",
    "--savetaskgraph",
}
_ANCESTORS |= {"--save-task-graph", "--save-task-graph-as-dot", "--save-task-graph-as-json"}
_ANCESTORS |= {"--sequential"}
_OTHERS = {"--only", "--strict", "--update-golden", "--fmad", "--no-deps", "--wheel-dir"}
_OTHERS |= {"--scheduler-file", "--nthreads", "--memory-limit"}  # of dask
_OTHERS |= {"--array", "--cpus-per-task", "--dependency", "--gres", "--mem", "--parsable"}  # SLURM
_OTHERS |= {"--partition", "--signal", "--time", "--bind", "--build-arg", "--nv"}  # and Apptainer
_OTHERS |= {"--file", "--rm", "--tag", "--user", "--volume"}  # Docker
_OTHERS |= {"--find-links", "--no-index"}  # pip
_OTHERS |= {"--data"}  # of benchmarks.gallery
_OTHERS |= {"--all", "--page"}  # of tests.mutants


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_are_mentioned_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for command in re.findall(r"`(voxgpu [^`\n]+)`", text):
        words = shlex.split(command.replace("\\|", "/").replace("…", " "))[1:]
        if words and re.fullmatch(r"[a-z-]+", words[0]):
            check_voxgpu(words)
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    unknown = mentioned - all_options() - _OTHERS - _ANCESTORS
    assert not unknown
