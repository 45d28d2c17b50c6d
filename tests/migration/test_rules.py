"""Each rule finds its example and not the similar program beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.migration.examples import write_example
from tests.programs.inputs import write_inputs
from tests.programs.test_programs import CASES, Expectation
from voxgpu.compile import Compiled, Options, compile_program, read_source, unread
from voxgpu.migration.ancestor_names import NAMES_OF_1, NAMES_OF_2, NOT_REPLACED, REPLACED
from voxgpu.migration.differences import Difference, as_diagnostics, differences, rules
from voxgpu.migration.rule import Kind, Rule

EACH = [(rule, version) for rule in rules() for version in rule.versions]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


def _compiled(path: Path) -> Compiled:
    options = Options(define={"N": "3"}, writes=False)
    return compile_program(read_source(path), path, options, unread)


def _found(program: str, version: int, folder: Path) -> list[Difference]:
    return differences(_compiled(write_example(folder, program)), version)


def _ids(each: object) -> str:
    return each.name if isinstance(each, Rule) else str(each)


@pytest.mark.parametrize(("rule", "version"), EACH, ids=_ids)
def test_a_rule_finds_its_example(
    rule: Rule, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_example(tmp_path, rule.example)
    compiled = _compiled(path)
    here = [each.found for each in differences(compiled, version) if each.rule is rule]
    assert here, "it finds nothing"
    for found in here:
        assert found.here and found.there and found.remedy
        assert 0 <= found.span.start < found.span.stop
    assert bool(compiled.errors) == (rule.kind is Kind.REFUSED_HERE), compiled.errors


@pytest.mark.parametrize(("rule", "version"), EACH, ids=_ids)
def test_a_rule_leaves_the_similar_program_alone(
    rule: Rule, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compiled = _compiled(write_example(tmp_path, rule.without))
    assert not compiled.errors, compiled.errors
    found = [each for each in differences(compiled, version) if each.rule is rule]
    assert not found, [str(each.diagnostic) for each in found]


#: What the replacements of names are about.
_ABOUT = """
let v = ReadImage("v.nii.gz")
let w = v
let a = v > 3
let b = v > 4
let n = 3
let k = 4
let r = 2
let p = true
let q = false
let s = "s"
let t = "t"
let u = "u"
let xs = [1, 2]
let ys = [3, 4]
let labels = lcc(a)
let f(i) = i + 1
// file: v.nii.gz int16 4 4 3
"""


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_what_is_written_for_a_name_is_right(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    text = REPLACED[name]
    command = text if text.startswith("print") else f"let value = {text}"
    program = f'import "simpleitk"\n{_ABOUT}\n{command}\n'
    assert not _compiled(write_example(tmp_path, program)).errors
    used = f'import "simpleitk"\n{_ABOUT}\nlet value = {name}(v, 3)\n'
    found = _found(used, 2, tmp_path)
    assert "only-there" in [each.rule.name for each in found]


def test_names_that_nothing_replaces_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NOT_REPLACED:
        found = _found(f"{_ABOUT}\nlet value = {name}(v)\n", 2, tmp_path)
        (only,) = [each.found for each in found if each.rule.name == "only-there"]
        assert only.remedy == NOT_REPLACED[name]


def test_names_of_ancestors_are_names_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that both have is none of voxgpu alone, so every name in the lists must be known."""
    monkeypatch.chdir(tmp_path)
    plain = sorted(each for each in NAMES_OF_1 | NAMES_OF_2 if each[0].isalpha() and each != "B+")
    text = "".join(f"let value{i} = {each}\n" for i, each in enumerate(plain))
    program = f'import "RegionCalculus"\n{text}// file: v.nii.gz int16 4 4 3\n'
    compiled = _compiled(write_example(tmp_path, program))
    assert not [each for each in compiled.errors if each.code == "E101"]


def test_the_same_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = 'let v = ReadImage("v.nii.gz")\nprint "n" max(v / 7)\nprint "m" max(v / 9)\n'
    found = _found(f'import "simpleitk"\n{program}// file: v.nii.gz int16 4 4 3\n', 2, tmp_path)
    mine = [each for each in found if each.rule.name == "integer-voxels"]
    assert len(mine) == 2
    (told,) = as_diagnostics(mine)
    assert "likewise at 4:15" in str(told)
    assert "voxgpu computes in float32" in str(told)
    assert "VoxLogicA 2 divides int16 voxels as integers" in str(told)


def test_voxels_are_followed_through_functions_and_loops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = """import "simpleitk"
let half(i) = i / 2
let v = ReadImage("v.nii.gz")
let w = ReadImage("w.nii.gz")
print "fractions" max(half(intensity(v)))
print "integers" for i in [v, mask(v, v > 3)] do max(i + 1)
print "floats" for i in [w] do max(half(i))
print "kept" max(half(mask(v, v > 3)))
// file: v.nii.gz int16 4 4 3
// file: w.nii.gz float32 4 4 3
"""
    found = _found(program, 2, tmp_path)
    places = [
        each.found.span.source.line_and_column(each.found.span.start)
        for each in found
        if each.rule.name == "integer-voxels"
    ]
    assert places == [(2, 15), (6, 54)]
    without = program.replace('print "kept" max(half(mask(v, v > 3)))\n', "")
    kept = [each for each in _found(without, 2, tmp_path) if each.rule.name == "integer-voxels"]
    assert len(kept) == 1


def test_a_deep_program_is_followed(tmp_path: Path) -> None:
    text = "let f0(a) = a + 1\n"
    text += "".join(f"let f{i}(a) = f{i - 1}(a)\n" for i in range(1, 3000))
    found = _found(f'{text}print "n" f2999(3)\n', 2, tmp_path)
    assert [each.rule.name for each in found] == ["printed-text"]


@pytest.mark.slow
def test_programs_can_be_examined(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    seen = set()
    for path in CASES[::4]:
        define = Expectation(path.read_text()).pairs("define")
        options = Options(define=define, writes=False)
        compiled = compile_program(read_source(path), path, options, unread)
        for each in (*differences(compiled, 1), *differences(compiled, 2)):
            source = each.found.span.source
            assert not source.ours
            assert each.found.span.stop <= len(source.text)
            seen.add(each.rule.name)
    assert len(seen) > 0.6 * len(rules())
