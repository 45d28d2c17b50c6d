"""Scripts of job arrays of SLURM: each task runs one part of a cohort, without a scheduler.

A task writes the table and the journal of its part, and goes on from that journal whenever it is
started again. Shortly before its time is over it is stopped, with all rows that are finished on the
disk, and queued again, as long as each run finishes at least one more row.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from voxgpu.cohorts.placement import Job
from voxgpu.frozen import frozen

#: Cases of a task, and most tasks, if nobody says how many there are.
_CASES_OF_TASK, _MOST_TASKS = 10, 1000

#: Seconds before the end of a job in which it is stopped; part of a short job.
_LEAD, _LEAD_PART = 60, 4

_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


@frozen
class Starter:
    """How voxgpu is started in a job.

    before   lines of the shell that make it available, such as one that loads modules
    command  the words that start it
    """

    before: tuple[str, ...]
    command: tuple[str, ...]


@frozen
class ArrayJob:
    """A cohort that runs in a job array.

    job        what each task asks for
    tasks      how many there are
    folder     where relative paths begin: the working folder of each task
    script     the file that the script goes to, as it is named in its comments
    starter    how voxgpu is started
    words      the arguments of ``voxgpu cohort``, without those of the job and of stores
    merge      the arguments of ``voxgpu cohort --merge``, without the journals
    group      the arguments of voxgpu that write the tables of a BIDS derivative instead
    table      the table of the whole cohort
    log        the file of what happens, of which each part has its own; None for none
    store      the folder of the store of each task; None for one on the disk of the node, empty
               for none
    shared     the folder of results that tasks share; empty for none
    grace      seconds that voxgpu takes to end
    """

    job: Job
    tasks: int
    folder: Path
    script: Path
    starter: Starter
    words: Sequence[str]
    table: Path
    merge: Sequence[str] = ()
    group: Sequence[str] = ()
    log: Path | None = None
    store: str | None = None
    shared: str = ""
    grace: float = 0.0


def tasks_for(cases: int) -> int:
    """The default number of tasks of a cohort."""
    return max(1, min(-(-cases // _CASES_OF_TASK), _MOST_TASKS))


def starter_of(
    command: Sequence[str],
    prefix: Path,
    is_environment: bool,
    variables: Mapping[str, str],
    with_gpus: bool = False,
) -> Starter:
    """How jobs start voxgpu as this process was started.

    command         the words that start it here
    prefix          the folder of the Python environment
    is_environment  whether that is a virtual environment
    variables       of the environment of this process
    with_gpus       whether jobs use GPUs, which containers must be shown
    """
    before = []
    if image := variables.get("APPTAINER_CONTAINER") or variables.get("SINGULARITY_CONTAINER"):
        program = "apptainer" if "APPTAINER_CONTAINER" in variables else "singularity"
        shown = ("--nv",) if with_gpus else ()
        return Starter((), (program, "exec", *shown, image, *command))
    if modules := variables.get("LOADEDMODULES"):
        before.append('type module >/dev/null 2>&1 || . "${MODULESHOME:?}/init/bash"')
        before.append("module load " + " ".join(map(quoted, modules.split(":"))))
    activate = prefix / "bin" / "activate"
    if is_environment and activate.is_file():
        before.append(f". {quoted(str(activate))}")
    elif variables.get("CONDA_PREFIX") and Path(variables["CONDA_PREFIX"]) == prefix:
        before.append(f"export CONDA_PREFIX={quoted(str(prefix))}")
        before.append('export PATH="$CONDA_PREFIX/bin:$PATH"')
    if path := variables.get("PYTHONPATH"):
        before.append(f"export PYTHONPATH={quoted(path)}")
    return Starter(tuple(before), tuple(command))


def array_script(array: ArrayJob) -> str:
    """The script, for ``sbatch``."""
    head = "\n".join(f"#SBATCH {each}" for each in _directives(array))
    own = '"$part"'
    lines = {
        "HEAD": head,
        "SCRIPT": quoted(str(array.script)),
        "FOLDER": quoted(str(array.folder)),
        "BEFORE": "\n".join(array.starter.before) or "# nothing: voxgpu is started by its path",
        "VOXGPU": " ".join(map(quoted, array.starter.command)),
        "TASKS": str(array.tasks),
        "DIGITS": str(len(str(array.tasks))),
        "JOURNAL": _of_part(array.table, own) + ".journal",
        "LOG": f"--log {_of_part(array.log, own)} \\\n  " if array.log else "",
        "WORDS": _wrapped(array.words),
        "MERGE": _merging(array),
        "SHARED": quoted(array.shared),
        "STORE": _store(array.store),
    }
    text = re.sub(r"@([A-Z]+)@", lambda found: lines[found[1]], _SCRIPT)
    return re.sub(r"\n{3,}", "\n\n", text)


def quoted(text: str) -> str:
    """A word for bash; control characters, which sbatch or editors may not keep, as escapes."""
    if not re.search(r"[\x00-\x1f\x7f]", text):
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + "'"


def seconds_of(walltime: str) -> int | None:
    """The seconds of a time limit in SLURM's notation; None if it is invalid.

    Minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS.
    """
    found = _TIME.fullmatch(walltime.strip())
    if not found:
        return None
    days, *parts = (None if each is None else int(each) for each in found.groups())
    given = [each for each in parts if each is not None]
    units: Sequence[int] = (3600, 60, 1)
    if days is None and len(given) < 3:
        units = (60, 1)
    return (days or 0) * 86400 + sum(a * b for a, b in zip(given, units, strict=False))


def lead_of(walltime: str, grace: float) -> int:
    """How many seconds before its time limit a job receives a signal."""
    limit = seconds_of(walltime)
    wanted = _LEAD + int(grace)
    return wanted if not limit else max(1, min(wanted, limit // _LEAD_PART))


def _directives(array: ArrayJob) -> list[str]:
    job = array.job
    found = [
        "--job-name=voxgpu",
        f"--array=1-{array.tasks}",
        f"--cpus-per-task={job.cpus}",
        f"--mem={-(-job.memory // 2**20)}M",
    ]
    for name, value in (
        ("partition", job.queue),
        ("account", job.account),
        ("time", job.walltime),
        ("gres", f"gpu:{job.gpus}" if job.gpus else ""),
    ):
        if value:
            found.append(f"--{name}={in_header(value)}")
    logs = str((array.folder / job.logs).absolute()).replace("%", "%%") + "/%A_%a.log"
    found += [
        f"--output={in_header(logs)}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:TERM@{lead_of(job.walltime, array.grace)}",
        *job.directives,
    ]
    return found


def in_header(text: str) -> str:
    """A value in a line of ``#SBATCH``, where a double quote and spaces are protected so."""
    if re.fullmatch(r"[\w@%+=:,./-]*", text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def _wrapped(words: Sequence[str], indent: str = "  ") -> str:
    """Words for bash, an option with its value on each line."""
    lines: list[list[str]] = [[]]
    for each in words:
        if each.startswith("-") and lines[-1]:
            lines.append([])
        lines[-1].append(quoted(each))
    return f" \\\n{indent}".join(" ".join(line) for line in lines)


def _of_part(file: Path, part: str) -> str:
    """The name of a file of each part, as bash reads it: `table_of_part` names tables so."""
    text, suffix = str(file), file.suffix
    stem = text.removesuffix(suffix)
    return f'{quoted(stem)}.part-{part}-of-"$parts"{quoted(suffix) if suffix else ""}'


def _merging(array: ArrayJob) -> str:
    """The arguments of voxgpu that write the table of all parts."""
    if array.group:
        return _wrapped(array.group, "    ")
    journals = _of_part(array.table, "*") + ".journal"
    return f"cohort --merge {journals} \\\n    {_wrapped(array.merge, '    ')}"


def _store(store: str | None) -> str:
    if store is None:
        return 'store=(--store "$local/store")'
    return f"store=(--store {quoted(store or 'none')})"


_SCRIPT = """\
#!/usr/bin/env bash
# A cohort of voxgpu as a job array of SLURM. Written by `voxgpu cohort --write-sbatch`.
#
#   sbatch @SCRIPT@                   runs all parts
#   sbatch --array=3,7 @SCRIPT@       runs some of them again: each goes on from its journal
#   bash @SCRIPT@ merge               writes one table of all journals, also while parts run
#
# The same as a job that waits for all parts:
#   id=$(sbatch --parsable @SCRIPT@)
#   sbatch --dependency=afterany:$id --array=0 @SCRIPT@ merge
#
# What each task asks for; options of sbatch take precedence over these lines. Before the time is
# over (--signal), the shell of this script gets SIGTERM. Logs go on where a task is queued again.
@HEAD@

# Parts are numbered 1 to @TASKS@, whichever of them an array has.
parts=@TASKS@
cd -- @FOLDER@ || exit 1

# As voxgpu was started when this script was written.
@BEFORE@
voxgpu=(@VOXGPU@)

if [ "${1:-}" = merge ]; then
  exec "${voxgpu[@]}" @MERGE@
fi

task=${SLURM_ARRAY_TASK_ID:?this script is for sbatch}
part=$(printf '%0@DIGITS@d' "$task")
journal=@JOURNAL@

# A folder on the disk of this node, removed in the end: the store of this task, temporary files.
for disk in "${SLURM_TMPDIR:-}" "${TMPDIR:-}" /tmp; do
  [ -n "$disk" ] && [ -d "$disk" ] && [ -w "$disk" ] && break
done
local=$(mktemp -d "$disk/voxgpu-${SLURM_JOB_ID:-0}-XXXXXX") || exit 1
trap 'rm -rf -- "$local"' EXIT
export TMPDIR=$local
@STORE@

# Results that tasks share, on a file system that all nodes see; empty: none.
shared=@SHARED@
[ -z "$shared" ] || store+=(--store-shared "$shared")

# Compiled kernels, where the home folder cannot be written to.
cache=${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}
if [ -z "${VOXGPU_CACHE:-}" ] && ! { mkdir -p -- "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
  export VOXGPU_CACHE=$local/cache
fi

# voxgpu computes with the cores of SLURM_CPUS_PER_TASK; so do the libraries that it uses.
threads=${SLURM_CPUS_PER_TASK:-1}
export OMP_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=$threads MKL_NUM_THREADS=$threads
export ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=$threads

# Rows that are finished; the journal has a line for each.
finished() { grep -c '"status": "done"' -- "$journal" 2>/dev/null || true; }

# SIGTERM comes before the time is over, and voxgpu must get it. If the job was canceled, SLURM has
# told all processes itself, and it is not queued again. Just after the signal a job that runs may
# be SIGNALING still.
stopped=
on_term() {
  local state
  state=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T 2>/dev/null) || state=RUNNING
  [ "$state" = RUNNING ] || [ "$state" = SIGNALING ] || return 0
  stopped=yes
  kill -TERM "$running" 2>/dev/null
}
trap on_term TERM

before=$(finished)
"${voxgpu[@]}" cohort --part "$task/$parts" "${store[@]}" \\
  @LOG@@WORDS@ &
running=$!
wait "$running"
status=$?
# A signal ends `wait` before voxgpu has ended.
while kill -0 "$running" 2>/dev/null; do
  wait "$running"
  status=$?
done

if [ -n "$stopped" ]; then
  if [ "$(finished)" -gt "${before:-0}" ]; then
    echo "the time is over: part $task is queued again, and goes on from $journal" >&2
    if scontrol requeue "$SLURM_JOB_ID"; then
      sleep 60  # until SLURM ends this run
      exit 0
    fi
    echo "it was not queued again: sbatch --array=$task" @SCRIPT@ >&2
  else
    echo "the time is over, and no case was finished in it: --time must be longer" >&2
  fi
  exit 1
fi
echo "part $task of $parts ended with status $status; to write the table of all parts:" >&2
printf '  bash %q merge\\n' @SCRIPT@ >&2
exit "$status"
"""
