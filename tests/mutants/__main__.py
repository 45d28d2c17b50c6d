"""``python -m tests.mutants``: plants faults, one at a time, and runs the tests of each."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import results as journal
from tests.mutants.faults import Fault, read_faults
from tests.mutants.page import PAGE, page
from tests.mutants.results import RESULTS, Result, append, read_results
from tests.mutants.running import Ended, Tests, covers
from tests.mutants.tree import Tree

ROOT = Path(__file__).resolve().parents[2]


def main(words: Sequence[str] | None = None) -> int:
    """Runs faults; returns 1 if one was not noticed whose survival is not argued."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names of faults: files, words")
    parser.add_argument("--all", action="store_true", help="also those that nothing has changed of")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    parser.add_argument("--work", type=Path, default=ROOT / ".mutants", help="a folder to work in")
    asked = parser.parse_args(words)
    faults = read_faults()
    status = 0
    if not asked.page:
        chosen = [each for each in faults if _is_asked(each, asked.names)]
        status = run(chosen, ROOT, asked.work.resolve(), RESULTS, asked.all)
        journal.rewrite(RESULTS, faults, read_results())
    PAGE.write_text(page(faults, read_results()), "utf-8")
    return status


def run(faults: Sequence[Fault], source: Path, work: Path, path: Path, anew: bool = False) -> int:
    """Plants faults in a copy of a repository; adds what became of each to the file ``path``.

    anew  whether faults are run although neither their files nor their tests have changed
    """
    tree, known = Tree(source, work / "tree"), read_results(path)
    left = [each for each in faults if anew or not _is_known(each, known, tree)]
    print(f"{len(faults) - len(left)} of {len(faults)} faults are known", flush=True)
    if left:
        tests = Tests(tree.folder, work)
        passing = tests.passing(sorted({test for each in left for test in each.tests}))
        for number, fault in enumerate(left, 1):
            missing = [each for each in fault.tests if not _passes(each, passing)]
            if missing:
                print(f"without any fault these do not pass: {', '.join(missing)}", flush=True)
                continue
            with tree.with_fault(fault):
                ended = tests.run(fault.tests, fault.needs_empty_caches)
            if not (ended.passed or ended.failed):
                print(f"tests cannot be run with {fault.name}: {ended.how}", flush=True)
                continue
            result = _result(fault, tree, ended)
            known[fault.name] = result
            append(path, result)
            print(f"[{number}/{len(left)}] {_told(fault, result)}", flush=True)
    unnoticed = [each for each in faults if not _is_fine(each, known.get(each.name))]
    for each in unnoticed:
        print(f"not noticed, or not run: {each.name}")
    return 1 if unnoticed else 0


def _is_asked(fault: Fault, names: Sequence[str]) -> bool:
    return not names or any(each in fault.name for each in names)


def _is_known(fault: Fault, known: dict[str, Result], tree: Tree) -> bool:
    result = known.get(fault.name)
    return result is not None and result.is_of(fault) and result.content == tree.digest_of(fault)


def _passes(asked: str, passing: dict[str, float]) -> bool:
    return any(covers(asked, node) for node in passing)


def _result(fault: Fault, tree: Tree, ended: Ended) -> Result:
    # The name of the error alone: its text may name folders of this computer.
    kind = re.match(r"[A-Za-z_][\w.]*(?=[:\s]|$)", ended.how)
    how = ended.how if not ended.by else kind[0] if kind else ""
    how = "AssertionError" if how == "assert" else how
    content, seconds = tree.digest_of(fault), round(ended.seconds, 1)
    return Result(fault.name, fault.digest, content, ended.failed, ended.by, how, seconds)


def _told(fault: Fault, result: Result) -> str:
    if result.noticed:
        return f"noticed in {result.seconds:.1f} s: {fault.name}"
    return f"NOT NOTICED{' (argued)' if fault.survives else ''}: {fault.name}"


def _is_fine(fault: Fault, result: Result | None) -> bool:
    return result is not None and result.is_of(fault) and (result.noticed or bool(fault.survives))


if __name__ == "__main__":
    sys.exit(main())
