"""Options of ``voxgpu run`` that affect the meaning of a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import run_text, voxgpu


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3", "3"),
        ("0.25", "0.25"),
        ("-1e2", "-100"),
        ("true", "true"),
        ("false", "false"),
        ("some text", "some text"),
        ("a=b=c", "a=b=c"),
        ("", ""),
        ("inf", "inf"),
    ],
)
def test_a_variable_is_what_its_text_reads_as(text: str, shown: str, tmp_path: Path) -> None:
    ended = run_text('print "v" $V\n', "-D", f"V={text}", cwd=tmp_path)
    assert (ended.status, ended.out) == (0, f"v={shown}\n"), ended.err


def test_strings_take_a_variable_as_it_was_given(tmp_path: Path) -> None:
    text = 'print "v" "$V"\nprint "w" "<${V}>"\nprint "n" $V + 1\n'
    ended = run_text(text, "--define", "V=0.50", cwd=tmp_path)
    assert ended.lines == ["v=0.50", "w=<0.50>", "n=1.5"], ended.err


def test_the_last_of_two_definitions_counts(tmp_path: Path) -> None:
    ended = run_text('print "v" $V\n', "-D", "V=1", "-D", "V=2", cwd=tmp_path)
    assert ended.out == "v=2\n"


def test_the_standard_variables_name_the_program(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    names = ["stem", "filename", "file", "dir", "cwd"]
    text = "".join(f'print "{name}" "${name}"\n' for name in names)
    (folder / "my.case.imgql").write_text(text)
    assert voxgpu("run", "programs/my.case.imgql", cwd=tmp_path).lines == [
        "stem=my.case",
        "filename=my.case.imgql",
        f"file={folder / 'my.case.imgql'}",
        f"dir={folder}",
        f"cwd={tmp_path}",
    ]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [([], "4"), (["--dialect", "imgql1"], "8"), (["--dialect", "imgql2"], "4")],
)
def test_the_dialect_decides_how_operators_are_read(
    arguments: list[str], shown: str, tmp_path: Path
) -> None:
    ended = run_text('print "v" 8 .-. 2 .-. 2\n', *arguments, cwd=tmp_path)
    assert (ended.status, ended.out) == (0, f"v={shown}\n")
    assert ("W101" in ended.err) == (not arguments)


def test_the_dialect_of_the_first_line_gives_way_to_the_option(tmp_path: Path) -> None:
    text = '// dialect: imgql1\nprint "v" 8 .-. 2 .-. 2\n'
    assert run_text(text, cwd=tmp_path).out == "v=8\n"
    assert run_text(text, "--dialect", "imgql2", cwd=tmp_path).out == "v=4\n"


GRIDS = 'load a = "ramp.nii.gz"\nload b = "shifted.nii.gz"\nprint "v" max(a + b)\n'
SHAPES = 'load a = "ramp.nii.gz"\nload b = "wide.nii.gz"\nprint "v" max(a + b)\n'


@pytest.mark.parametrize("arguments", [[], ["--same-grid", "strict"]])
def test_images_on_different_grids_are_refused(arguments: list[str], desk: Path) -> None:
    ended = run_text(GRIDS, *arguments, cwd=desk)
    assert (ended.status, ended.out) == (1, "")
    assert "error[E105]" in ended.err and "(10, 0, 0)" in ended.err


def test_adopting_grids_warns_and_goes_on(desk: Path) -> None:
    ended = run_text(GRIDS, "--same-grid", "adopt", cwd=desk)
    assert (ended.status, ended.out) == (0, "v=468\n")
    assert "warning[W201]" in ended.err


def test_the_first_dialect_adopts_and_can_be_told_not_to(desk: Path) -> None:
    assert run_text(GRIDS, "--dialect", "imgql1", cwd=desk).status == 0
    ended = run_text(GRIDS, "--dialect", "imgql1", "--same-grid", "strict", cwd=desk)
    assert ended.status == 1 and "error[E105]" in ended.err


@pytest.mark.parametrize("arguments", [["--same-grid", "adopt"], ["--dialect", "imgql1"]])
def test_different_shapes_are_never_adopted(arguments: list[str], desk: Path) -> None:
    ended = run_text(SHAPES, *arguments, cwd=desk)
    assert ended.status == 1 and "error[E105]" in ended.err
