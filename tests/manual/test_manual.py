"""Every name that a program can use has a signature, a meaning, and an example that is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.manual.inventory import bound_in, foreign_names, own_names
from tests.manual.trying import Images, calls, texts
from voxgpu.manual import NoSuchName, manual, named, namespace, search
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.documentation import Entry

EVERY = manual(standard_primitives())
_FORMS = ("command", "expression", "type", "sequence", "file")
WRITTEN = [each for each in EVERY if each.family in _FORMS]
CALLED = [each for each in EVERY if each not in WRITTEN]
IN_IMGQL = {*bound_in("stdlib"), *bound_in("RegionCalculus")}


def _ids(entry: Entry) -> str:
    return " ".join(entry.names)


def _is_whole(entry: Entry) -> bool:
    is_typed = any("->" in each for each in entry.signatures) or entry in WRITTEN
    return is_typed and bool(entry.summary) and ">>> " in entry.doc


def test_everything_is_explained() -> None:
    names = [*own_names(), *foreign_names()]
    every = [*EVERY, *namespace()]
    explained = {name: each for each in every for name in each.names}
    assert len(set(names)) > 500
    missing = sorted(set(names) - set(explained))
    assert not missing, "give them a signature, a text and an example"
    short = sorted({name for name in names if not _is_whole(explained[name])})
    assert not short, "a signature with types, a text, or an example is missing"


@pytest.mark.parametrize("entry", WRITTEN, ids=_ids)
def test_what_is_written_does_what_is_said(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    voxels = np.ones((2, 3, 4), np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), "head_flair.nii.gz")
    for text, expected in texts(entry):
        is_command = text.split()[0] in ("load", "print", "save", "import") or " in " not in text
        is_command &= text.startswith(("load", "let", "print", "save", "import"))
        own = text if is_command else f'print "value" {text}'
        result = voxgpu.run(f'load head = "head_flair.nii.gz"\n{own}\n')
        printed = "\n".join(map(str, result.prints)).removeprefix("value=")
        assert not result.errors
        assert printed == expected


def test_calls_in_examples_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples written in ImgQL have the stated values; primitives have their own tests."""
    monkeypatch.chdir(tmp_path)
    images = Images(tmp_path)
    goals: list[str] = []
    expected: dict[str, tuple[str, Any]] = {}
    for entry in CALLED:
        if not IN_IMGQL & {*entry.names}:
            continue
        for call, value in calls(entry, images):
            label = f"r{len(expected)}"
            expected[label] = (call, value)
            is_image = "-> image" in entry.signatures[0] or "of image" in entry.signatures[0]
            goals.append(f'save "{label}.nrrd" {call}' if is_image else f'print "{label}" {call}')
    program = "\n".join(['import "RegionCalculus"', *images.commands, *goals])
    result = voxgpu.run(program + "\n", output=tmp_path)
    assert not result.errors
    assert len(expected) >= 50
    printed = {each.label: each.value for each in result.prints}
    wrong = {}
    for label, (call, value) in expected.items():
        if label in printed:
            found = printed[label]
        elif (tmp_path / f"{label}.nrrd").exists():
            found = _rows(tmp_path / f"{label}.nrrd")
        else:
            found = [_rows(each) for each in sorted(tmp_path.glob(f"{label}_*.nrrd"))]
        if found != value:
            wrong[call] = found
    assert not wrong


def _rows(path: Path) -> list[Any]:
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)[0]
    if array.ndim == 2:
        return [tuple(each) for each in array.tolist()]
    return [bool(each) for each in array] if array.dtype == np.uint8 else array.tolist()


@pytest.mark.parametrize("dialect", ["imgql", "imgql1"])
def test_examples_of_primitives_are_programs(
    dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = Images(tmp_path)
    lines: list[str] = []
    for entry in CALLED:
        if entry.dialect in ("", dialect) and not IN_IMGQL & {*entry.names}:
            found = [call for call, _ in calls(entry, images)]
            assert found, entry.names
            lines += found
    bindings = [f"let example_{number} = {line}" for number, line in enumerate(lines)]
    program = f"// dialect: {dialect}\n" + "\n".join([*images.commands, *bindings])
    told = [each for each in voxgpu.check(program + "\n") if each.code in ("E100", "E101", "E102")]
    assert not told, "\n".join(map(str, told))


@pytest.mark.slow
def test_examples_of_simpleitk_are_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = sitk.GetImageFromArray(np.ones((8, 8, 8), np.float32))
    sitk.WriteImage(image, "v.nrrd")
    lines = [f'load {name} = "v.nrrd"' for name in "vwtuabcdefgh"]
    for entry in namespace():
        for text, _ in texts(entry):
            lines.append(f"let example_{len(lines)} = {text}")
    told = voxgpu.check("\n".join(lines) + "\n")
    wrong = [each for each in told if each.code in ("E100", "E101", "E102", "E103")]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("grow", "grow"),
        ("T", "touch"),
        ("B+", "B+"),
        ("print", "print"),
        ("$dir", "$cwd"),
        ("$CASE", "$cwd"),
        ("simpleitk.Median", "simpleitk.Median"),
        ("simpleitk.median", "simpleitk.Median"),
        ("Median", "simpleitk.Median"),
        ("otsuthreshold", "simpleitk.OtsuThreshold"),
        ("ReadImage", "simpleitk.ReadImage"),
        ("tpp", "tpp"),
        ("filter", "filter"),
        ("RegionCalculus", "p"),
        ("stdlib", "import"),
        ("image", "image"),
        ("bool", "number"),
        ("//", "//"),
    ],
)
def test_a_name_is_found(name: str, found: str) -> None:
    assert named(name, EVERY)[0].names[0] == found


