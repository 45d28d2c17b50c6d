"""``voxgpu lsp`` answers an editor over standard input and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.lsp.client import Editor
from voxgpu.language.imports import BUNDLED

pytestmark = pytest.mark.slow

PROGRAM = """import "parts"
load v = "v.nii.gz"
// The bright part.
let bright = v > 3
let f(a, r) = dilate(a, r) & bright
let 𝒜 = 1 print "é𝒜" volume(f(bright, 2)) + missing
let g(xs) = for x in xs do x + 1
"""

_LINE = PROGRAM.splitlines()[5]
_BEFORE = len(_LINE[: _LINE.index("missing")].encode("utf-16-le")) // 2
_PLACE = {
    "start": {"line": 5, "character": _BEFORE},
    "end": {"line": 5, "character": _BEFORE + len("missing")},
}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    pytest.importorskip("pygls", reason="needs pygls: pip install 'voxgpu[lsp]'")
    folder = tmp_path_factory.mktemp("editor")
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "v.nii.gz"))
    (folder / "parts.imgql").write_text("let n = 1\n// Twice a number.\nlet twice(k) = k * 2\n")
    editor = Editor(folder)
    yield editor
    assert editor.close() == 0
    assert not [each for each in editor.errors if b"Traceback" in each], editor.errors


@pytest.fixture
def program(editor: Editor) -> Iterator[str]:
    uri = editor.open("program.imgql", PROGRAM)
    yield uri
    editor.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
    while editor.diagnostics(uri):
        pass


def _lines(editor: Editor, uri: str, line: int, character: int) -> dict[str, Any]:
    found = editor.at("completion", uri, line, character)
    assert found["isIncomplete"] is False
    return {each["label"]: each for each in found["items"]}


def test_what_it_can_do(editor: Editor) -> None:
    for name in ("hover", "completion", "definition", "documentFormatting"):
        assert editor.capabilities[f"{name}Provider"], name


def test_mistakes_have_places_in_utf16(editor: Editor, program: str) -> None:
    (found,) = editor.diagnostics(program)
    assert found["code"] == "E101"
    assert found["severity"] == 1
    assert "missing" in found["message"]
    # 𝒜 is two units of UTF-16, and stands twice before.
    assert found["range"] == _PLACE


def test_changes_are_followed(editor: Editor, program: str) -> None:
    editor.diagnostics(program)
    editor.change(program, 2, {"range": _PLACE, "text": "n"})
    assert editor.diagnostics(program) == []
    editor.change(program, 3, {"text": 'load v = "none.nii.gz"\nprint "n" $N\nlet a = (1\n'})
    found = editor.diagnostics(program)
    assert [(each["code"], each["severity"]) for each in found] == [
        ("E201", 3),
        ("E104", 3),
        ("E100", 1),
    ]


def test_documentation(editor: Editor, program: str) -> None:
    def about(line: int, character: int) -> str:
        found = editor.at("hover", program, line, character)
        return found["contents"]["value"] if found else ""

    assert "bright: image of true/false" in about(4, 31)
    assert "The bright part." in about(4, 31)
    assert "dilate(b: image of true/false, r: number)" in about(4, 15)
    assert "f(a, r)" in about(5, 31)
    assert "True where both are true" in about(4, 27)
    assert "twice" not in about(0, 9), "within a string"
    assert about(2, 6) == "", "within a comment"
    assert "parameter a" in about(4, 21)
    assert "Binds a name" in about(3, 1)
    assert about(40, 40) == ""
    place = editor.at("hover", program, 4, 15)["range"]
    assert place["start"] == {"line": 4, "character": 14}
    assert place["end"] == {"line": 4, "character": 20}


def test_completion(editor: Editor, program: str) -> None:
    names = _lines(editor, program, 4, 14)
    assert names["bright"]["detail"] == "image of true/false"
    assert names["dilate"]["detail"].startswith("dilate(")
    assert names["volume"]["kind"] == 3
    assert {"a", "r", "v", "n", "twice", "let", "fold"} <= set(names)
    assert "f" not in names and "g" not in names, "bound later"
    assert "x" in _lines(editor, program, 6, 27)
    assert "+" not in names
    assert set(_lines(editor, program, 0, 9)) == {*BUNDLED, "parts"}
    assert _lines(editor, program, 1, 12) == {}
    assert _lines(editor, program, 2, 9) == {}


def test_completion_in_an_unfinished_program(editor: Editor) -> None:
    text = "let good = 1\nlet h(mask1, k) = near(mask1) & (\n  let inner = 2 in simpleitk.Med"
    uri = editor.open("unfinished.imgql", text)
    names = _lines(editor, uri, 1, 30)
    assert {"good", "mask1", "k"} <= set(names)
    assert "Median" in _lines(editor, uri, 2, len("  let inner = 2 in simpleitk.Med"))
    assert editor.diagnostics(uri)


def test_definitions(editor: Editor, program: str) -> None:
    def found(line: int, character: int, uri: str = program) -> tuple[str, int, int] | None:
        place = editor.at("definition", uri, line, character)
        if place is None:
            return None
        start = place["range"]["start"]
        return place["uri"].rpartition("/")[2], start["line"], start["character"]

    assert found(4, 31) == ("program.imgql", 3, 4)
    assert found(4, 21) == ("program.imgql", 4, 6)
    assert found(5, 31) == ("program.imgql", 4, 4)
    assert found(6, 28) == ("program.imgql", 6, 16)
    assert found(0, 10) == ("parts.imgql", 0, 0)
    assert found(4, 15) == ("stdlib.imgql", found(4, 15)[1], 4)  # type: ignore[index]
    assert found(5, _BEFORE) is None
    uri = editor.open("other.imgql", 'import "parts"\nprint "n" twice(n) /  -n\n')
    assert found(1, 12, uri) == ("parts.imgql", 2, 4)
    assert found(1, 16, uri) == ("parts.imgql", 0, 4)
    assert found(1, 0, uri) is None
    editor.diagnostics(uri)


def test_layout(editor: Editor) -> None:
    def edits(name: str, text: str) -> list[dict[str, Any]]:
        uri = editor.open(name, text)
        options = {"tabSize": 4, "insertSpaces": True}
        params = {"textDocument": {"uri": uri}, "options": options}
        found: list[dict[str, Any]] = editor.ask("textDocument/formatting", params)
        return found

    (edit,) = edits("loose.imgql", 'let a=1   // 𝒜\r\nprint "a"a')
    assert edit["newText"] == 'let a = 1 // 𝒜\nprint "a" a\n'
    assert edit["range"] == {
        "start": {"line": 0, "character": 0},
        "end": {"line": 1, "character": 10},
    }
    assert edits("neat.imgql", "let a = 1\n") == []
    assert edits("wrong.imgql", "let a = (1\n") == []
    assert edits("empty.imgql", "") == []


def test_documents_that_are_no_files(editor: Editor) -> None:
    document = {
        "uri": "untitled:Untitled-1",
        "languageId": "imgql",
        "version": 1,
        "text": "let a=b",
    }
    editor.tell("textDocument/didOpen", {"textDocument": document})
    (found,) = editor.diagnostics("untitled:Untitled-1")
    assert found["code"] == "E101"
    assert editor.at("hover", "untitled:Untitled-1", 0, 6) is None


def test_wrong_messages_do_not_end_it(tmp_path: Path) -> None:
    pytest.importorskip("pygls", reason="needs pygls: pip install 'voxgpu[lsp]'")
    editor = Editor(tmp_path)
    uri = editor.open("robust.imgql", 'print "n" 1\n')
    assert editor.diagnostics(uri) == []
    for body in (b"{", b"[]", b"null", b"\xff\xfe", b'{"jsonrpc": "2.0"}', b'"text"'):
        editor.send(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with pytest.raises(RuntimeError):
        editor.ask("textDocument/unknown", {})
    editor.tell("textDocument/hover", {"position": "none"})
    for line, character in ((10**6, 0), (0, 10**6)):
        for method in ("hover", "completion", "definition"):
            editor.at(method, uri, line, character)
    editor.tell("textDocument/didClose", {"textDocument": {"uri": "file:///none"}})
    text = "let a = " + "(" * 3000 + "\x00\x07" + '"' + "é" * 1000
    assert editor.diagnostics(editor.open("deep.imgql", text))
    last = editor.open("last.imgql", "let a = 1")
    assert "Binds" in editor.at("hover", last, 0, 1)["contents"]["value"]
    assert editor.close() == 0


def test_program_variables_and_the_end_of_input(tmp_path: Path) -> None:
    pytest.importorskip("pygls", reason="needs pygls: pip install 'voxgpu[lsp]'")
    editor = Editor(tmp_path, "-D", "N=3")
    uri = editor.open("p.imgql", 'print "n" $N\n')
    assert editor.diagnostics(uri) == []
    assert editor.process.stdin
    editor.process.stdin.close()
    editor.process.wait(60)


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    """With a module of that name that Python does not find."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'pygls' else find(name, *rest)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "voxgpu", "lsp"],
        cwd=tmp_path, capture_output=True, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert ended.returncode == 1
    assert "the language server needs pygls" in ended.stderr
    assert "pip install 'voxgpu[lsp]'" in ended.stderr


def test_help_says_what_it_is(tmp_path: Path) -> None:
    ended = voxgpu("lsp", "--help", cwd=tmp_path)
    assert ended.status == 0 and "language server" in ended.out
    assert json.dumps(ended.out)
