"""The Dockerfile, as far as it can be looked at without building it: the image is Apptainer's."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from tests.containers.test_definition import TEXT as DEFINITION
from tests.docs.commands import check_voxgpu
from tests.packaging.test_wheel import SDIST

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "containers" / "Dockerfile"


def _instructions() -> list[tuple[str, str]]:
    """The instructions with their words; comments left out, continued lines joined."""
    lines = [each for each in FILE.read_text("utf-8").splitlines() if not each.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (each.partition(" ")[0], each.partition(" ")[2].strip())
        for each in joined.splitlines()
        if each
    ]


def _of(name: str) -> list[str]:
    return [words for instruction, words in _instructions() if instruction == name]


def test_both_images_have_the_same_python_extras_and_labels() -> None:
    for argument in _of("ARG"):
        assert re.search(rf"^    {re.escape(argument)}$", DEFINITION, re.MULTILINE), argument
    assert len(_of("ARG")) == 2
    (base,) = re.findall(r"^From: (\S.*)$", DEFINITION, re.MULTILINE)
    bases = {each.removesuffix(" AS build") for each in _of("FROM")}
    assert bases == {base.replace("{{ PYTHON }}", "${PYTHON}")}
    for name, value in re.findall(r'(\S+)="([^"]*)"', _of("LABEL")[0]):
        assert f"    {name} {value}\n" in DEFINITION


def test_instructions_are_those_of_docker() -> None:
    known = {"ARG", "FROM", "COPY", "RUN", "ENV", "LABEL", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in _instructions()} <= known
    assert _of("ENTRYPOINT") == ['["voxgpu"]']


def test_commands_are_scripts_of_a_plain_shell() -> None:
    for script in _of("RUN"):
        done = subprocess.run(["/bin/sh", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    commands = [each.strip() for each in _of("RUN")[-1].split(";")]
    (built,) = [each for each in commands if each.startswith("voxgpu ")]
    check_voxgpu(shlex.split(built)[1:])
    assert built in DEFINITION


def test_what_the_wheel_is_made_of_is_sent_to_the_builder_and_nothing_else() -> None:
    ignored = FILE.with_name("Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [each for each in ignored if not each.startswith("#")]
    assert rules[0] == "*"
    assert {each[1:] for each in rules if each.startswith("!")} == SDIST
    assert all((ROOT / each).exists() for each in SDIST)
