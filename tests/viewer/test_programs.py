"""Programs: read, checked, and saved only where and how it is safe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra view is not installed")

from tests.viewer.serving import PROGRAM, Served, serving, write_case


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A viewer of a folder that a test may change: ``study``, with a case and ``p.imgql``."""
    root = write_case(tmp_path / "study" / "a", "v").parent
    (root / "p.imgql").write_text(PROGRAM)
    with serving([root], tmp_path / "files") as served:
        yield served


def _save(served: Served, id: str, text: str, digest: str | None) -> tuple[int, dict[str, str]]:
    answer = served.ask("PUT", f"api/programs/{id}", {"text": text, "digest": digest})
    return answer.status, answer.json


def test_programs_are_saved_with_the_digest_they_were_opened_with(
    own: Served, tmp_path: Path
) -> None:
    path = tmp_path / "study" / "p.imgql"
    opened = own.ask("GET", "api/programs/0/p.imgql").json
    assert opened["text"] == PROGRAM
    status, saved = _save(own, "0/p.imgql", 'print "é" 1\n', opened["digest"])
    assert status == 200 and path.read_text("utf-8") == 'print "é" 1\n'
    status, refused = _save(own, "0/p.imgql", "other", opened["digest"])
    assert status == 409 and "changed" in refused["error"] and refused["try"]
    assert _save(own, "0/p.imgql", "other", None)[0] == 409
    assert path.read_text("utf-8") == 'print "é" 1\n'
    assert _save(own, "0/p.imgql", "other", saved["digest"])[0] == 200
    path.unlink()
    assert _save(own, "0/p.imgql", "other", saved["digest"])[0] == 409
    assert own.ask("GET", "api/programs/0/p.imgql").status == 404
    assert not path.exists()


def test_new_programs_are_saved_beside_others(own: Served, tmp_path: Path) -> None:
    status, saved = _save(own, "0/a/new%20one.imgql", "print 1", None)
    assert status == 200
    assert (tmp_path / "study" / "a" / "new one.imgql").read_text() == "print 1"
    assert own.ask("GET", "api/programs/0/a/new%20one.imgql").json["digest"] == saved["digest"]
    assert "0/a/new one.imgql" in own.ask("GET", "api/dataset").json["programs"]


@pytest.mark.parametrize(
    "id",
    [
        "0/p.txt", "0/a/a_v.nii.gz", "0/.imgql/x", "0/../p.imgql", "0/..%2fp.imgql", "1/p.imgql",
        "0/none/p.imgql", "0/p.imgql/q.imgql", "0", "0/", "0/%2ftmp%2fp.imgql", "0/p.imgql%00",
        "0/a.imgql%00.txt", "0/p.imgql%2f..%2fq.imgql", "0/p.imgql.",
    ],
)  # fmt: skip
def test_nothing_else_is_written(own: Served, tmp_path: Path, id: str) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    status, answer = _save(own, id, "overwritten", None)
    assert status == 404 and answer["error"]
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_folder_with_the_name_of_a_program(own: Served, tmp_path: Path) -> None:
    (tmp_path / "study" / "folder.imgql").mkdir()
    assert _save(own, "0/folder.imgql", "", None)[0] == 404
    assert own.ask("GET", "api/programs/0/folder.imgql").status == 404


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipes_are_not_waited_for(own: Served, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "study" / "pipe.imgql")
    assert own.ask("GET", "api/programs/0/pipe.imgql").status == 404
    assert _save(own, "0/pipe.imgql", "", None)[0] == 404


def test_texts_that_are_no_programs(own: Served, tmp_path: Path) -> None:
    (tmp_path / "study" / "bytes.imgql").write_bytes(b"\xff\xfe")
    assert own.ask("GET", "api/programs/0/bytes.imgql").status == 422


