"""Cases: paths that match a pattern, rows of a table, and the variables that programs get."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxgpu.cohorts.cases import Case, matching_cases, table_cases
from voxgpu.files.errors import FileError


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a", "c.1"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "flair.nii.gz").touch()
    (tmp_path / "data" / "notes.txt").touch()
    return tmp_path


def test_folders_are_cases_by_name(desk: Path) -> None:
    found = matching_cases("data/*/")
    assert [(each.name, each.path, each.parent) for each in found] == [
        ("a", "data/a", "data"),
        ("b", "data/b", "data"),
        ("c.1", "data/c.1", "data"),
    ]
    assert found[0].variables({}) == {"NAME": "a", "CASE": "data/a"}


def test_files_are_named_without_the_suffix_of_images(desk: Path) -> None:
    for name in ("x_t1.nii.gz", "y_t1.nii.gz", "z.mgz", "w.txt"):
        (desk / name).touch()
    assert [each.name for each in matching_cases("*_t1.nii.gz")] == ["x_t1", "y_t1"]
    assert [each.name for each in matching_cases("[wz].*")] == ["w.txt", "z"]
    assert matching_cases("nothing*") == []


def test_equal_names_get_what_tells_them_apart(desk: Path) -> None:
    found = matching_cases("data/*/flair.nii.gz")
    assert [each.name for each in found] == ["a_flair", "b_flair", "c.1_flair"]


def test_definitions_are_templates(desk: Path) -> None:
    case = matching_cases("data/a/")[0]
    found = case.variables({"F": "{path}/{name}_flair.nii.gz", "T": "0.5", "B": "{{x}}"})
    assert found["F"] == "data/a/a_flair.nii.gz" and found["T"] == "0.5" and found["B"] == "{x}"
    # What is given with -D comes before what the case has.
    assert case.variables({"CASE": "{path}/{name}"})["CASE"] == "data/a/a"


@pytest.mark.parametrize("template", ["{nme}", "{}", "{0}", "{path", "{path.x.y}", "{name!z}"])
def test_fields_that_there_are_not(template: str) -> None:
    with pytest.raises(ValueError, match="-D F="):
        Case("a", "data/a").variables({"F": template})


def test_rows_of_a_table(desk: Path) -> None:
    (desk / "t").mkdir()
    (desk / "t" / "scan.nii").touch()
    text = "\ufeffcase,T1,AGE,GROUP\nann,scan.nii,51,x/y\n\nbob,other.nii,60,\n"
    (desk / "t" / "table.csv").write_text(text, encoding="utf-8")
    found = table_cases(Path("t/table.csv"))
    assert [each.name for each in found] == ["ann", "bob"]
    assert found[0].variables({"D": "{AGE}-{name}"}) == {
        **{"NAME": "ann", "case": "ann", "T1": "t/scan.nii", "AGE": "51", "GROUP": "x/y"},
        "D": "51-ann",
    }
    assert found[1].variables({})["T1"] == "t/other.nii"


def test_rows_without_a_name_have_that_of_their_first_file(desk: Path) -> None:
    (desk / "t.tsv").write_text("CASE\tX\ndata/a/\t1\ndata/b/\t2\n")
    found = table_cases(Path("t.tsv"))
    assert [(each.name, each.path) for each in found] == [("a", "data/a"), ("b", "data/b")]
    (desk / "n.csv").write_text("X,Y\n1,2\n1,2\n")
    assert [each.name for each in table_cases(Path("n.csv"))] == ["row-1", "row-2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a,b\n1\n", "line 2 has 1 values, for 2 columns"),
        ("a b,c\n1,2\n", "`a b` is no name"),
        ("a,a\n1,2\n", "2 columns `a`"),
    ],
)
def test_tables_that_are_none(desk: Path, text: str, said: str) -> None:
    (desk / "t.csv").write_text(text)
    with pytest.raises(FileError, match=said):
        table_cases(Path("t.csv"))


def test_a_table_that_is_not_there(desk: Path) -> None:
    with pytest.raises(FileError, match="no table of cases"):
        table_cases(Path("gone.csv"))
