"""Programs run from Python: results, errors, parameters, sessions."""

from __future__ import annotations

import inspect
import json
import pickle
import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu
from voxgpu.cli.run import command
from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.files.errors import FileError

VOXELS = np.random.default_rng(0).integers(0, 500, (8, 9, 10)).astype(np.int16)
IMAGES = {"v": VOXELS}
FAILING = 'load v = ""\nprint "a" avg(v, v > 1e9)\nprint "b" 1\nsave "m" v > 3'


def test_goals_that_fail_raise_with_what_the_others_came_to() -> None:
    with pytest.raises(voxgpu.GoalsFailed, match="no true voxel") as caught:
        voxgpu.run(FAILING, images=IMAGES)
    assert isinstance(caught.value, voxgpu.ImgqlError)
    assert set(caught.value.result.values) == {"b", "m"}
    result = voxgpu.run(FAILING, images=IMAGES, on_error="collect")
    assert not result.ok and [each.code for each in result.errors] == ["E301"]
    with pytest.raises(voxgpu.GoalsFailed):
        result.raise_for_errors()
    assert repr(result).startswith("<voxgpu.Result b=1, saved m, 1 failed, ")
    with pytest.raises(ValueError, match="on_error"):
        voxgpu.run(FAILING, images=IMAGES, on_error="ignore")


def test_values_by_kind() -> None:
    text = 'load v = ""\nprint "n" 2\nprint "t" 1 < 2\nprint "s" "x"\nprint "q" [1, 2]\nsave "i" v'
    result = voxgpu.run(text, images=IMAGES)
    assert result.ok and result.raise_for_errors() is result
    assert result.printed == {"n": 2, "t": True, "s": "x", "q": (1.0, 2.0)}
    assert result.numbers == {"n": 2}
    assert isinstance(result.values["i"], voxgpu.Image) and set(result.images) == {"i"}
    assert isinstance(result.saved[0].image, voxgpu.Image)


def test_a_result_is_read_by_name() -> None:
    result = voxgpu.run(FAILING, images=IMAGES, on_error="collect")
    assert result["b"] == 1 and np.array_equal(result["m"], VOXELS > 3)  # type: ignore[arg-type]
    assert dict(result) == result.values and list(result) == ["b", "m"] and "a" not in result
    with pytest.raises(voxgpu.ImgqlError, match="no true voxel"):
        result["a"]
    with pytest.raises(KeyError, match="'c' is not among what the program delivered: 'b', 'm'"):
        result["c"]
    assert set(result.keys()) == {"b", "m"} and bool(result)


def test_a_result_is_plain_data() -> None:
    text = FAILING + '\nprint "i" inf\nprint "q" [1, 2]'
    result = voxgpu.run(text, images=IMAGES, on_error="collect")
    data = json.loads(json.dumps(result.to_dict()))
    assert data["printed"] == {"b": 1, "i": "inf", "q": [1, 2]}
    assert data["saved"]["m"]["grid"]["shape"] == [8, 9, 10]
    assert "no true voxel" in data["errors"][0] and data["computed"] == result.computed


def test_a_result_shows_what_was_printed_and_saved() -> None:
    text = "".join(f'print "{number}" {number}\n' for number in range(10))
    assert "0=0, 1=1" in repr(voxgpu.run(text)) and "2 more printed" in repr(voxgpu.run(text))
    result = voxgpu.run(FAILING + '\nprint "<x>" "<y>"', images=IMAGES, on_error="collect")
    html = result._repr_html_()
    assert "&lt;x&gt;" in html and "data:image/png" in html and "no true voxel" in html
    assert "…" in repr(voxgpu.run('print "long" range(0, 99)'))
    assert repr(voxgpu.run("// nothing")).startswith("<voxgpu.Result 0.")


def test_errors_and_results_are_pickled() -> None:
    with pytest.raises(voxgpu.ImgqlError) as mistaken:
        voxgpu.run("print 1\nprint 2")
    with pytest.raises(voxgpu.GoalsFailed) as failed:
        voxgpu.run(FAILING, images=IMAGES)
    for error in (mistaken.value, failed.value):
        other = pickle.loads(pickle.dumps(error))
        assert type(other) is type(error) and str(other) == str(error)
        assert [each.code for each in other.diagnostics] == [e.code for e in error.diagnostics]
        assert str(other.diagnostics[0].span) == str(error.diagnostics[0].span)
    found = pickle.loads(pickle.dumps(failed.value)).result
    assert np.array_equal(found.images["m"], VOXELS > 3)


def _subclasses(kind: type) -> set[type]:
    return {kind} | {each for child in kind.__subclasses__() for each in _subclasses(child)}


def test_problems_that_processes_hand_over_are_pickled() -> None:
    span = Span(Source("p", "print 1"), 0, 5)
    errors = [
        voxgpu.ImgqlError([Diagnostic("E100", "what", span)]),
        FileError("a", "gone", "look", "write"),
    ]
    for error in errors:
        other = pickle.loads(pickle.dumps(error))
        assert str(other) == str(error) and type(other) is type(error)


