"""The object that ``voxgpu run --json`` writes."""

from __future__ import annotations

import hashlib
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.command import run_text, voxgpu
from voxgpu import __version__

KEYS = {"print", "saved", "errors", "warnings", "seconds", "nodes", "computed", "reused"}
KEYS |= {
    "run",
    "program",
    "definitions",
    "inputs",
    "version",
    "host",
    "started",
    "finished",
    "interrupted",
}

_PRIMITIVE = '''from voxgpu.primitives.define import NumberValue, scalar


@scalar()
def half(a: NumberValue) -> NumberValue:
    """Half of a number.

    >>> half(2)
    1
    """
    return a / 2
'''


def test_everything_delivered_is_in_it(desk: Path) -> None:
    text = (
        'load a = "spread.nii.gz"\nprint "n" max(a)\nprint "b" 1 < 2\nprint "s" "te\\"xt"\n'
        'save "b.nii.gz" a > 9\nsave "a.nii.gz" a\n'
    )
    ended = run_text(text, "--json", "-o", "out", cwd=desk)
    assert ended.status == 0 and ended.err == ""
    assert ended.out.count("\n") == 1
    found = ended.json
    assert set(found) == KEYS
    assert found["print"] == [
        {"label": "n", "type": "number", "value": 29.25},
        {"label": "b", "type": "bool", "value": True},
        {"label": "s", "type": "string", "value": 'te"xt'},
    ]
    first, second = found["saved"]
    assert first["label"] == "b.nii.gz" and first["type"] == "image of bool"
    assert second["type"] == "image of float32"
    assert Path(first["path"]) == desk / "out" / "b.nii.gz" and Path(first["path"]).is_file()
    assert first["grid"] == second["grid"]
    assert first["grid"]["shape"] == [3, 4, 5] and first["grid"]["spacing"] == [3, 1, 2]
    assert first["grid"]["origin"] == [0, 0, 0] and len(first["grid"]["direction"]) == 9
    assert found["errors"] == [] and found["seconds"] > 0
    assert found["nodes"] == found["computed"] > 3


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_says_where_results_come_from(desk: Path) -> None:
    (desk / "shared.imgql").write_text("let twice(v) = v + v\n", encoding="utf-8")
    (desk / "mine.py").write_text(_PRIMITIVE)
    text = (
        '\ufeffimport "shared"\r\nload a = "${CASE}.nii.gz"\nload b = "ramp.nrrd"\n'
        'print "n" max(twice(a) + b)\n'
    )
    before = datetime.now(UTC)
    options = ("--json", "-D", "CASE=ramp", "--primitives", "mine.py")
    found = run_text(text, *options, cwd=desk).json
    assert found["program"] == {
        "path": str(desk / "p.imgql"),
        "sha256": _sha256(desk / "p.imgql"),
        "imports": [{"path": str(desk / "shared.imgql"), "sha256": _sha256(desk / "shared.imgql")}],
        "primitives": [{"path": str(desk / "mine.py"), "sha256": _sha256(desk / "mine.py")}],
    }
    assert found["definitions"] == {"CASE": "ramp"}
    assert found["inputs"] == [
        {"path": str(desk / name), "sha256": _sha256(desk / name)}
        for name in ("ramp.nii.gz", "ramp.nrrd")
    ]
    assert found["version"] == __version__
    assert found["host"]["name"] == platform.node() and found["host"]["python"]
    started, finished = (datetime.fromisoformat(found[key]) for key in ("started", "finished"))
    assert before.timestamp() - 0.01 <= started.timestamp() <= finished.timestamp()
    assert (finished - started).total_seconds() >= found["seconds"] - 0.01


def test_of_a_program_that_was_not_run_as_much_as_is_known(tmp_path: Path) -> None:
    found = voxgpu("run", "none.imgql", "--json", "-D", "A=1", cwd=tmp_path).json
    assert set(found) == KEYS
    assert found["program"]["path"] == str(tmp_path / "none.imgql")
    assert (found["program"]["sha256"], found["inputs"]) == (None, [])
    assert found["definitions"] == {"A": "1"}


@pytest.mark.parametrize(
    ("expression", "value"), [("0 / 0", "nan"), ("1 / 0", "inf"), ("-1 / 0", "-inf")]
)
def test_it_is_json_also_where_json_has_no_number(
    expression: str, value: str, tmp_path: Path
) -> None:
    ended = run_text(f'print "v" {expression}\n', "--json", cwd=tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads(ended.out, parse_constant=refuse)
    assert found["print"] == [{"label": "v", "type": "number", "value": value}]


def test_a_goal_that_failed_is_among_the_errors(desk: Path) -> None:
    text = 'load a = "ramp.nii.gz"\nprint "m" avg(a, a > 1000)\nprint "x" max(a)\n'
    ended = run_text(text, "--json", cwd=desk)
    assert ended.status == 1 and ended.err == ""
    found = ended.json
    assert [each["label"] for each in found["print"]] == ["x"]
    (error,) = found["errors"]
    assert error["code"] == "E301" and error["severity"] == "error"
    assert (error["file"], error["line"], error["column"]) == ("p.imgql", 2, 11)
    assert (error["end_line"], error["end_column"]) == (2, 27)
    assert found["computed"] < found["nodes"]


def test_a_program_with_mistakes_gives_an_object_with_all_of_them(desk: Path) -> None:
    text = 'load a = "missing.nii.gz"\nprint "x" nothing(1)\nprint "y" 1 + "a"\n'
    ended = run_text(text, "--json", cwd=desk)
    assert ended.status == 1 and ended.err == ""
    found = ended.json
    assert set(found) == KEYS
    assert [each["code"] for each in found["errors"]] == ["E201", "E101", "E102"]
    assert [each["line"] for each in found["errors"]] == [1, 2, 3]
    assert found["print"] == found["saved"] == []


def test_warnings_are_in_it(desk: Path) -> None:
    ended = run_text('print "v" 100 / 5 / 2\n', "--json", cwd=desk)
    assert ended.status == 0 and ended.err == ""
    assert [each["code"] for each in ended.json["warnings"]] == ["W101"]


@pytest.mark.parametrize("name", ["missing.imgql", "latin.imgql", "scans"])
def test_a_program_that_cannot_be_read_gives_an_object_too(name: str, desk: Path) -> None:
    ended = voxgpu("run", name, "--json", cwd=desk)
    assert ended.status == 1 and ended.err == ""
    assert [each["code"] for each in ended.json["errors"]] == ["E109"]


def test_an_empty_program_gives_an_empty_object(tmp_path: Path) -> None:
    found = run_text("", "--json", cwd=tmp_path).json
    assert set(found) == KEYS and found["nodes"] == found["computed"] == 0
    assert not (found["print"] or found["saved"] or found["errors"])
