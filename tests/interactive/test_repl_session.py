"""Consecutive inputs at the prompt: which ones stay in force and what is recomputed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.compile import Options
from voxgpu.diagnostics import ImgqlError, Source
from voxgpu.execution.events import Event, Finished, Started
from voxgpu.image import Image
from voxgpu.interactive.repl_session import ReplSession, Response
from voxgpu.session import open_session
from voxgpu.session_settings import SessionListeners, SessionSettings


class CountingRepl:
    """A REPL session that counts computed tasks."""

    def __init__(self, folder: Path) -> None:
        self.printed: list[str] = []
        self.computed: list[str] = []
        settings = SessionSettings(output=folder, keep_values=True)
        listeners = SessionListeners(
            lambda each: self.printed.append(str(each)), observe=self._observe
        )
        self.session = ReplSession(Options(output=folder), open_session(settings, listeners))

    def _observe(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.computed.extend(node.primitive.names[0] for _, node in event.task.nodes)

    def __call__(self, text: str) -> Response:
        return self.session.enter(Source("input", text))


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountingRepl:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    monkeypatch.chdir(tmp_path)
    return CountingRepl(tmp_path)


def _found(answer: Response) -> object:
    assert not any(each.is_error for each in answer.diagnostics), answer.diagnostics
    assert answer.result is not None
    ((_, value),) = answer.result.found
    return value


def test_declarations_stay(enter: CountingRepl) -> None:
    assert enter("let a = 1").accepted
    assert enter("f(x) = x + a").accepted
    assert enter("a = 10").accepted
    # A function body sees the bindings at the time of its definition.
    assert _found(enter("f(5)")) == 6
    assert _found(enter("a")) == 10
    assert enter.session.names == ["a", "f", "a"]


def test_a_line_with_an_error_is_discarded(enter: CountingRepl) -> None:
    enter("let a = 1")
    answer = enter("let b = a + missing")
    assert [each.code for each in answer.diagnostics] == ["E101"]
    assert not answer.accepted
    assert [each.code for each in enter("b").diagnostics] == ["E101"]
    assert _found(enter("a")) == 1


def test_errors_are_located_in_the_line(enter: CountingRepl) -> None:
    enter("let a = 1")
    (told,) = enter("let c = a + missing").diagnostics
    assert told.span is not None
    assert told.span.source.line_and_column(told.span.start) == (1, 13)


def test_nothing_is_computed_twice(enter: CountingRepl) -> None:
    enter('load v = "v.nii.gz"')
    enter("let m = v > 20")
    assert _found(enter("volume(near(m))")) == 60
    assert enter.computed.count("near") == 1
    before = len(enter.computed)
    assert _found(enter("volume(near(m))")) == 60
    assert len(enter.computed) == before
    _found(enter("volume(near(m) & m)"))
    assert enter.computed.count("near") == 1
    assert enter.computed.count("load") == 1


def test_prints_and_saves_run_once(enter: CountingRepl, tmp_path: Path) -> None:
    enter('load v = "v.nii.gz"')
    enter('print "max" max(v)')
    enter('save "out.nii.gz" v > 3')
    assert (tmp_path / "out.nii.gz").exists()
    (tmp_path / "out.nii.gz").unlink()
    _found(enter("1 + 1"))
    assert enter.printed == ["max=59"]
    assert not (tmp_path / "out.nii.gz").exists()


def test_expressions_of_every_type(enter: CountingRepl) -> None:
    enter('load v = "v.nii.gz"')
    assert isinstance(_found(enter("v")), Image)
    assert _found(enter('concat("a", "b")')) == "ab"
    assert _found(enter("[1, 2][0] = 1".replace(" = ", " == "))) is True
    assert _found(enter("for i in [1, 2] do i * 2")) == (2.0, 4.0)
    assert _found(enter("let q = 3 in q + 1")) == 4
    function = enter("near")
    assert str(function.type) == "function"
    assert function.result is None


def test_of_a_sequence_of_images_only_the_first_is_computed(enter: CountingRepl) -> None:
    enter('load v = "v.nii.gz"')
    answer = enter("for i in [58, 2, 3] do v > i // three")
    assert answer.lengths == (3,)
    found = _found(answer)
    assert isinstance(found, Image) and found.array.sum() == 1
    assert enter.computed.count(">") == 1
    nested = enter("[[v > 57, v]]".replace(", v]", ", v > 3]"))
    assert nested.lengths == (1, 2)
    assert enter.computed.count(">") == 2
    empty = enter("for i in range(0, 0) do v > i")
    assert empty.lengths == (0,)
    assert empty.result is not None and empty.result.found == ()


def test_failures_in_a_sequence_are_located_in_the_typed_text(enter: CountingRepl) -> None:
    enter('load v = "v.nii.gz"')
    (told,) = enter("for i in range(0, avg(v, v > 99)) do v > i").diagnostics
    assert told.code == "E301"
    assert told.message.startswith("`mask` has no true voxel")
    assert "input:1:19\n1 │ for i in range(0, avg(v, v > 99)) do v > i\n" in str(told)
    failing = enter("for i in [1] do v > avg(v, v > 99)")
    assert "input:1:21\n1 │ for i in [1] do v > avg(v, v > 99)\n" in str(failing.diagnostics[0])


def test_a_function_that_was_accepted_may_not_fit_later(enter: CountingRepl) -> None:
    assert enter("f(x) = near(x)").accepted
    (told,) = enter("f(5)").diagnostics
    assert told.code == "E102"
    assert "called here" in str(told)
    answer = enter('print "a" f(5)')
    assert not answer.accepted and [each.code for each in answer.diagnostics] == ["E102"]
    assert enter.printed == []


def test_a_deleted_file_is_reported(enter: CountingRepl, tmp_path: Path) -> None:
    enter('load v = "v.nii.gz"')
    (tmp_path / "v.nii.gz").unlink()
    assert [each.code for each in enter("max(v)").diagnostics] == ["E201"]


def test_warnings_are_reported_once(enter: CountingRepl, tmp_path: Path) -> None:
    (tmp_path / "odd.imgql").write_text("let odd = 1 - 2 - 3\n")
    assert [each.code for each in enter("let a = 5 - 2 - 1").diagnostics] == ["W101"]
    assert [each.code for each in enter('import "odd"').diagnostics] == ["W101"]
    assert enter("a + odd").diagnostics == ()
    assert [each.code for each in enter("5 - 2 - 1").diagnostics] == ["W101"]


def test_the_first_text_may_name_the_dialect(enter: CountingRepl) -> None:
    assert enter("// dialect: imgql1").accepted
    assert _found(enter("1 - 2 - 3")) == 2


def test_commands_after_an_expression_stay(enter: CountingRepl) -> None:
    answer = enter("1 + 1\nlet c = 3")
    assert answer.accepted and _found(answer) == 2
    assert _found(enter("c")) == 3


def test_values_that_decide_are_kept_too(enter: CountingRepl) -> None:
    enter('load v = "v.nii.gz"')
    assert _found(enter("length(range(0, max(v)))")) == 59
    assert enter.computed.count("max") == 1
    assert _found(enter("for i in range(0, max(v) - 57) do i")) == (0.0, 1.0)
    assert enter.computed.count("max") == 1


def test_a_failed_goal_is_reported(enter: CountingRepl) -> None:
    enter('load v = "v.nii.gz"')
    answer = enter('print "mean" avg(v, v > 1000)')
    assert [each.code for each in answer.diagnostics] == ["E301"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let a = [1,", True),
        ("f(x) =", True),
        ("for i in [1] do", True),
        ("(1 + 2", True),
        ("let q = 3 in", True),
        ("a + 1", False),
        ("1 + )", False),
        ("", False),
    ],
)
def test_incomplete_lines(enter: CountingRepl, text: str, expected: bool) -> None:
    assert enter.session.unfinished(text) is expected


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that import neighboring files."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "beside.imgql").write_text("let seven = 7\n")
    (folder / "first.imgql").write_text('import "beside"\nlet a = seven\nprint "a" a\n')
    (folder / "place.imgql").write_text('let place = "$dir"\nprint "stem" "$stem"\n')
    (folder / "other.imgql").write_text('let other = "$filename"\n')
    return folder


def test_loaded_programs_import_neighboring_files(enter: CountingRepl, programs: Path) -> None:
    assert enter.session.load(programs / "first.imgql").accepted
    assert _found(enter("a + seven")) == 14
    assert enter.printed == ["a=7"]


def test_variables_refer_to_the_program_that_uses_them(enter: CountingRepl, programs: Path) -> None:
    enter.session.load(programs / "first.imgql")
    enter.session.load(programs / "place.imgql")
    assert _found(enter("place")) == str(programs)
    assert _found(enter('"$filename"')) == "place.imgql"
    with pytest.raises(ImgqlError, match="which was loaded before"):
        enter.session.load(programs / "other.imgql")
    assert _found(enter("place")) == str(programs)
    enter.session.reset()
    assert enter.session.load(programs / "other.imgql").accepted
    assert enter.printed == ["a=7", "stem=place"]


def test_a_loaded_program_with_an_error_is_discarded(enter: CountingRepl, programs: Path) -> None:
    (programs / "wrong.imgql").write_text('let b = "$stem"\nlet c = missing\n')
    answer = enter.session.load(programs / "wrong.imgql")
    assert [each.code for each in answer.diagnostics] == ["E101"]
    assert [each.code for each in enter("b").diagnostics] == ["E101"]
    assert enter.session.load(programs / "other.imgql").accepted


def test_a_separate_program_reuses_known_values(enter: CountingRepl, programs: Path) -> None:
    enter('load v = "v.nii.gz"')
    _found(enter("max(v)"))
    (programs / "max.imgql").write_text('load w = "v.nii.gz"\nprint "m" max(w)\n')
    assert not enter.session.run(programs / "max.imgql").diagnostics
    assert enter.printed == ["m=59"]
    assert enter.computed.count("max") == 1
    assert enter.session.names == ["v"]


def test_an_interruption_keeps_the_session(
    enter: CountingRepl, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter('load v = "v.nii.gz"')
    enter("let m = v > 20")
    _found(enter("volume(m)"))
    observed = enter.session._session._runner._observe

    def interrupt(event: Event) -> None:
        observed(event)
        if isinstance(event, Started) and event.task.name == "near":
            raise KeyboardInterrupt

    monkeypatch.setattr(enter.session._session._runner, "_observe", interrupt)
    with pytest.raises(KeyboardInterrupt):
        enter('let n = near(m)\nprint "n" volume(n)')
    monkeypatch.setattr(enter.session._session._runner, "_observe", observed)
    assert [each.code for each in enter("n").diagnostics] == ["E101"]
    before = len(enter.computed)
    assert _found(enter("volume(m)")) == 39
    assert len(enter.computed) == before
    assert _found(enter("volume(near(m))")) == 60


def test_reset_forgets_everything(enter: CountingRepl) -> None:
    enter("let a = 1")
    enter.session.reset()
    assert enter.session.names == []
    assert [each.code for each in enter("a").diagnostics] == ["E101"]


def test_imports_and_operators_stay(enter: CountingRepl) -> None:
    assert enter('import "simpleitk"').accepted
    assert enter("let <+>(a, b) = a + b").accepted
    assert _found(enter("2 <+> 3")) == 5
    assert _found(enter('GetPixelIDValueFromString("sitkUInt8")')) == sitk.sitkUInt8
