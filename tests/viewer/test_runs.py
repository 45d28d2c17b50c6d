"""Runs: events, several cases, failures, cancelling, history, reports."""

from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path
from typing import Any

import nibabel
import pytest

pytest.importorskip("starlette", reason="the extra view is not installed")

from tests.viewer.serving import LONG, PROGRAM, Served, serving, write_case
from voxgpu.viewer.checking import Program


def _of(events: list[tuple[str, dict[str, object]]], kind: str) -> list[dict[str, object]]:
    return [data for each, data in events if each == kind]


def test_a_run_tells_what_it_does_case_by_case(served: Served) -> None:
    run = served.run(PROGRAM, "0/a", "0/b")
    events = served.events(run)
    assert [each["case"] for each in _of(events, "started")] == ["0/a", "0/b"]
    prints = [(each["case"], each["label"], each["value"]) for each in _of(events, "print")]
    assert prints == [("0/a", "most", 99.0), ("0/b", "most", 99.0)]
    layers = _of(events, "layer")
    assert [each["label"] for each in layers] == ["high.nii.gz"] * 2
    assert all(each["mask"] and each["type"] == "image of bool" for each in layers)
    assert [each["url"] for each in layers] == [f"api/runs/{run}/layers/{n}" for n in (0, 1)]
    kind, last = events[-1]
    assert kind == "finished" and last["status"] == "done" and last["case"] is None
    assert [kind for kind, _ in events].count("finished") == 1
    done = [each["done"] <= each["total"] for each in _of(events, "progress")]  # type: ignore[operator]
    assert done and all(done)


def test_layers_are_nifti_on_the_grid_of_the_image(served: Served, tmp_path: Path) -> None:
    run = served.run(PROGRAM, "0/a")
    served.events(run)
    answer = served.ask("GET", f"api/runs/{run}/layers/0")
    assert answer.status == 200 and gzip.decompress(answer.body)
    (tmp_path / "l.nii.gz").write_bytes(answer.body)
    image = nibabel.load(tmp_path / "l.nii.gz")
    assert image.shape == (12, 12, 12) and image.header.get_zooms() == (1.0, 2.0, 3.0)
    voxels = image.get_fdata()
    assert set(voxels.ravel()) == {0.0, 1.0} and voxels.sum() == sum(
        n % 100 > 50 for n in range(12**3)
    )
    assert served.ask("GET", f"api/runs/{run}/layers/1").status == 404