def _checked(served: Served, text: str, case: str | None = "0/a", **more: object) -> list[dict]:  # type: ignore[type-arg]
    body = {"text": text, "file": None, "case": case, "definitions": {}, **more}
    answer = served.ask("POST", "api/check", body)
    assert answer.status == 200, answer.body
    found: list[dict] = answer.json["diagnostics"]  # type: ignore[type-arg]
    return found


def test_mistakes_are_told_at_their_place(own: Served) -> None:
    assert _checked(own, PROGRAM) == []
    (found,) = _checked(own, 'print "𝄞" 1\r\nlet b = (1) + nosuch\r\n')
    assert found["code"] == "E101" and found["severity"] == "error" and found["message"]
    assert (found["line"], found["column"]) == (2, 15)
    assert (found["end_line"], found["end_column"]) == (2, 21)
    (found,) = _checked(own, 'print "𝄞" nosuch')
    assert found["column"] == 12  # as JavaScript counts: the sign before takes two


def test_variables_of_the_case_and_of_the_page(own: Served) -> None:
    assert _checked(own, 'print "n" $N + $M', definitions={"N": "1", "M": "2"}) == []
    (found,) = _checked(own, 'print "n" $N')
    assert found["code"] == "E104" and found["severity"] == "error"
    (found,) = _checked(own, 'load v = "$CASE/v.nii"', None)
    assert found["code"] == "E104" and found["severity"] == "warning"
    (found,) = _checked(own, 'print "n" 1', definitions={"N": "1"})
    assert found["code"] == "W104" and "`N`" in found["message"]


def test_variables_are_templates_as_in_cohorts(own: Served) -> None:
    text = 'load v = "${CASE}_v.nii.gz"\nprint "most" max(v)\n'
    assert _checked(own, text)[0]["code"] == "E201"
    given = {"CASE": "{path}/{name}"}
    assert _checked(own, text, definitions=given) == []
    events = own.events(own.run(text, "0/a", definitions=given))
    assert [data["value"] for kind, data in events if kind == "print"] == [99.0]
    for wrong in ("{nosuch}", "{", "{name.x.y}"):
        body = {"text": text, "file": None, "case": "0/a", "definitions": {"CASE": wrong}}
        answer = own.ask("POST", "api/check", body)
        assert answer.status == 422 and "CASE" in answer.json["error"]
        assert own.ask("POST", "api/runs", {**body, "cases": ["0/a"]}).status == 422


def test_checks_that_nobody_waits_for_end(own: Served) -> None:
    import http.client
    import json
    import time

    # Which grid the result has is tried out on a small image: here that takes minutes.
    text = 'load v = "$CASE/a_v.nii.gz"\nlet w = simpleitk.CurvatureFlow(v, 0.01, 100000)\n'
    headers = {"X-Voxgpu": "1", "Content-Type": "application/json"}
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", own.listening.port)
        body = {"text": text, "file": None, "case": "0/a", "definitions": {}}
        path = f"/{own.listening.token}/api/check"
        connection.request("POST", path, json.dumps(body), headers)
        time.sleep(0.2)
        connection.close()
    assert _checked(own, PROGRAM) == []


def test_imports_are_looked_for_beside_the_file(own: Served, tmp_path: Path) -> None:
    (tmp_path / "study" / "lib.imgql").write_text("let three = 3\n")
    text = 'import "lib.imgql"\nprint "n" three\n'
    assert _checked(own, text, file="0/p.imgql") == []
    assert _checked(own, text)[0]["code"] == "E108"


def test_the_catalogue_has_all_names(own: Served) -> None:
    found = own.ask("GET", "api/catalogue").json
    assert {"let", "load", "print", "save", "for", "if"} <= set(found["keywords"])
    names = {each["name"]: each for each in found["names"]}
    assert names["percentiles"]["kind"] == "function"
    assert "percentiles(" in names["percentiles"]["signature"]
    assert names["percentiles"]["documentation"]
    assert "simpleitk.Median" in names and "touch" in names
    assert len(names) == len(found["names"])
