"""The table of planted faults fits the repository, and the page and the results fit the table."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.faults import AREAS, FOLDER, read_faults
from tests.mutants.page import PAGE, page
from tests.mutants.results import read_results

ROOT = Path(__file__).resolve().parents[2]
FAULTS = read_faults()
UPDATE = "python -m tests.mutants writes results and the page anew"


def test_there_are_enough_faults_of_every_part() -> None:
    assert len(FAULTS) >= 150
    assert {each.stem for each in FOLDER.glob("*.toml")} == set(AREAS)
    assert {each.area for each in FAULTS} == set(AREAS)
    assert len({each.name for each in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("area", AREAS)
def test_each_fault_changes_one_place(area: str) -> None:
    """Code that is changed takes its faults along: the table must name the new text."""
    for fault in FAULTS:
        if fault.area == area:
            text = (ROOT / fault.file).read_text("utf-8")
            assert fault.planted_in(text) != text, fault.name


def test_the_tests_of_each_fault_exist() -> None:
    for fault in FAULTS:
        assert fault.tests, fault.name
        for each in fault.tests:
            file, *names = each.partition("[")[0].split("::")
            assert (ROOT / file).exists(), each
            assert not names or names[-1] in _functions(ROOT / file), each


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


@pytest.mark.slow
def test_parametrized_tests_exist() -> None:
    asked = sorted({each for fault in FAULTS for each in fault.tests if "[" in each})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *asked], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_results_are_of_the_faults_in_the_table() -> None:
    results = read_results()
    assert list(results) == [each.name for each in FAULTS], UPDATE
    for fault in FAULTS:
        assert results[fault.name].is_of(fault), f"{fault.name}: {UPDATE}"
        assert not (fault.survives and results[fault.name].noticed), fault.name


def test_nearly_all_are_noticed() -> None:
    """The aim is 95 %; the page lists the others, and whether a test could notice them."""
    results = read_results()
    assert sum(each.noticed for each in results.values()) >= 0.9 * len(results)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(FAULTS, read_results()), UPDATE