def test_nothing_is_written_where_the_program_says(served: Served, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    text = PROGRAM + 'save "$CASE/out.nii.gz" v\nsave "/nowhere/at/all.nii.gz" v\n'
    run = served.run(text, "0/a")
    events = served.events(run)
    assert [each["label"] for each in _of(events, "layer")][1:] == [
        f"{folder}/a/out.nii.gz",
        "/nowhere/at/all.nii.gz",
    ]
    assert events[-1][1]["status"] == "done"
    assert sorted(folder.rglob("*")) == before


def test_events_begin_again_after_the_last_that_was_seen(served: Served) -> None:
    run = served.run(PROGRAM, "0/a")
    whole = served.events(run)
    assert served.events(run) == whole
    path = f"api/runs/{run}/events"
    rest = served.ask("GET", path, Last_Event_ID=str(len(whole) - 2))
    assert rest.events == whole[-2:]
    assert served.ask("GET", path, Last_Event_ID=str(len(whole))).status == 204
    assert served.ask("GET", path, Last_Event_ID="²").events == whole


def test_programs_with_errors_are_not_run(served: Served) -> None:
    before = len(served.ask("GET", "api/runs").json)
    body = {"text": "let a = 1\nlet b = nosuch(a)\n", "file": None, "cases": ["0/a"]}
    answer = served.ask("POST", "api/runs", body)
    assert answer.status == 422
    (found,) = answer.json["diagnostics"]
    assert found["code"] == "E101" and found["severity"] == "error"
    place = [found[each] for each in ("line", "column", "end_line", "end_column")]
    assert place == [2, 9, 2, 15]
    assert len(served.ask("GET", "api/runs").json) == before


def test_a_goal_that_fails_takes_no_others(served: Served) -> None:
    text = PROGRAM.replace("print", 'print "mean" avg(v, v > 1000)\nprint')
    events = served.events(served.run(text, "0/a"))
    (failure,) = _of(events, "failure")
    assert failure["line"] == 2 and failure["case"] == "0/a" and "mean" in str(failure["message"])
    assert [each["label"] for each in _of(events, "print")] == ["most"]
    assert len(_of(events, "layer")) == 1
    assert events[-1][1]["status"] == "failed"


def test_a_case_that_fails_takes_no_others(tmp_path: Path) -> None:
    root = write_case(tmp_path / "study" / "a", "v").parent
    write_case(root / "b", "w")
    write_case(root / "c", "v")
    with serving([root], tmp_path / "files") as served:
        events = served.events(served.run(PROGRAM, "0/a", "0/b", "0/c"))
        (failure,) = _of(events, "failure")
        assert failure["case"] == "0/b" and failure["code"] == "E201"
        assert [each["case"] for each in _of(events, "print")] == ["0/a", "0/c"]
        assert events[-1][1]["status"] == "failed"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case on which a filter takes minutes."""
    return write_case(tmp_path_factory.mktemp("large") / "study" / "a", "v", size=90).parent


def test_cancelling_ends_what_computes(large: Path, tmp_path: Path) -> None:
    with serving([large], tmp_path / "files") as served:
        first, second = served.run(LONG, "0/a"), served.run(PROGRAM, "0/a")
        log = served.viewer.runs.find(first).log
        while not any(each.kind == "print" for each in log.events):
            time.sleep(0.01)
        time.sleep(0.3)  # the filter is at work then
        assert served.ask("DELETE", f"api/runs/{second}").status == 200
        assert served.events(second) == [
            ("finished", {"case": None, "status": "cancelled", "seconds": pytest.approx(0, abs=60)})
        ]
        assert not log.is_ended
        assert served.ask("DELETE", f"api/runs/{first}").status == 200
        events = served.events(first)
        assert events[-1][1]["status"] == "cancelled"
        assert [each["label"] for each in _of(events, "print")] == ["first"]
        # The thread is free again, and the session still has its values.
        assert served.events(served.run(PROGRAM, "0/a"))[-1][1]["status"] == "done"
        statuses = [each["status"] for each in served.ask("GET", "api/runs").json]
        assert statuses == ["done", "cancelled", "cancelled"]
        assert served.ask("DELETE", f"api/runs/{first}").status == 200  # once more


def test_cancelling_ends_what_is_tried_out_while_compiling(large: Path, tmp_path: Path) -> None:
    with serving([large], tmp_path / "files") as served:
        text = LONG.replace("3000)", "100000)")
        viewer = served.viewer
        program, case = Program(text), viewer.dataset.case("0/a")
        run = viewer.runs.start(program, [case], {}, viewer.options())
        while not run.log.events:
            time.sleep(0.01)
        time.sleep(0.3)
        viewer.runs.cancel(run.record.id)
        events = served.events(run.record.id)
        assert [kind for kind, _ in events] == ["started", "finished"]
        assert events[-1][1]["status"] == "cancelled"


def test_a_page_that_follows_gets_events_as_they_come(large: Path, tmp_path: Path) -> None:
    with serving([large], tmp_path / "files") as served:
        run = served.run(LONG, "0/a")
        found: list[list[tuple[str, dict[str, object]]]] = []
        threads = [
            threading.Thread(target=lambda: found.append(served.events(run))) for _ in range(3)
        ]
        for each in threads:
            each.start()
        log = served.viewer.runs.find(run).log
        while not any(each.kind == "print" for each in log.events):
            time.sleep(0.01)
        served.ask("DELETE", f"api/runs/{run}")
        for each in threads:
            each.join()
        assert len(found) == 3 and found[0] == found[1] == found[2]
        assert found[0][-1][0] == "finished"


def test_records_have_the_prints_of_each_case(folder: Path, tmp_path: Path) -> None:
    from voxgpu.store.open import StoreOptions
    from voxgpu.store.run_records import read_records

    store = tmp_path / "store"
    with serving([folder], tmp_path / "first", StoreOptions(store)) as served:
        served.events(served.run(PROGRAM, "0/a", "0/b"))
    (record,) = read_records(store)
    assert record.prints == {"a: most": 99.0, "b: most": 99.0}


def test_the_history_has_runs_of_the_store_as_well(folder: Path, tmp_path: Path) -> None:
    from voxgpu.store.open import StoreOptions
    from voxgpu.store.run_records import DONE, ended, new_record, read_records, write_record

    store = tmp_path / "store"
    with serving([folder], tmp_path / "first", StoreOptions(store)) as served:
        run = served.run(PROGRAM, "0/a")
        served.events(run)
        (own,) = served.ask("GET", "api/runs").json
        assert own["run"] == run and own["program"] == "untitled" and own["status"] == "done"
        assert own["prints"][0]["label"] == "most" and own["prints"][0]["value"] == 99.0
        assert own["cases"] == ["0/a"]
    (record,) = read_records(store)
    assert record.id == run and record.kind == "view" and record.status == DONE
    assert record.prints == {"most": 99.0}
    other = new_record("run", "/somewhere/p.imgql")
    write_record(store, ended(other, DONE, prints={"x": 1.0}))
    with serving([folder], tmp_path / "second", StoreOptions(store)) as served:
        found = served.ask("GET", "api/runs").json
        assert [each["run"] for each in found] == [other.id, run]
        assert found[0]["program"] == "p.imgql"
        assert found[0]["prints"] == [{"label": "x", "value": 1.0}]


def test_a_session_that_cannot_be_opened_is_told(folder: Path, tmp_path: Path) -> None:
    from voxgpu.store.open import StoreOptions

    (tmp_path / "store").write_text("no folder")
    with serving([folder], tmp_path / "files", StoreOptions(tmp_path / "store")) as served:
        events = served.events(served.run(PROGRAM, "0/a"))
        (failure,) = _of(events, "failure")
        assert failure["code"] == "E401" and failure["case"] == "0/a"
        assert events[-1][1]["status"] == "failed"
        answer = served.value(PROGRAM, "v", "0/a")
        assert answer.status == 422 and answer.json["diagnostics"][0]["code"] == "E401"


def test_images_that_cannot_be_written_are_told(served: Served, monkeypatch: Any) -> None:
    from voxgpu.files.errors import FileError

    def full(path: Path, image: object) -> None:
        raise FileError(str(path), "no space is left", "free some", "write")

    monkeypatch.setattr("voxgpu.viewer.case_run.write_nifti", full)
    events = served.events(served.run(PROGRAM, "0/a"))
    (failure,) = _of(events, "failure")
    assert failure["code"] == "E303" and failure["help"] == "free some"
    assert events[-1][1]["status"] == "failed"


def test_images_of_all_kinds_become_layers(served: Served, tmp_path: Path) -> None:
    text = PROGRAM + "".join(
        f'save "{name}" {value}\n'
        for name, value in {
            "labels.nii": "lcc(v > 50)",
            "double.mha": "pdt(v > 50)",
            "many_4d.nii.gz": "for i in range(0, 3) do v > i",
            "picture.png": "extract(v, [12, 12, 1], [0, 0, 3])",
        }.items()
    )
    run = served.run(text, "0/a")
    events = served.events(run)
    assert events[-1][1]["status"] == "done", events
    layers = {str(each["label"]): each for each in _of(events, "layer")}
    assert layers["labels.nii"]["mask"] and not layers["double.mha"]["mask"]
    shapes = {}
    for label, each in layers.items():
        answer = served.ask("GET", str(each["url"]))
        (tmp_path / "l.nii.gz").write_bytes(answer.body)
        shapes[label] = nibabel.load(tmp_path / "l.nii.gz").shape
    assert shapes.pop("picture.png")[:2] == (12, 12)
    assert shapes.pop("many_4d.nii.gz") == (12, 12, 12, 3)
    assert set(shapes.values()) == {(12, 12, 12)}


def test_the_report_is_a_page_by_itself(served: Served) -> None:
    run = served.run(PROGRAM, "0/a", "0/b")
    served.events(run)
    answer = served.ask("GET", f"api/runs/{run}/report?case=0/b")
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    page = answer.body.decode()
    assert "99" in page and "high.nii.gz" in page and "b_v.nii.gz" in page
    assert "a_v.nii.gz" in served.ask("GET", f"api/runs/{run}/report").body.decode()
    assert served.ask("GET", f"api/runs/{run}/report?case=0/c").status == 404


def test_a_hundred_requests_at_once(served: Served) -> None:
    asked = [
        lambda: served.ask("GET", "api/dataset"),
        lambda: served.ask("GET", "api/volume/0/a/a_v.nii.gz"),
        lambda: served.ask("GET", "api/header/0/b/b_w.nii.gz"),
        lambda: served.value(PROGRAM, "v", "0/b"),
        lambda: served.ask("POST", "api/runs", {"text": PROGRAM, "file": None, "cases": ["0/a"]}),
    ]
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda place=place: found.append(asked[place % 5]().status))
        for place in range(100)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == [200] * 80 + [201] * 20
    for run in served.ask("GET", "api/runs").json[:20]:
        assert served.events(run["run"])[-1][1]["status"] == "done"
