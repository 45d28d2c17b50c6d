"""Every code block of every page is run, or compared with its source."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.docs.commands import check_command

EVERY = [block for page in PAGES for block in blocks(page)]

#: Pages whose blocks other tests run: `test_messages`, `tests/manual`, `test_tutorials`,
#: `tests/interactive/test_tutorial`, `tests/migration`, `test_coming_from_tools`.
_ELSEWHERE = {
    "docs/coming-from-c3d.md": {"program", "python"},
    "docs/coming-from-fslmaths.md": {"program", "python"},
    "docs/coming-from-mrtrix.md": {"program", "python"},
    "docs/coming-from-simpleitk.md": {"program", "python"},
    "docs/coming-from-voxlogica1.md": {"program", "shell"},
    "docs/coming-from-voxlogica2.md": {"program", "shell"},
    "docs/errors.md": {"message"},
    "docs/primitives.md": {"shell", "program"},
    "docs/tutorials/first-program.md": {"console", "imgql"},
    "docs/tutorials/own-primitive.md": {"python", "console", "imgql", "toml"},
    "docs/tutorials/repl.md": {"repl", "console"},
}

#: Files that programs on pages require, by the beginning of the program.
_BEFORE = {
    "let compose": 'load flair = "head_flair.nii.gz"\nlet tumor = flair > 100\n',
}

#: The programs that messages refer to.
_PROGRAMS = {
    "mistaken.imgql": 'load flair = "head_flair.nii.gz"\n\nlet edge = near(flair)\n',
    "brain.imgql": 'load v = "t1.nii.gz"\nlet a = v > 3\nlet b = v > 5\nlet inner = !a & b\n',
}

#: Commands with placeholders, or that need a computer or containers that may be missing here, or a
#: scheduler that runs already (`tests/cohorts/test_clusters.py` has one).
_NOT_HERE = re.compile(
    r"…|PROGRAM|cuda:|--arch|--environment|--cpu(?!s)|/scratch|doctor$|^docker |^apptainer |^conda "
    r"|scheduler\.json"
)

#: A run after which nothing remains to be computed.
_ONLY_LOOKS = "# only looks up: nothing is computed"

_IDS = re.compile(r"\b[0-9a-f]{16}\b")


def _of(kind: str) -> list[Block]:
    return [
        each for each in EVERY if each.kind == kind and kind not in _ELSEWHERE.get(each.page, ())
    ]


def _name(block: Block) -> str:
    return f"{block.page}:{block.text.split(chr(10))[0][:30]}"


def test_every_block_is_of_a_kind_that_is_run() -> None:
    run = {"program", "message", "shell", "picture", "python", "excerpt"}
    for block in EVERY:
        assert block.kind in run | _ELSEWHERE.get(block.page, set()), _name(block)
    assert {block.kind for block in EVERY} >= run
    tutorials = {str(page.relative_to(ROOT)) for page in PAGES if page.parent.name == "tutorials"}
    assert tutorials == {page for page in _ELSEWHERE if "tutorials" in page}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small head, other images that pages mention, and the README's program."""
    folder = tmp_path_factory.mktemp("pages")
    size = ["--size", "40", "40", "32", "--spacing", "6"]
    for name in ("head", "cases/a", "cases/b", "data/ann/ann"):
        _voxgpu(["phantom", "-o", name, *size], folder)
    values = np.arange(4 * 10 * 12, dtype=np.int16).reshape(4, 10, 12) % 97
    sitk.WriteImage(sitk.GetImageFromArray(values), str(folder / "t1.nii.gz"))
    volumes = np.random.default_rng(0).random((3, 4, 5, 6), np.float32)
    bold = sitk.JoinSeries([sitk.GetImageFromArray(each) for each in volumes])
    sitk.WriteImage(bold, str(folder / "bold.nii.gz"))
    (folder / "tumor.imgql").write_text(_readme())
    (folder / "sweep.imgql").write_text(
        _beginning('load flair = "${CASE}_flair.nii.gz"\nlet ranks')
    )
    (folder / "bids.imgql").write_text(_beginning('load flair = "$FLAIR"'))
    _put_dataset(folder / "dataset", folder / "head_flair.nii.gz")
    for program, text in _PROGRAMS.items():
        (folder / program).write_text(text)
    return folder


def _put_dataset(folder: Path, image: Path) -> None:
    """Three participants with a session each, in BIDS."""
    for subject in ("01", "02", "03"):
        anat = folder / f"sub-{subject}" / "ses-1" / "anat"
        anat.mkdir(parents=True)
        shutil.copy(image, anat / f"sub-{subject}_ses-1_FLAIR.nii.gz")
        shutil.copy(image, anat / f"sub-{subject}_ses-1_acq-fast_T1w.nii.gz")
    about = '{"Name": "three heads", "BIDSVersion": "1.10.0"}'
    (folder / "dataset_description.json").write_text(about)


