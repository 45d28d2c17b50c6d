"""Scripts of job arrays, without SLURM: what bash makes of them, and what the command writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.command import voxgpu
from voxgpu.cohorts.placement import Job
from voxgpu.cohorts.sbatch import (
    ArrayJob,
    Starter,
    array_script,
    lead_of,
    quoted,
    seconds_of,
    starter_of,
    tasks_for,
)

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")

#: Stands for voxgpu: prints its arguments, each ended by a zero byte.
FAKE = '#!/bin/bash\nprintf \'%s\\0\' "$@" >>"$OUT"\nexit ${STATUS:-0}\n'

#: Words that a careless script breaks.
WORDS = ["a b", "it's", 'say "so"', "$HOME", "`id`", "*", "\\", "new\nline", "tab\t", "é", "-x", ""]


def _bash(
    script: str, *words: str, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    (cwd / "job.sh").write_text(script)
    environment = {**os.environ, "OUT": str(cwd / "said"), **variables}
    done = subprocess.run(
        ["bash", "job.sh", *words], cwd=cwd, env=environment, capture_output=True, check=False
    )
    assert b"command not found" not in done.stderr
    return done


def _said(folder: Path) -> list[str]:
    return (folder / "said").read_text().split("\0")[:-1]


def _array(folder: Path, **changes: object) -> ArrayJob:
    program = folder / "vox gpu"
    program.write_text(FAKE)
    program.chmod(0o755)
    usual: dict[str, object] = {
        **{"job": Job(), "tasks": 12, "folder": folder, "script": Path("job.sh")},
        **{"starter": Starter((), (str(program),)), "words": WORDS, "table": Path("t.csv")},
    }
    return ArrayJob(**{**usual, **changes})  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20))
def test_quoted_words_reach_a_command_as_they_are(text: str) -> None:
    done = subprocess.run(["bash", "-c", f"printf %s {quoted(text)}"], capture_output=True)
    assert done.stdout.decode() == text
    assert "\r" not in quoted(text) and "\n" not in quoted(text)  # sbatch refuses the first


def test_a_task_runs_its_part_with_all_words(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "a" $folder'
    folder.mkdir()
    array = _array(folder, table=Path("my $t/all.csv"), shared="sh are", store=None)
    disk = tmp_path / "disk"
    disk.mkdir()
    done = _bash(
        array_script(array),
        cwd=folder,
        **{"SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "77", "STATUS": "3"},
        **{"TMPDIR": str(disk), "SLURM_TMPDIR": "/none"},
    )
    said = _said(folder)
    assert done.returncode == 3  # some cases failed
    assert said[:4] == ["cohort", "--part", "3/12", "--store"]
    assert said[4].startswith(f"{disk}/voxgpu-77-") and said[5:7] == ["--store-shared", "sh are"]
    assert said[7:] == WORDS
    assert not list(disk.iterdir())
    assert b"bash job.sh merge" in done.stderr


@pytest.mark.parametrize("home", ["/dev/null", "", "writable"])
def test_kernels_are_kept_on_the_node_where_the_home_folder_is_read_only(
    tmp_path: Path, home: str
) -> None:
    array = _array(tmp_path)
    program = Path(array.starter.command[0])
    program.write_text('#!/bin/bash\necho "$VOXGPU_CACHE" >"$OUT"\n')
    if home == "writable":
        home = str(tmp_path / "home")
    variables = {"HOME": home, "XDG_CACHE_HOME": "", "VOXGPU_CACHE": ""}
    disk = {"SLURM_TMPDIR": str(tmp_path), "SLURM_ARRAY_TASK_ID": "1"}
    done = _bash(array_script(array), cwd=tmp_path, **variables, **disk)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "said").read_text().strip()
    assert said == "" if home == str(tmp_path / "home") else said.startswith(f"{tmp_path}/voxgpu-")


@pytest.mark.parametrize(
    ("state", "is_told"),
    [("RUNNING", True), ("SIGNALING", True), ("", True), ("COMPLETING", False)],
)
def test_the_signal_before_the_time_limit_reaches_voxgpu_unless_the_job_was_canceled(
    tmp_path: Path, state: str, is_told: bool
) -> None:
    array = _array(tmp_path)
    programs = {
        # Finishes a case, has the shell signaled, and ends once it is told to, or by itself.
        "vox gpu": "trap 'echo told >>\"$OUT\"; exit 143' TERM\n"
        'echo \'"status": "done"\' >t.part-01-of-12.csv.journal\nkill -TERM $PPID\n'
        "for _ in $(seq $ROUNDS); do sleep 0.05; done\n",
        "squeue": f"[ -n '{state}' ] && echo '{state}'\n",  # without a controller it fails
        "scontrol": 'echo "$*" >>"$OUT"; exit 1\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}")
        (tmp_path / name).chmod(0o755)
    variables = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    variables |= {"SLURM_ARRAY_TASK_ID": "1", "ROUNDS": "1200" if is_told else "10"}
    done = _bash(array_script(array), cwd=tmp_path, **variables)
    if is_told:
        assert (tmp_path / "said").read_text() == "told\nrequeue 7\n"
        assert done.returncode == 1 and b"sbatch --array=1 job.sh" in done.stderr
    else:
        assert not (tmp_path / "said").exists() and b"ended with status 0" in done.stderr


def test_merge_takes_the_journals_of_all_parts(tmp_path: Path) -> None:
    (tmp_path / "my t").mkdir()
    for number in (1, 2, 10):
        (tmp_path / "my t" / f"all.part-{number:02d}-of-12.csv.journal").touch()
    (tmp_path / "my t" / "all.part-1-of-2.csv.journal").touch()
    array = _array(tmp_path, table=Path("my t/all.csv"), merge=["--table", "my t/all.csv"])
    _bash(array_script(array), "merge", cwd=tmp_path)
    journals = [f"my t/all.part-{n}-of-12.csv.journal" for n in ("01", "02", "10")]
    assert _said(tmp_path) == ["cohort", "--merge", *journals, "--table", "my t/all.csv"]


def test_a_script_is_for_sbatch_only(tmp_path: Path) -> None:
    done = _bash(array_script(_array(tmp_path)), cwd=tmp_path)
    assert done.returncode != 0 and b"this script is for sbatch" in done.stderr
    assert not (tmp_path / "said").exists()


def test_the_header_says_what_the_job_asks_for(tmp_path: Path) -> None:
    job = Job("gpu", "lab 1", "1-00:00:00", 2, 8, (6 << 30) + 1, ("--nice=5",), Path("l %j"))
    head = re.findall("^#SBATCH (.*)", array_script(_array(tmp_path, job=job)), re.MULTILINE)
    assert head == [
        *("--job-name=voxgpu", "--array=1-12", "--cpus-per-task=8", "--mem=6145M"),
        *("--partition=gpu", '--account="lab 1"', "--time=1-00:00:00", "--gres=gpu:2"),
        f'--output="{tmp_path}/l %%j/%A_%a.log"',
        *("--open-mode=append", "--requeue", "--signal=B:TERM@60", "--nice=5"),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 5400), ("1:30", 90), ("02:00:00", 7200), ("1-0", 86400), ("1-02:30", 95400)),
        *(("2-00:00:05", 172805), ("soon", None), ("", None)),
    ],
)
def test_time_limits(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds
    lead = lead_of(text, 10)
    assert lead == (70 if not seconds or seconds >= 280 else seconds // 4)


def test_how_many_tasks() -> None:
    assert [tasks_for(n) for n in (1, 10, 11, 293, 10**6)] == [1, 1, 2, 30, 1000]


def test_voxgpu_is_started_as_it_was_here(tmp_path: Path) -> None:
    words = ("/env/bin/voxgpu",)
    assert starter_of(words, tmp_path, True, {}) == Starter((), words)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "activate").touch()
    assert starter_of(words, tmp_path, True, {}).before == (f". {tmp_path}/bin/activate",)
    conda = starter_of(words, tmp_path, False, {"CONDA_PREFIX": str(tmp_path)})
    assert 'export PATH="$CONDA_PREFIX/bin:$PATH"' in conda.before
    modules = starter_of(words, tmp_path, False, {"LOADEDMODULES": "gcc/13:python/3.12"})
    assert modules.before[-1] == "module load gcc/13 python/3.12"
    image = {"APPTAINER_CONTAINER": "/a b.sif"}
    contained = starter_of(words, tmp_path, False, image, with_gpus=True)
    assert contained == Starter((), ("apptainer", "exec", "--nv", "/a b.sif", *words))
    assert starter_of(words, tmp_path, False, {"PYTHONPATH": "/x"}).before == (
        "export PYTHONPATH=/x",
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text('load v = "$V"\nprint "most" max(v)\n')
    for number in range(3):
        (tmp_path / f"data/c{number}").mkdir(parents=True)
    return tmp_path


def test_the_command_writes_a_script_and_runs_nothing(desk: Path) -> None:
    ended = voxgpu(
        *("cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/it's.nii", "-D", "W=-1"),
        *("--sweep", "T=1,2", "--log", "my log.jsonl", "--table", "out/t.csv", "--gpus", 1),
        *("--walltime", "2:00:00", "--tasks", 7, "--store-shared", "kept", "--memory", "2G"),
        *("--summary", "--maximize", "most", "--write-sbatch", "a job.sh"),
        cwd=desk,
        variables={"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "3"},
    )
    assert ended.status == 0, ended.err
    assert "saved a job.sh: 3 cases in 7 tasks; logs go to out/t.csv.jobs" in ended.err
    assert "sbatch 'a job.sh'" in ended.err and "bash 'a job.sh' merge" in ended.err
    assert (desk / "out/t.csv.jobs").is_dir() and not list(desk.rglob("*.journal"))
    script = (desk / "a job.sh").read_text()
    # The words of a task, as bash sees them.
    (called,) = re.findall(r'"\$\{voxgpu\[@\]\}" (cohort --part.*?) &\n', script, re.DOTALL)
    assert subprocess.run(["bash", "-n", "a job.sh"], cwd=desk).returncode == 0
    told = subprocess.run(
        ["bash", "-c", f"task=3 part=3 parts=7 store=(); printf '%s\\0' {called}"],
        capture_output=True, text=True, check=True,
    ).stdout.split("\0")[:-1]  # fmt: skip
    assert told[:3] == ["cohort", "--part", "3/7"]
    rest = iter(told[3:])
    assert dict(zip(rest, rest, strict=False)).keys() >= {"--device", "--define", "--cases"}
    assert told.count("--define") == 2 and "V={path}/it's.nii" in told and "W=-1" in told
    assert told[told.index("--device") + 1] == "cuda:0" and told[-1] == "p.imgql"
    assert "my log.part-3-of-7.jsonl" in told
    assert told[told.index("--memory") + 1] == str(2 * 10**9)
    assert "--summary" not in told and "--walltime" not in told
    merging = script.split("= merge ]; then")[1].split("\nfi\n")[0]
    assert "--summary" in merging and "--table out/t.csv" in merging
    assert "shared=kept" in script and "parts=7" in script
    assert str(Path(sys.executable).parent) in script


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tasks", "3"), "--tasks is for --write-sbatch"),
        (("--write-sbatch", "j", "--list"), "give --write-sbatch or --list, not both"),
        (("--write-sbatch", "j", "--part", "1/2"), "give --write-sbatch or --part, not both"),
        (("--write-sbatch", "j", "--cluster", "slurm"), "--write-sbatch or --cluster"),
        (("--write-sbatch", "j", "--no-resume"), "leave --no-resume out"),
        (("--write-sbatch", "j", "--device", "cuda"), "needs jobs with GPUs: --gpus 1"),
        (("--write-sbatch", "j", "--device", "cpu", "--gpus", "1"), "leave --device out"),
    ],
)
def test_wrong_usage(desk: Path, words: tuple[str, ...], said: str) -> None:
    ended = voxgpu("cohort", "p.imgql", "--cases", "data/*/", *words, cwd=desk)
    assert ended.status == 2 and said in ended.err, ended.err


def test_a_script_that_cannot_be_written_is_an_error(desk: Path) -> None:
    ended = voxgpu(
        "cohort", "p.imgql", "--cases", "data/*/", "--write-sbatch", "p.imgql/j.sh", cwd=desk
    )
    assert ended.status == 1 and "E202" in ended.err and "p.imgql" in ended.err
