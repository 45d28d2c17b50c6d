"""Lazy values: the same plan nodes as in ImgQL, the same errors, with lines of Python."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu as vx
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.python.lazy.evaluate import compiled
from voxgpu.python.lazy.names import functions, library, methods
from voxgpu.python.lazy.stubs import FILE, text

VOXELS = np.random.default_rng(0).integers(0, 500, (6, 7, 8)).astype(np.int16)
IMAGE = vx.Image.from_array(VOXELS, spacing=(2, 1, 1))

#: Lazy values of an image, and the ImgQL expression with the same meaning.
EXPRESSIONS: list[tuple[str, str]] = [
    ("v < 100", "v < 100"),
    ("100 > v", "v < 100"),
    ("-v + 1.5", "-v + 1.5"),
    ("2 - v * v / 3", "2 - v * v / 3"),
    ("v ** 2", "v ^ 2"),
    ("abs(v - 250)", "abs(v - 250)"),
    ("v == -3", "v == -3"),
    ("(v != 7) & ~(v > 9)", "(v != 7) & !(v > 9)"),
    ("(v >= 9) | (v <= 3)", "v >= 9 | v <= 3"),
    ("(v > 9) ^ (v > 30)", "xor(v > 9, v > 30)"),
    ("~vx.touch(v < 100, vx.border())", "!touch(v < 100, border)"),
    ("vx.grow(v > 400, v > 300)", "grow(v > 400, v > 300)"),
    ("(v > 400).grow(v > 300).near()", "near(grow(v > 400, v > 300))"),
    ("vx.volume(v > 3)", "volume(v > 3)"),
    ("vx.avg(mask=v > 100, v=v)", "avg(v, v > 100)"),
    ("v.max() * 2 + 1", "max(v) * 2 + 1"),
    ("v > v.max() / 2", "v > max(v) / 2"),
    ("vx.smoothen(v > 300, 2.0)", "smoothen(v > 300, 2.0)"),
    ("vx.distleq(2, v > 400)", "distleq(2, v > 400)"),
    ("vx.percentiles(v, v > 50, 0) > 0.9", "percentiles(v, v > 50, 0) > 0.9"),
    ("vx.tt() & (v > 3)", "tt & v > 3"),
    ("vx.apply('~>', v > 3, v > 400)", "(v > 3) ~> (v > 400)"),
    ("vx.apply('B+', v > 400)", "B+(v > 400)"),
    ("vx.N(v > 400)", "N (v > 400)"),
    ("vx.RegionCalculus.po(v > 3, v > 9)", 'po(v > 3, v > 9)'),
    ("vx.simpleitk.Median(v, [1, 1, 1])", "simpleitk.Median(v, [1, 1, 1])"),
    ("vx.extract(v, index=[0, 0, 0], size=[2, 2, 2])", "extract(v, [2, 2, 2], [0, 0, 0])"),
    ("vx.components(v > 480)[0]", "components(v > 480)[0]"),
    ("vx.components(v > 480)[1:3]", "components(v > 480)[1:3]"),
    ("vx.length(vx.components(v > 480))", "length(components(v > 480))"),
    ("vx.median([1, 2, v.max()])", "median([1, 2, max(v)])"),
    ("vx.format_string('%s', v.max())", 'format_string("%s", max(v))'),
    ("vx.map(lambda c: vx.volume(c), vx.components(v > 480))",
     "for c in components(v > 480) do volume(c)"),
    ("vx.filter(lambda c: vx.volume(c) > 1, vx.components(v > 480))",
     "filter c in components(v > 480) do volume(c) .>. 1"),
    ("vx.map(lambda a: vx.map(lambda b: (a + b) * (a + b) + a, [1, 2]), [3, 4])",
     "for a in [3, 4] do for b in [1, 2] do (a + b) * (a + b) + a"),
    ("vx.fold(max, vx.map(lambda c: vx.volume(c), vx.components(v > 480)))",
     "fold max (for c in components(v > 480) do volume(c))"),
    ("vx.fold('+', 0, [v.max(), v.min()])", "fold + 0 [max(v), min(v)]"),
    ("vx.if_then_else(v.max() > 3, v > 3, v > 4)", "if max(v) > 3 then v > 3 else v > 4"),
]  # fmt: skip


def lazy(code: str, v: vx.LazyValue) -> vx.LazyValue:
    value: vx.LazyValue = eval(code, {"vx": vx, "v": v, "max": vx.max})
    return value


def ids(plan: Any) -> tuple[list[str], set[str]]:
    return [goal.value for goal in plan.goals], set(plan.nodes)


def _program(expression: str, goal: str) -> str:
    begin = 'import "RegionCalculus"\n' if "po(" in expression else ""
    return f'{begin}load v = ""\nlet wanted = {expression}\n{goal}'


def digest_of(header: Any) -> str:
    return header.in_memory.digest  # type: ignore[no-any-return]


@pytest.mark.parametrize(("code", "expression"), EXPRESSIONS, ids=lambda each: each[:40])
def test_lazy_values_are_the_nodes_of_imgql(code: str, expression: str) -> None:
    value = lazy(code, vx.from_array(VOXELS, spacing=(2, 1, 1)))
    plan = compiled([value._term], digest_of).plan
    options = Options(images={"v": IMAGE}, output=None)
    for goal in ('save "wanted.nii" wanted', 'print "wanted" wanted'):
        source = Source("p", _program(expression, goal))
        program = compile_program(source, None, options, digest_of, ask=None)
        if not program.errors:
            break
    assert not program.errors
    if len(program.plan.goals) == 1:
        assert ids(plan) == ids(program.plan)
        return
    with vx.Session(device="cpu", threads=1) as session:  # sequences that depend on the image
        value.compute()
        again = session.run(source.text, images={"v": IMAGE})
    assert again.computed == 0 and again.ok


def test_lazy_values_have_the_values_of_imgql() -> None:
    flair = vx.from_array(VOXELS, spacing=(2, 1, 1))
    brain = ~vx.touch(flair < 100, vx.border())
    tumor = vx.grow(brain & (flair > 450), brain & (flair > 300))
    text = """load flair = ""