@pytest.fixture
def place(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, to work in."""
    place = Path(shutil.copytree(small, tmp_path / "place"))
    monkeypatch.chdir(place)
    monkeypatch.setenv("VOXGPU_STORE", str(tmp_path / "kept"))
    return place


def _readme() -> str:
    return _beginning("// tumor.imgql")


def _beginning(start: str) -> str:
    """The one program on all pages that begins so."""
    (program,) = [each.text for each in EVERY if each.text.startswith(start)]
    return program


def _voxgpu(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voxgpu", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("block", _of("program"), ids=_name)
def test_a_program_runs(block: Block, place: Path) -> None:
    before = next((b for start, b in _BEFORE.items() if block.text.startswith(start)), "")
    define = {"CASE": "head"} if "CASE}" in block.text else {}
    define |= {"CASE": str(place), "NAME": "head"} if "$CASE/${NAME}_" in block.text else {}
    define |= {"T": "0.9"} if "$T" in block.text else {}
    define |= {"FLAIR": "head_flair.nii.gz"} if "$FLAIR" in block.text else {}
    result = voxgpu.run(before + block.text, define=define, output=place / "results")
    assert not result.errors
    assert not result.warnings
    assert result.prints


@pytest.mark.parametrize("block", _of("message"), ids=_name)
def test_a_message_is_told(block: Block, place: Path) -> None:
    name = re.search(r"┌─ (\S+?):", block.text)
    assert name
    assert block.text in _voxgpu(["check", name[1]], place).stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({each.page for each in _of("python")}))
def test_python_runs(page: str, place: Path) -> None:
    """The blocks of a page one after the other."""
    code = "\n".join(each.text for each in _of("python") if each.page == page)
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", _of("excerpt"), ids=_name)
def test_an_excerpt_is_in_its_file(block: Block) -> None:
    """Its parts, separated by ``...`` on a line of its own, in order."""
    rest = (ROOT / block.source).read_text("utf-8")
    parts = re.split(r"^ *(?:#|//)? *\.\.\.\n", block.text, flags=re.MULTILINE)
    for part in filter(None, parts):
        assert part in rest, f"{block.source} no longer has\n{part}"
        rest = rest.partition(part)[2]


@pytest.mark.parametrize("block", _of("picture"), ids=_name)
def test_a_picture_names_what_there_is(block: Block) -> None:
    folders = re.findall(r"(\w+)/", block.text)
    assert folders
    for folder in folders:
        assert (ROOT / "voxgpu" / folder).is_dir()


def _needs_a_whole_head(block: Block) -> bool:
    """Whether the output is that of the full-size head of `voxgpu phantom`."""
    return block.text.startswith("$ voxgpu phantom -o head\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [each for each in _of("shell") if not (_needs_a_whole_head(each) or _ONLY_LOOKS in each.text)],
    ids=_name,
)
def test_commands_do_what_is_shown(block: Block, place: Path) -> None:
    for command, expected in block.commands:
        check_command(command)
        if command.startswith("voxgpu doctor --quick"):
            _check_limits(expected, place)
        elif command.startswith("voxgpu view") and not _NOT_HERE.search(command):
            _check_viewer(command, place)
        elif {"voxgpu", "sed"} & {*command.split()} and not _NOT_HERE.search(command):
            _check_output(command, expected, place)


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", [each for each in _of("shell") if _needs_a_whole_head(each)], ids=_name
)
def test_a_whole_head_gives_the_numbers_that_are_shown(block: Block, place: Path) -> None:
    programs = [
        each.text
        for each in _of("program")
        if each.page == block.page and 'load flair = "${CASE}' in each.text
    ]
    (place / "tumor.imgql").write_text(programs[0])
    for command, expected in block.commands:
        _check_output(command, expected, place)


def _check_output(command: str, expected: list[str], place: Path) -> None:
    (place / "bin").mkdir(exist_ok=True)
    script = place / "bin" / "voxgpu"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m voxgpu "$@"\n')
    script.chmod(0o755)
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=place, capture_output=True, encoding="utf-8", env={**os.environ, "PATH": path},
    )  # fmt: skip
    mistaken = any(line.startswith("error") for line in expected)
    assert (done.returncode != 0) == mistaken, done.stderr
    shown = "\n".join(line.rstrip() for line in expected)
    told = done.stderr if mistaken else done.stdout
    assert not shown or _IDS.sub("ID", shown).strip() in _IDS.sub("ID", told)


def _check_viewer(command: str, place: Path) -> None:
    """A viewer prints its address and serves until it is ended; any port does."""
    words = [*shlex.split(re.sub(r"--port \d+", "", command))[1:], "--no-browser"]
    started = subprocess.Popen(
        [sys.executable, "-m", "voxgpu", *words],
        cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert started.stdout is not None
    address = started.stdout.readline()
    started.terminate()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]+/\n", address), started.communicate()[1]
    started.communicate()


def _check_limits(expected: list[str], place: Path) -> None:
    """`doctor` prints limits of jobs in the words of the page; their values are not compared."""
    slurm = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "1", "SLURM_MEM_PER_NODE": "2048"}
    done = subprocess.run(
        [sys.executable, "-m", "voxgpu", "doctor", "--quick"],
        cwd=place, capture_output=True, encoding="utf-8", env={**os.environ, **slurm},
    )  # fmt: skip

    def shapes(lines: list[str]) -> set[str]:
        plain = (re.sub(r"\d+(\.\d+)?|_64|cores?", "N", line) for line in lines)
        return {" ".join(line.split()) for line in plain if "/sys/fs/cgroup" not in line}

    assert shapes(expected) <= shapes(done.stdout.splitlines())


@pytest.mark.slow
def test_the_first_run_of_the_page_on_stores_keeps(place: Path) -> None:
    """The second run reports that nothing is computed, as the page does."""
    (block,) = [each for each in EVERY if _ONLY_LOOKS in each.text]
    told = [_voxgpu(shlex.split(c)[1:], place).stderr for c, _ in block.commands]
    assert re.search(r"^0 of \d+ nodes computed", told[-1], re.MULTILINE)


def test_extras_and_variables_that_pages_name_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    folders = [ROOT / "voxgpu", ROOT / "tests", ROOT / "benchmarks"]
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    source = "".join(path.read_text("utf-8") for path in paths)
    for page in PAGES:
        text = page.read_text("utf-8")
        for extras in re.findall(r"(?:voxgpu|\.)\[([\w,-]+)\]", text):
            assert {*extras.split(",")} <= {*project["optional-dependencies"]}, page
        for name in re.findall(r"\bVOXGPU_\w+", text):
            assert name in source, f"{page}: {name}"
