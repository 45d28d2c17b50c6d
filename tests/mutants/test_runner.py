"""Faults of a small project are noticed, or not, and found again by the next run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.__main__ import run
from tests.mutants.faults import Fault
from tests.mutants.page import page
from tests.mutants.results import Result, read_results, rewrite
from tests.mutants.running import Tests, covers

PRODUCT = """\
def larger(a, b):
    return a if a > b else b


def rounded(number):
    return int(number + 0.5)
"""

TESTS = """\
import pytest

from product import larger, rounded


@pytest.mark.parametrize("pair", [(1, 2), (2, 1)])
def test_larger(pair):
    assert larger(*pair) == 2


def test_rounded():
    assert rounded(2.6) == 3


def test_that_fails():
    assert larger(1, 2) == 1
"""

NOTICED = ("larger is smaller", "a if a > b", "a if a < b", "test_larger[pair1]")
SURVIVES = ("one is the other of equals", "a > b", "a >= b", "test_larger")
CRASHES = ("rounding crashes", "return int", "__import__('os').abort(); return int", "test_rounded")
BROKEN = ("it is no program", "def rounded(number):", "def rounded(number:", "test_rounded")
UNKNOWN = ("its test fails anyway", "a > b", "b > a", "test_that_fails")


def _fault(what: str, old: str, new: str, test: str, survives: str = "") -> Fault:
    tests = (f"tests/test_product.py::{test}",)
    return Fault("cpu", what, "product.py", old, new, tests, survives)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "product.py").write_text(PRODUCT)
    (folder / "tests" / "test_product.py").write_text(TESTS)
    return folder


def test_what_becomes_of_faults(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "results.jsonl"
    faults = [_fault(*each) for each in (NOTICED, SURVIVES, CRASHES, BROKEN, UNKNOWN)]
    assert run(faults, project, tmp_path / "work", journal) == 1
    found = read_results(journal)
    assert {name: each.noticed for name, each in found.items()} == {
        "product.py: larger is smaller": True,
        "product.py: one is the other of equals": False,
        "product.py: rounding crashes": True,
    }
    noticed = found["product.py: larger is smaller"]
    assert noticed.by == "tests/test_product.py::test_larger[pair1]"
    assert noticed.how == "AssertionError"
    assert found["product.py: rounding crashes"].how == "the process ends by SIGABRT"
    told = capsys.readouterr().out
    assert "tests cannot be run with product.py: it is no program" in told
    assert "these do not pass: tests/test_product.py::test_that_fails" in told
    copy = tmp_path / "work" / "tree" / "product.py"
    assert copy.read_text() == (project / "product.py").read_text() == PRODUCT

    argued = [_fault(*NOTICED), _fault(*SURVIVES, "equal numbers cannot be told apart")]
    assert run(argued, project, tmp_path / "work", journal) == 0
    assert "2 of 2 faults are known" in capsys.readouterr().out

    # What has changed is run again, and a line that was cut off counts for nothing.
    (project / "product.py").write_text(PRODUCT + "\n")
    journal.write_text(journal.read_text() + '{"name": "cut')
    assert run(argued[:1], project, tmp_path / "work", journal) == 0
    assert "0 of 1 faults are known" in capsys.readouterr().out
    assert read_results(journal)[noticed.name].content != noticed.content


def test_tests_that_do_not_end_have_noticed(project: Path, tmp_path: Path) -> None:
    (project / "product.py").write_text("while True:\n    pass\n")
    ended = Tests(project, tmp_path / "work", 3).run(["tests/test_product.py"])
    assert ended.failed and ended.how == "no end after 3 s"


def test_a_text_that_occurs_twice_or_not_at_all_is_refused() -> None:
    for old in ("a", "nowhere"):
        with pytest.raises(ValueError, match=r"product\.py: .* occurs \d times"):
            _fault("anything", old, "b", "test_larger").planted_in(PRODUCT)


def test_kernels_of_faulty_compilers_are_not_kept() -> None:
    for file, is_alone in (("numba_kernels", True), ("jit", True), ("llvm_renderer", False)):
        fault = Fault("codegen", "anything", f"voxgpu/codegen/{file}.py", "a", "b", ("tests/x.py",))
        assert fault.needs_empty_caches is is_alone  # else the faulty text is the key


def test_which_tests_are_part_of_which() -> None:
    node = "tests/a/test_b.py::test_c[d-e]"
    for asked in ("tests/a", "tests/a/test_b.py", "tests/a/test_b.py::test_c", node):
        assert covers(asked, node)
    for asked in ("tests/a/test_b", "tests/a/test_b.py::test", "tests/a/test_b.py::test_c[d]"):
        assert not covers(asked, node)


def test_lines_are_in_the_order_of_the_table(tmp_path: Path) -> None:
    faults = [_fault(*NOTICED), _fault(*SURVIVES, "why `not` | at all")]
    found = [
        Result(each.name, each.digest, "", not each.survives, "tests/x.py::y", "Error", 1.0)
        for each in faults
    ]
    path = tmp_path / "results.jsonl"
    rewrite(path, faults, {each.name: each for each in reversed(found)})
    assert list(read_results(path).values()) == found
    text = page(faults, read_results(path))
    assert "| **all** | 2 | 1 (50 %) | 1 | 0 |" in text
    assert "| `product.py` | one is the other of equals | why `not` | at all |" in text
