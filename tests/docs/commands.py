"""Checks that a command on a page is valid, by its words; nothing is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from importlib import import_module

import click

from tests.docs.blocks import ROOT
from voxgpu.cli.main import COMMANDS


def check_command(line: str) -> None:
    """Raises AssertionError for an invalid shell command."""
    for part in line.split("|"):
        words = shlex.split(part)
        check = _CHECKS.get(words[0])
        assert check, f"what is `{words[0]}`?"
        check(words[1:])


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command of voxgpu that words begin with, and the words after it."""
    command: click.Command = import_module(COMMANDS[words[0]][0]).command
    rest = words[1:]
    if isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options_of(command: click.Command) -> set[str]:
    """The options that a command has."""
    found = {one for each in command.params for one in (*each.opts, *each.secondary_opts)}
    return {each for each in found if each.startswith("-")} | {"-h", "--help"}


def all_options() -> set[str]:
    """The options of all commands."""
    found = {"--version"}
    for name in COMMANDS:
        command, _ = command_of([name])
        found |= options_of(command)
        for each in getattr(command, "commands", {}).values():
            found |= options_of(each)
    return found


def check_voxgpu(words: list[str]) -> None:
    """Checks that a command of voxgpu and its options exist."""
    if words[0].startswith("-"):
        assert words[0] in ("--help", "-h", "--version")
        return
    assert words[0] in COMMANDS, words
    command, rest = command_of(words)
    for word in rest:
        option = word.strip("[]").partition("=")[0]
        if re.fullmatch(r"--?[a-z][a-z-]*", option):
            assert option in options_of(command), f"{words[0]} has no {option}"


def _check_make(words: list[str]) -> None:
    make = shutil.which("make")
    if make is not None:
        subprocess.run([make, "--dry-run", *words], cwd=ROOT, check=True, capture_output=True)


def _check_pip(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert words[0] in ("install", "wheel")
    for extras in re.findall(r"\[(.+)\]", " ".join(words)):
        assert {*extras.split(",")} <= {*project["optional-dependencies"]}


def _check_conda(words: list[str]) -> None:
    """Checks the file of `conda env create`, and the name of the environment that it makes."""
    if words[:3] == ["env", "create", "-f"]:
        assert (ROOT / words[3]).is_file(), words
    else:
        assert words[0] == "activate", words
        assert f"\nname: {words[1]}\n" in (ROOT / "environment.yml").read_text("utf-8")


def _check_python(words: list[str]) -> None:
    if words[:2] in (["-m", "venv"], ["-m", "pip"]):
        return
    if words[:2] == ["-m", "pytest"]:
        _check_pytest(words[2:])
    elif words[0] == ".ci/distribution":
        assert (ROOT / words[0]).is_file() and words[1] == "--output"
    elif words[1].startswith("tests."):
        assert (ROOT / f"{words[1].replace('.', '/')}.py").is_file(), words[1]
    else:
        from benchmarks.__main__ import EXTRA, SECTIONS

        assert words[:3] == ["-m", "benchmarks", "--only"]
        assert words[3] in (*SECTIONS, *EXTRA)


def _check_pytest(words: list[str]) -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    markers = {each.partition(":")[0] for each in options["ini_options"]["markers"]}
    for before, word in zip(["", *words], words, strict=False):
        if before == "-m":
            assert word.removeprefix("not ") in markers, word
        elif before != "-k" and not word.startswith("-"):
            assert (ROOT / word.partition("::")[0]).exists(), word


def _check_export(words: list[str]) -> None:
    assert all(re.fullmatch(r"(?:VOXGPU_\w+|TMPDIR|DASK_\w+)=.+", each) for each in words)


def _check_sbatch(words: list[str]) -> None:
    known = ("--array=", "--dependency=afterany:")
    assert all(each.startswith(known) for each in words if each.startswith("-")), words
    _check_script([each for each in words if not each.startswith("-")])


def _check_script(words: list[str]) -> None:
    assert words in (["job.sh"], ["job.sh", "merge"]), words


def _check_apptainer(words: list[str]) -> None:
    if words[0] == "build":
        assert words[1].endswith(".sif") and (ROOT / words[-1]).is_file()
    else:
        assert words[0] == "run"
        rest = [each for each in words[1:] if each != "--nv"]
        assert rest[0].endswith(".sif")
        check_voxgpu(rest[1:])


def _check_docker(words: list[str]) -> None:
    """Checks the files of `docker build`, and the command that `docker run` passes to voxgpu."""
    if words[0] == "build":
        assert (ROOT / words[words.index("--file") + 1]).is_file() and words[-1] == "."
    else:
        assert words[:2] == ["run", "--rm"], words
        check_voxgpu(words[words.index("voxgpu") + 1 :])


def _check_nsys(words: list[str]) -> None:
    """Checks a command that a profiler of NVIDIA starts."""
    assert words[:2] == ["profile", "voxgpu"], words
    check_voxgpu(words[2:])


def _check_ci(_: list[str]) -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def _check_dask(words: list[str]) -> None:
    """Checks the options of `dask scheduler` and `dask worker`."""
    assert words[0] in ("scheduler", "worker"), words
    command = import_module(f"distributed.cli.dask_{words[0]}").main
    for word in words[1:]:
        if word.startswith("--"):
            assert word in options_of(command), f"dask {words[0]} has no {word}"


_CHECKS = {
    "dask": _check_dask,
    "voxgpu": check_voxgpu,
    "make": _check_make,
    "pip": _check_pip,
    "conda": _check_conda,
    "python": _check_python,
    "python3": _check_python,
    ".venv/bin/python": _check_python,
    ".": lambda _: None,
    "sbatch": _check_sbatch,
    "bash": _check_script,
    "nsys": _check_nsys,
    "apptainer": _check_apptainer,
    "docker": _check_docker,
    "export": _check_export,
    ".ci/run": _check_ci,
    "echo": lambda _: None,
    "sed": lambda _: None,
}