let brain = !touch(flair < 100, border)
let tumor = grow(brain & flair > 450, brain & flair > 300)
save "tumor" tumor
print "volume" volume(tumor)"""
    expected = vx.run(text, images={"flair": IMAGE})
    with vx.Session(device="cpu", threads=1) as session:
        image, volume = vx.compute(tumor, tumor.volume())
        assert np.array_equal(image.array, expected.images["tumor"].array)
        assert image.grid == IMAGE.grid == tumor.grid and volume == expected.numbers["volume"]
        assert float(tumor.volume()) == volume and int(tumor.volume()) == volume
        assert np.asarray(tumor).dtype == bool and np.asarray(tumor).sum() == volume
        assert np.asarray(flair, np.float64).dtype == np.float64
        assert session.run(text, images={"flair": IMAGE}).computed == 0
        with pytest.raises(ValueError):
            image.array[0] = True  # later values use it


def _place(function: Callable[[], object]) -> tuple[vx.ImgqlError, str]:
    """The error that a function raises, and the code that it points to."""
    with pytest.raises(vx.ImgqlError) as caught:
        function()
    span = caught.value.diagnostics[0].span
    assert span is not None and span.source.name == __file__
    return caught.value, span.source.text[span.start : span.stop]


def test_errors_point_to_lines_of_python() -> None:
    flair = vx.from_array(VOXELS)
    ünïcode = "é"
    wrong = vx.grow(flair, flair > 3)
    error, place = _place(lambda: wrong.compute())
    assert place == "vx.grow(flair, flair > 3)" and error.diagnostics[0].code == "E102"
    missing = [ünïcode, vx.load(f"no {ünïcode}.nii") + 1]
    error, place = _place(lambda: vx.compute(missing[1]))
    assert place == 'vx.load(f"no {ünïcode}.nii")' and "no such file" in str(error)
    other = vx.from_array(VOXELS, spacing=(3, 3, 3))
    both = (flair > 3) & (other > 3)
    error, place = _place(lambda: both.volume().compute())
    assert place == "(flair > 3) & (other > 3)" and error.diagnostics[0].code == "E105"
    mean = flair.avg(flair > 1e9)
    error, place = _place(lambda: float(mean))
    assert place == "flair.avg(flair > 1e9)" and isinstance(error, vx.GoalsFailed)
    unknown = vx.apply("tuch", flair > 3, flair > 9)
    error, place = _place(lambda: unknown.compute())
    assert "did you mean `touch`" in str(error)


def test_errors_of_code_without_a_file() -> None:
    names: dict[str, Any] = {"vx": vx, "v": vx.from_array(VOXELS)}
    exec("\n\nwrong = vx.near(v)", names)
    with pytest.raises(vx.ImgqlError, match="<string>:3:1"):
        names["wrong"].compute()


def test_errors_are_raised_or_collected() -> None:
    flair = vx.from_array(VOXELS)
    wrong, right = flair.avg(flair > 1e9), flair.max()
    found, number = vx.compute(wrong, right, on_error="collect")
    assert isinstance(found, vx.ImgqlError) and found.diagnostics[0].code == "E301"
    assert number == VOXELS.max()
    with pytest.raises(vx.GoalsFailed) as caught:
        vx.compute(wrong, right)
    assert "`value 1` failed" in str(caught.value)
    with pytest.raises(ValueError, match="on_error"):
        vx.compute(right, on_error="ignore")
    assert vx.compute() == ()


def _raises(value: Callable[[], object]) -> str:
    with pytest.raises(TypeError) as caught:
        value()
    return str(caught.value)


def test_what_python_decides_is_refused_with_what_to_write() -> None:
    v = vx.from_array(VOXELS)
    a, b = v > 3, v < 9
    for wrong in (
        lambda: a and b,
        lambda: a or b,
        lambda: not a,
        lambda: 1 < v < 3,
        lambda: 1 if a else 2,
        lambda: bool(v.max() > 3),
    ):
        assert "a & b      for  a and b" in _raises(wrong)
    assert "vx.length" in _raises(lambda: len(vx.components(a)))
    for wrong in (lambda: list(v), lambda: 3 in v, lambda: [*v]):  # type: ignore[operator,misc]
        assert "LazyValue" in _raises(wrong)
    assert "no step" in _raises(lambda: vx.components(a)[::2])
    assert "a number is needed" in _raises(lambda: float(v))
    assert "an image is needed" in _raises(lambda: v.max().to_sitk())
    assert "whole numbers" in _raises(lambda: round(v, 2))  # type: ignore[arg-type]


def test_values_of_other_kinds_are_refused() -> None:
    v = vx.from_array(VOXELS)
    nothing: Any = None
    assert "unsupported operand" in _raises(lambda: v + nothing)
    assert "unsupported operand" in _raises(lambda: {} & v)
    assert "like=image" in _raises(lambda: (v > 3) & (VOXELS > 3))
    assert "like=image" in _raises(lambda: (VOXELS > 3) & (v > 3))
    assert "argument 2 of grow: an array" in _raises(lambda: vx.grow(v > 3, VOXELS > 3))
    assert "argument 1 of near: NoneType" in _raises(lambda: vx.near(nothing))
    assert "complex" in _raises(lambda: vx.compute(1j))
    assert "2**53" in _raises(lambda: vx.compute(2**60 + 1))
    assert "takes no argument named masks" in _raises(lambda: vx.avg(v, masks=v))  # type: ignore
    assert "no sequence" in _raises(lambda: vx.median({1, 2}))
    assert (v == nothing) is False and hash(v) == hash(v)
    name: Any = 3
    assert "a function has a name" in _raises(lambda: vx.apply(name))
    assert "functools.reduce" in _raises(lambda: vx.fold(lambda a, b: a, [1]))


def test_numbers_of_numpy_and_python_are_alike() -> None:
    v = vx.from_array(VOXELS)
    numbers: list[Any] = [100, 100.0, np.int16(100), np.float32(100), np.array(100)]
    values = [compiled([(v < each)._term], digest_of).plan.goals[0].value for each in numbers]
    values += [compiled([(each > v)._term], digest_of).plan.goals[0].value for each in numbers]
    assert len(set(values)) == 1
    assert vx.compute([1, 2.5], np.arange(3), True, "x", -0.5, float("inf")) == (
        (1.0, 2.5), (0.0, 1.0, 2.0), True, "x", -0.5, float("inf")
    )  # fmt: skip


def test_files_are_loaded_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    v = vx.from_array(VOXELS, spacing=(2, 1, 1), origin=(1, 2, 3))
    assert v.save("v.nii.gz") == tmp_path / "v.nii.gz"
    loaded = vx.load(Path("v.nii.gz"))
    assert np.array_equal(loaded, VOXELS) and loaded.grid.origin == (1, 2, 3)
    result = vx.save({"a.nii": loaded > 3, "sub/b.nrrd": loaded + 1})
    assert [each.path for each in result.saved] == [tmp_path / "a.nii", tmp_path / "sub/b.nrrd"]
    parts = vx.components(loaded > 480)[0:2].save("part.nii")
    assert parts == (tmp_path / "part_0.nii", tmp_path / "part_1.nii")
    (tmp_path / "v.nii.gz").unlink()
    (loaded > 5).volume()
    with pytest.raises(vx.ImgqlError, match="E202"):
        v.save("v.what")
    with pytest.raises(vx.ImgqlError, match="`save` writes images"):
        v.max().save("v.nii")
    with pytest.raises(TypeError, match="images by name"):
        vx.save(v)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a path is"):
        vx.load(b"v.nii")  # type: ignore[arg-type]


def test_values_are_of_no_session() -> None:
    v = vx.from_array(VOXELS)
    with vx.Session(device="cpu", threads=1) as session:
        assert v.max().compute() == VOXELS.max()
    with pytest.raises(RuntimeError, match="closed"):
        v.max().compute(session=session)
    assert v.max().compute() == VOXELS.max()
    with vx.Session(device="cpu", threads=1) as outer:
        with vx.Session(device="reference") as inner:
            v.min().compute()
            assert inner.run('load v = ""\nprint "m" min(v)', images={"v": VOXELS}).computed == 0
        v.min().compute()
        assert outer.run('load v = ""\nprint "m" min(v)', images={"v": VOXELS}).computed == 0
    with pytest.raises(TypeError, match=r"voxgpu\.Session"):
        v.max().compute(session="cpu")  # type: ignore[arg-type]


def test_the_default_session_is_configured(tmp_path: Path) -> None:
    v = vx.from_array(VOXELS)
    try:
        vx.configure(device="cpu", threads=1, store=tmp_path / "store", keep="all")
        assert v.max().compute() == VOXELS.max()
        with pytest.raises(ValueError, match="keep"):
            vx.configure(keep="some")
        vx.configure(device="cpu", threads=1, store=tmp_path / "store", keep="all")
        program = 'load v = ""\nprint "m" max(v)'
        again = vx.run(program, images={"v": VOXELS}, store=tmp_path / "store")
        assert again.reused == 1 and again.computed == 0
    finally:
        vx.configure()


def test_every_function_has_a_name_and_a_text() -> None:
    assert len(functions()) > 120
    for name in functions():
        function = getattr(vx, name)
        assert function.__name__ == name and function.__doc__, name
    public = set(dir(vx.LazyValue)) | {"compute", "save"}
    assert not {name for name in methods() if name in public}
    assert not set(functions()) & set(vx.__all__)
    package = Path(vx.__file__).parent
    taken = {path.stem for path in package.iterdir()}
    assert not set(functions()) & taken, "a module would hide the function"
    assert (
        "grow" in dir(vx)
        and "grow" in dir(vx.from_array(VOXELS))
        and "po" in dir(vx.RegionCalculus)
    )
    assert library("simpleitk") and "Median" in dir(vx.simpleitk)
    with pytest.raises(AttributeError, match="did you mean touch"):
        vx.from_array(VOXELS).tuch()  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'tuch'"):
        vx.tuch  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no function Tuch"):
        vx.simpleitk.__class__.__getattr__(vx.simpleitk, "Tuch")


def test_types_of_functions_are_those_of_the_manual() -> None:
    hint = "python -m voxgpu.python.lazy.stubs"
    assert FILE.read_text("utf-8") == text(), f"functions.pyi is not up to date: {hint}"
    names = {each.name for each in ast.walk(ast.parse(text())) if isinstance(each, ast.FunctionDef)}
    assert set(functions()) <= names


def test_a_value_shows_its_outermost_operations() -> None:
    v = vx.load("flair.nii.gz")
    assert repr(v) == "<voxgpu.LazyValue flair>"
    deep = v
    for _ in range(5000):
        deep = deep + 1
    assert repr(deep) == "<voxgpu.LazyValue (((… + 1) + 1) + 1)>"
    assert repr(vx.map(lambda c: c.volume(), vx.components(v > 3))).endswith("volume(item))>")


def test_long_chains_and_shared_values_stay_small() -> None:
    total: Any = 1.0
    for _ in range(3000):
        total = total + vx.from_array(VOXELS).max() * 0
    number: Any = vx.from_array(VOXELS[:2]).max()
    for _ in range(200):
        number = number + number  # as text, 2 to the power of 200 terms
    long, shared = vx.compute(total, number)
    assert long == 1 and shared == VOXELS[:2].max() * 2.0**200
