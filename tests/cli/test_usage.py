"""Wrong usage of the command itself, and requests for help."""

from __future__ import annotations

from pathlib import Path

import pytest

import voxgpu as package
from tests.cli.command import voxgpu

COMMANDS = ["run", "check", "show", "primitives", "demo", "phantom"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: voxgpu"),
        (["rum"], "rum"),
        (["--nonsense"], "--nonsense"),
        (["run"], "PROGRAM"),
        (["run", "a.imgql", "b.imgql"], "b.imgql"),
        (["run", "a.imgql", "--outptu", "x"], "--output"),
        (["run", "a.imgql", "-D", "HI"], "NAME=VALUE"),
        (["run", "a.imgql", "-D", "=1"], "NAME=VALUE"),
        (["run", "a.imgql", "-D", "1a=1"], "NAME=VALUE"),
        (["run", "a.imgql", "-D"], "-D"),
        (["run", "a.imgql", "--device", "abacus"], "abacus"),
        (["run", "a.imgql", "--dialect", "imgql3"], "imgql3"),
        (["run", "a.imgql", "--same-grid", "maybe"], "maybe"),
        (["run", "a.imgql", "--threads", "0"], "--threads"),
        (["run", "a.imgql", "--threads", "many"], "many"),
        (["check"], "PROGRAM"),
        (["show", "a.imgql", "--stage", "nowhere"], "nowhere"),
        (["show", "a.imgql", "--format", "svg"], "svg"),
        (["demo", "--size", "10", "10"], "--size"),
        (["demo", "--size", "1", "1", "1"], "--size"),
        (["phantom", "--spacing", "0"], "--spacing"),
        (["phantom", "--spacing", "nan"], "--spacing"),
        (["phantom", "--spacing", "inf"], "--spacing"),
        (["picture", "a.png", "--opacity", "nan"], "--opacity"),
        (["run", "a.imgql", "--grid-tolerance", "nan"], "--grid-tolerance"),
        (["cohort", "a.imgql", "--cases", "*", "--grace", "inf"], "--grace"),
        (["phantom", "--seed", "-1"], "--seed"),
        (["demo", "--seed", "-1"], "--seed"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    ended = voxgpu(*arguments, cwd=tmp_path)
    assert (ended.status, ended.out) == (2, ""), ended
    assert said in ended.err
    assert not list(tmp_path.iterdir())


def test_version(tmp_path: Path) -> None:
    ended = voxgpu("--version", cwd=tmp_path)
    assert (ended.status, ended.out) == (0, f"voxgpu {package.__version__}\n")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(flag: str, tmp_path: Path) -> None:
    ended = voxgpu(flag, cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in ended.out


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: str, tmp_path: Path) -> None:
    ended = voxgpu(command, "--help", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: voxgpu {command} ")
    if command in ("run", "check", "show"):
        for option in ("--define", "--output", "--dialect", "--same-grid", "--read-root"):
            assert option in ended.out


@pytest.mark.slow
def test_primitives_are_listed_by_family_and_searched(tmp_path: Path) -> None:
    listed = voxgpu("primitives", cwd=tmp_path)
    families = [line for line in listed.lines if line and not line.startswith(" ")]
    assert families[:4] == ["command", "expression", "type", "logic"]
    assert listed.out.index("\nmorphology\n") < listed.out.index("\n  grow ")
    assert "`voxgpu primitives simpleitk`" in listed.out
    found = voxgpu("primitives", "--search", "blur", cwd=tmp_path)
    assert found.status == 0
    assert "  smoothen" in found.out and "simpleitk.SmoothingRecursiveGaussian" in found.out
    assert found.out.index("smoothen") < found.out.index("simpleitk.")
    nothing = voxgpu("primitives", "--search", "zygomorphic", cwd=tmp_path)
    assert (nothing.status, nothing.out) == (1, "")
    assert "nothing mentions `zygomorphic`" in nothing.err


@pytest.mark.slow
def test_names_of_every_kind_are_explained(tmp_path: Path) -> None:
    for name in ("grow", "~>", "print", "for", "length", "$stem", "Median", "tpp"):
        told = voxgpu("primitives", name, cwd=tmp_path)
        assert told.status == 0 and ">>> " in told.out, name
    every = voxgpu("primitives", "--json", cwd=tmp_path).json
    assert {"names", "signatures", "family", "doc", "dialect", "after"} == set(every[0])
    wrong = voxgpu("primitives", "grwo", cwd=tmp_path)
    assert (wrong.status, wrong.out) == (1, "")
    assert "did you mean `grow`?" in wrong.err