def test_a_name_that_cannot_be_used_says_why() -> None:
    with pytest.raises(NoSuchName, match="takes a Transform"):
        named("simpleitk.Resample", EVERY)
    with pytest.raises(NoSuchName, match="did you mean `grow`"):
        named("grwo", EVERY)
    with pytest.raises(NoSuchName, match="no name"):
        named(" ", EVERY)
    with pytest.raises(NoSuchName) as caught:
        named("touhc", EVERY)
    assert str(caught.value).count("`touch`") == 1


def test_a_search_finds_what_means_the_same() -> None:
    found = [name for each in search("blur", [*EVERY, *namespace()]) for name in each.names]
    assert "smoothen" in found
    assert "simpleitk.SmoothingRecursiveGaussian" in found
    assert found.index("smoothen") < found.index("simpleitk.BinomialBlur")
    assert not search("zygomorphic", EVERY)


def _told(program: str) -> list[voxgpu.Diagnostic]:
    return [each for each in voxgpu.check(program + "\n") if each.is_error]


def test_names_that_exist_somewhere_are_not_called_unknown() -> None:
    foreign = [name.removeprefix("simpleitk.") for name in foreign_names()]
    known = {*own_names()}
    names = {n for each in foreign for n in (each, each.lower())} | {*bound_in("RegionCalculus")}
    # So many names of a program are looked up elsewhere.
    every = sorted(names - known)
    for start in range(0, len(every), 15):
        some = every[start : start + 15]
        told = _told("\n".join(f"let a{n} = {name}(1)" for n, name in enumerate(some)))
        assert len(told) == len(some)
        for name, each in zip(some, told, strict=True):
            assert each.code == "E101"
            assert "nothing is called" not in each.message, name
            assert "import" in each.help or "cannot be used" in each.message


@pytest.mark.parametrize(
    ("program", "message", "hint"),
    [
        ('print "a" a\nlet a = 1', "`a` is not in scope here", "for what follows"),
        ("let f(n) = n * f(n - 1)", "`f` is not bound yet within itself", "`for` and `fold`"),
        ("let f(n) = n\nlet b = n", "`n` is not in scope here", "a parameter of `f`"),
        ("let b = for i in [1] do i\nlet c = i", "`i` is not in scope here", "this expression"),
        ("let a = tpp(tt, tt)", "`tpp` is not in scope here", 'import "RegionCalculus"'),
        ("let a = acos(1)", "`acos` is not in scope here", "`simpleitk.Acos`, or `Acos` after"),
        ("let a = grwo(tt, tt)", "nothing is called `grwo`", "did you mean `grow`?"),
    ],
)
def test_where_a_name_is(program: str, message: str, hint: str) -> None:
    (told,) = _told(program)
    assert told.message == message
    assert hint in told.help


def test_a_wrong_number_of_arguments_shows_the_signature() -> None:
    unlimited = {"concat", "format_string"}
    names = [name for name in own_names() if name[0].isalpha() and len(name) > 1]
    unknown = {*bound_in("RegionCalculus"), "and", "or", "not"} - {"and", "or", "not"}
    words = {name for each in WRITTEN if each.family != "sequence" for name in each.names}
    chosen = sorted({*names} - unlimited - unknown - words - {"B+"})
    assert len(chosen) > 100
    lines = [f"let a{n} = {name}({', '.join('1' * 12)})" for n, name in enumerate(chosen)]
    told = _told("\n".join(lines))
    assert len(told) == len(chosen)
    for name, each in zip(chosen, told, strict=True):
        assert each.code == "E103", each
        plain = each.help.replace("simpleitk.", "")
        assert re.search(rf"\b{re.escape(name.removeprefix('simpleitk.'))}\(.*->", plain) or any(
            other in each.help for entry in EVERY if name in entry.names for other in entry.names
        ), f"{name}: {each.help}"


def test_a_wrong_number_of_arguments_of_ones_own_function() -> None:
    (told,) = _told("let f(a, b) = a + b\nlet c = f(1)")
    assert told.help == "write f(a, b)"