@pytest.mark.parametrize(
    "path",
    ["gone.imgql", "cases/gone", "gone", "my program.imgql", "", "/", "a" * 5000, "~gone", "1 + 1",
     "/data/run=1/p.txt", "data/x=1/p", "say \"a\".txt", "a\0b"],
)  # fmt: skip
def test_a_path_that_is_no_file_is_no_program(path: str) -> None:
    with pytest.raises(voxgpu.ImgqlError, match="E109"):
        voxgpu.run(path)
    assert [each.code for each in voxgpu.check(path)] == ["E109"]
    with pytest.raises(voxgpu.ImgqlError, match="E109"):
        voxgpu.run(Path(path or "."))


@pytest.mark.parametrize("program", [None, 3, b'print "a" 1', ["p.imgql"]], ids=str)
def test_what_is_neither_path_nor_text_is_no_program(program: Any) -> None:
    with pytest.raises(TypeError, match="a program is a path or a text"):
        voxgpu.run(program)


@pytest.mark.parametrize(
    "text",
    ['print "x" 1', "a=1", 'print("x") 1', "// nothing", 'print "' + "y" * 9000 + '" 1',
     'print"x" 1', "f(a, b)=a", "++(a)=a", " a = 1", 'let a = "x"', "n.m=2"],
)  # fmt: skip
def test_a_program_of_one_line_is_a_program(text: str) -> None:
    assert voxgpu.run(text).ok


def test_files_are_programs_however_they_are_named(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("p", "let x=1", "p.imgql", "print a"):
        Path(name).write_text('print "here" 1')
        assert voxgpu.run(name).numbers == {"here": 1.0}
    assert voxgpu.run("~/p").numbers == voxgpu.run(Path("~/p")).numbers == {"here": 1.0}


def test_without_output_nothing_is_written_or_checked(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "there.nii").mkdir()
    monkeypatch.chdir(tmp_path)
    names = ["there.nii", "no suffix", "/no/such/folder/a.nii", "a.what", "c.png"]
    text = 'load v = ""\n' + "".join(f'save "{name}" v\n' for name in names)
    result = voxgpu.run(text, images=IMAGES, write_roots=[tmp_path / "elsewhere"])
    assert list(result.images) == names and not result.warnings
    assert [each.name for each in tmp_path.iterdir()] == ["there.nii"]
    with pytest.raises(voxgpu.ImgqlError):
        voxgpu.run(text, images=IMAGES, output=tmp_path)


def test_an_image_for_a_name_that_is_not_loaded_is_told() -> None:
    with pytest.raises(voxgpu.ImgqlError, match="did you mean `flair`"):
        voxgpu.run('load flair = "a.nii"', images={"fliar": VOXELS})
    with pytest.raises(voxgpu.ImgqlError, match="E402"):
        voxgpu.run('print "x" 1', images=IMAGES)
    assert not voxgpu.check('load v = "gone.nii"\nprint "n" max(v)', images=IMAGES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": "4Q"}, {"memory": 0}, {"device_memory": "x"}, {"store_budget": "-1"},
        {"keep": "some"}, {"device": "tpu"}, {"threads": 0}, {"same_grid": "yes"},
        {"dialect": "c"}, {"nifti_form": "x"}, {"grid_tolerance": 1},
    ],
    ids=str,
)  # fmt: skip
def test_parameters_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        voxgpu.run('print "a" 1', **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": None}, {"device": 0}, {"threads": 1.5}, {"threads": "2"}, {"memory": "x"},
        {"grid_tolerance": "a"}, {"memory": float("nan")}, {"images": [1]}, {"images": VOXELS},
        {"images": {3: VOXELS}}, {"define": [("X", 1)]}, {"define": "X=1"}, {"define": {"X": None}},
        {"define": {"X": [1]}}, {"define": {"X": 1j}}, {"define": {"X": b"1"}}, {"progress": 3},
        {"series": 3}, {"read_roots": None}, {"read_roots": Path("/data")}, {"dialect": "imgql3"},
    ],
    ids=lambda wrong: f"{next(iter(wrong))}-{type(next(iter(wrong.values()))).__name__}",
)  # fmt: skip
def test_parameters_of_another_kind(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises((TypeError, ValueError), match=f"{name}|no size|device"):
        voxgpu.run('load v = "no such file"\nprint "a" max(v)', **{"images": IMAGES, **wrong})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.bool_(True), True), (True, True), (np.float32(0.1), float(np.float32(0.1))), (3, 3.0),
     (np.int16(-4), -4.0), (Fraction(1, 4), 0.25), (Decimal("0.1"), 0.1), (np.array(2.5), 2.5),
     (Path("a/b"), "a/b"), (np.str_("x"), "x"), (float("-inf"), float("-inf"))],
    ids=repr,
)  # fmt: skip
def test_variables_of_every_kind(value: Any, expected: Any) -> None:
    found = voxgpu.run('print "x" $X', define={"X": value}).values["x"]
    assert found == expected and type(found) is type(expected)


