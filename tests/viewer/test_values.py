"""Single values: only what they need is computed, and a changed threshold computes only itself."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import nibabel
import pytest

pytest.importorskip("starlette", reason="the extra view is not installed")

from tests.viewer.serving import LONG, Answer, Served, serving, write_case
from voxgpu.compile import Options
from voxgpu.execution.events import Event, Finished
from voxgpu.session import Session, open_session
from voxgpu.session_settings import SessionListeners, SessionSettings
from voxgpu.viewer.checking import Program
from voxgpu.viewer.named_value import value_of

TEXT = """load v = "{folder}/a/a_v.nii.gz"
load w = "{folder}/a/a_w.nii.gz"
let smooth = gaussian(v, 2)
let high = smooth > {threshold}
let other = percentiles(w, tt, 0.5)
print "other" max(other)
save "other.nii.gz" lcc(w > 10) > 0
"""


class _Computed:
    """A session that notes the primitives that are computed."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        listeners = SessionListeners(observe=self._observe)
        settings = SessionSettings(threads=2, keep_values=True)
        self.session: Session = open_session(settings, listeners)

    def _observe(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.names |= {node.primitive.names[0] for _, node in event.task.nodes}

    def ask(self, text: str, name: str, line: int | None = None) -> object:
        self.names.clear()
        found = value_of(Program(text), name, line, Options(output=None), self.session)
        assert not found.diagnostics, found.diagnostics
        return found


def test_only_the_value_is_computed_and_a_new_threshold_computes_only_itself(folder: Path) -> None:
    computed = _Computed()
    with computed.session:
        computed.ask(TEXT.format(folder=folder, threshold=49.5), "high")
        assert {"load", "gaussian"} <= computed.names
        assert not {"percentiles", "lcc", "max"} & computed.names
        computed.ask(TEXT.format(folder=folder, threshold=49), "high")
        assert computed.names and not {"load", "gaussian"} & computed.names
        computed.ask(TEXT.format(folder=folder, threshold=49.5), "high")
        assert not computed.names


def _diagnostic(answer: Answer) -> dict[str, object]:
    assert answer.status == 422, answer.body
    found: dict[str, object] = answer.json["diagnostics"][0]
    return found


def test_images_come_as_nifti(served: Served, folder: Path, tmp_path: Path) -> None:
    text = TEXT.format(folder=folder, threshold=49.5)
    found = served.value(text, "high", "0/a", 4).json
    assert found["kind"] == "image" and found["mask"] and found["label"] == "high"
    (tmp_path / "high.nii.gz").write_bytes(served.ask("GET", found["url"]).body)
    assert set(nibabel.load(tmp_path / "high.nii.gz").get_fdata().ravel()) == {0.0, 1.0}
    number = served.value(text, "smooth", "0/a", 4).json
    assert number["type"].startswith("image of float") and not number["mask"]
    assert served.value(text, "high", "0/a", 4).json["url"] == found["url"]


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("1 + 1", "number", 2.0),
        ("0 / 0", "number", "nan"),
        ("max(v)", "number", 99.0),
        ("max(v) > 3", "boolean", True),
        ('"ab"', "string", "ab"),
        ("[1, 2]", "string", "[1, 2]"),
    ],
)
def test_other_values(served: Served, expression: str, kind: str, value: object) -> None:
    text = f'load v = "$CASE/${{NAME}}_v.nii.gz"\nlet x = {expression}\n'
    found = served.value(text, "x", "0/a").json
    assert (found["kind"], found["value"]) == (kind, value)
    assert served.value(text, expression, "0/a").json["value"] == value


def test_of_many_images_none_is_computed_unasked(served: Served) -> None:
    text = 'load v = "$CASE/${NAME}_v.nii.gz"\nlet masks = for i in range(0, 3) do v > i\n'
    found = served.value(text, "masks", "0/a").json
    assert found["kind"] == "string" and "masks[0]" in found["value"]
    assert served.value(text, "masks[2]", "0/a").json["kind"] == "image"


def test_a_name_means_what_it_means_in_its_line(served: Served) -> None:
    text = "let x = 1\nlet y = x\nlet x = 2\nlet z = nosuch(\n"
    assert served.value(text, "x", "0/a", 1).json["value"] == 1.0
    assert served.value(text, "x", "0/a", 2).json["value"] == 1.0
    assert served.value(text, "x", "0/a", 3).json["value"] == 2.0


def test_names_without_a_value(served: Served) -> None:
    text = "let f(a) = a + 1\nlet y = f(2)\nlet bad = 1 + true\n"
    found = _diagnostic(served.value(text, "f", "0/a", 1))
    assert "function" in str(found["message"]) and (found["line"], found["column"]) == (1, 5)
    found = _diagnostic(served.value(text, "a", "0/a", 1))
    assert found["code"] == "E101" and found["line"] == 1
    found = _diagnostic(served.value(text, "bad", "0/a", 3))
    assert found["line"] == 3
    assert served.value(text, "y", "0/a", 2).json["value"] == 3.0
    for name in ("", "(", "let q = 1", 'print "x" 1'):
        assert served.value(text, name, "0/a").status == 422, name


def test_a_value_that_fails_is_told_at_its_place(served: Served) -> None:
    text = 'load v = "$CASE/${NAME}_v.nii.gz"\nlet m = avg(v, v > 1000)\n'
    found = _diagnostic(served.value(text, "m", "0/a", 2))
    assert found["code"] == "E301" and found["line"] == 2


def test_values_that_nobody_waits_for_are_cancelled(tmp_path: Path) -> None:
    import http.client
    import json

    root = write_case(tmp_path / "study" / "a", "v", size=90).parent
    with serving([root], tmp_path / "files") as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.listening.port)
        body = {"text": LONG, "file": None, "case": "0/a", "name": "long"}
        connection.request(
            "POST",
            f"/{served.listening.token}/api/values",
            json.dumps(body),
            {"X-Voxgpu": "1", "Content-Type": "application/json"},
        )
        time.sleep(1)
        connection.close()
        # It would take an hour otherwise.
        assert served.value(LONG, "v", "0/a").json["kind"] == "image"


def test_values_come_before_what_remains_of_runs(tmp_path: Path) -> None:
    root = write_case(tmp_path / "study" / "a", "v").parent
    with serving([root], tmp_path / "files") as served:
        order: list[str] = []
        begun, go = threading.Event(), threading.Event()
        compute = served.viewer.compute

        def first(_: object) -> None:
            begun.set()
            go.wait()

        futures = [compute.submit(first)]
        begun.wait()
        futures.append(compute.submit(lambda _: order.append("run")))
        futures.append(compute.submit(lambda _: order.append("value"), priority=0))
        go.set()
        for each in futures:
            each.result()
        assert order == ["value", "run"]


def test_forgotten_values(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxgpu.viewer.values.KEPT_VALUES", 2)
    text = 'load v = "$CASE/${NAME}_v.nii.gz"\n'
    urls = [served.value(text, f"v > {n}", "0/a").json["url"] for n in (71, 72, 73)]
    assert [served.ask("GET", each).status for each in urls] == [404, 200, 200]
    assert served.value(text, "v > 71", "0/a").json["url"] == urls[0]
    assert served.ask("GET", urls[0]).status == 200