def test_a_string_is_no_list_of_paths() -> None:
    with pytest.raises(TypeError, match="read_roots"):
        voxgpu.run('print "a" 1', read_roots="/data")


def test_everything_that_the_command_line_has_is_a_parameter() -> None:
    names = {"read_root": "read_roots", "write_root": "write_roots"}
    #: Options about output besides results.
    terminal = {"as_json", "quiet", "verbose", "log", "profile", "trace", "help"}
    terminal |= {"report", "report_data"}
    options = {names.get(str(each.name), each.name) for each in command.params} - terminal
    assert options <= set(inspect.signature(voxgpu.run).parameters)
    session = inspect.signature(voxgpu.Session.run).parameters
    both = set(inspect.signature(voxgpu.Session).parameters) | set(session)
    assert set(inspect.signature(voxgpu.run).parameters) <= both


def test_progress_is_told_and_may_end_the_run(tmp_path: Path) -> None:
    told: list[voxgpu.Progress] = []
    voxgpu.run('load v = ""\nprint "n" volume(lcc(v > 9) > 0)', images=IMAGES, progress=told.append)
    assert told and all(0 <= each.done < each.total for each in told)

    class Enough(Exception):
        pass

    def end(_: voxgpu.Progress) -> None:
        raise Enough

    with pytest.raises(Enough):
        voxgpu.run('load v = ""\nprint "n" volume(v > 9)', images=IMAGES, progress=end)


def test_memory_in_words_and_shared_stores(tmp_path: Path) -> None:
    program = 'load v = ""\nprint "n" volume(near(v > 9))'
    shared = {"store_shared": tmp_path / "shared", "keep": "all", "memory": "1.5GiB"}
    first = voxgpu.run(program, images=IMAGES, **shared)  # type: ignore[arg-type]
    again = voxgpu.run(program, images=IMAGES, **shared)  # type: ignore[arg-type]
    assert first.reused == 0 and again.reused == 1 and first.values == again.values


def test_a_session_computes_nothing_twice() -> None:
    program = 'load v = ""\nlet b = near(v > $L)\nprint "n" volume(b)\nsave "b" b'
    with voxgpu.Session(device="cpu", threads=2) as session:
        first = session.run(program, {"L": 490}, images=IMAGES)
        other = session.run(program, {"L": 495}, images=IMAGES)
        again = session.run(program, {"L": 490}, images=IMAGES)
        assert first.computed > other.computed > again.computed == 0
        assert again.numbers == first.numbers and other.numbers != first.numbers
    assert repr(session) == "<voxgpu.Session, closed>"
    with pytest.raises(RuntimeError, match="closed"):
        session.run(program, {"L": 490}, images=IMAGES)
    session.close()


def test_results_of_a_session_cannot_be_made_writable() -> None:
    text = 'load v = ""\nsave "o" v + 1\nsave "m" v > 3'
    with voxgpu.Session() as session:
        for name in ("o", "m"):
            array = session.run(text, images=IMAGES).images[name].array
            with pytest.raises(ValueError):
                array[0] = 0
            with pytest.raises(ValueError):
                array.setflags(write=True)
            assert not np.asarray(array.base).flags.writeable
        assert np.array_equal(session.run(text, images=IMAGES).images["o"], VOXELS + 1)


def test_a_session_goes_on_after_mistakes() -> None:
    with voxgpu.Session() as session:
        for wrong in (FAILING, "print 1\nprint 2", 'load v = "gone.nii"\nprint "n" max(v)'):
            with pytest.raises(voxgpu.ImgqlError):
                session.run(wrong, images=IMAGES if "v" in wrong and "gone" not in wrong else None)
        result = session.run('load v = ""\nprint "n" max(v)', images=IMAGES)
        assert result.numbers == {"n": float(VOXELS.max())} and not result.warnings

        def nest(_: voxgpu.Progress) -> None:
            session.run('print "x" 1')

        with pytest.raises(RuntimeError, match="progress"):
            session.run('load v = ""\nprint "n" min(v)', images=IMAGES, progress=nest)
        assert session.run('print "x" 1').ok


def test_threads_share_a_session(tmp_path: Path) -> None:
    found: dict[int, Any] = {}
    program = 'load v = ""\nprint "n" volume(near(v > $L))\nsave "b.nii" v > $L'
    with voxgpu.Session() as session:

        def work(level: int) -> None:
            out = tmp_path / str(level)
            for _ in range(3):
                found[level] = session.run(program, {"L": level}, out, images=IMAGES)

        threads = [threading.Thread(target=work, args=(level,)) for level in range(100, 420, 40)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(found) == 8
    for level, result in found.items():
        assert np.array_equal(result.images["b.nii"], level < VOXELS)
        assert result.saved[0].path == tmp_path / str(level) / "b.nii"
        alone = voxgpu.run(program, {"L": level}, images=IMAGES)
        assert alone.numbers == result.numbers
