"""One case of a cohort: its rows, for all combinations of swept variables at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from types import TracebackType

from voxgpu.backends.select import Selection
from voxgpu.cohorts.cases import Case, no_value
from voxgpu.cohorts.combined import combined, folder_of, number_of
from voxgpu.cohorts.row import DONE, FAILED, Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import Compiled, Options, compile_program, unread
from voxgpu.diagnostics import Diagnostic, Failure, ImgqlError, Source, failures
from voxgpu.execution.outputs import json_value
from voxgpu.session import Session, open_session
from voxgpu.session_settings import SessionListeners, SessionSettings


@dataclass(frozen=True)
class Program:
    """What is run for every case.

    path     the file of the program; None where it is a text
    options  those of the program; its definitions may be templates over the fields of a case
    """

    source: Source
    path: Path | None
    options: Options

    def compiled(self, case: Case, combination: Combination, session: Session | None) -> Compiled:
        """The program for a case with a combination; without a session only from headers.

        Raises ValueError where a definition has a field that the case lacks.
        """
        swept = dict(combination)
        templates = {n: t for n, t in self.options.define.items() if n not in swept}
        define = case.variables(templates) | swept
        output = self.options.output
        if output is not None:
            output = output / folder_of(case.name, combination)
        options = replace(self.options, define=define, output=output)
        if session is not None:
            compiled = session.compile(self.source, self.path, options)
        else:
            compiled = compile_program(self.source, self.path, options, unread)
        own = case.variables({}).keys() - self.options.define.keys()
        # A program need not use what every case has.
        told = [
            _with_reason(each, case)
            for each in compiled.diagnostics
            if not _is_of_unused(each, own)
        ]
        return replace(compiled, diagnostics=tuple(told))


def _with_reason(diagnostic: Diagnostic, case: Case) -> Diagnostic:
    """The diagnostic; for a variable that just this case lacks with the reason."""
    if diagnostic.code == "E104":
        for name in case.absent:
            if f"`${name}`" in diagnostic.message:
                return replace(diagnostic, message=no_value(case.absent, name), help="")
    return diagnostic


def _is_of_unused(diagnostic: Diagnostic, names: set[str]) -> bool:
    return diagnostic.code == "W104" and any(f"`{name}`" in diagnostic.message for name in names)


class CaseSession(AbstractContextManager["CaseSession"]):
    """A session that runs case after case, and knows which device it used last.

    worker  the name of the process in rows; empty where there are no workers
    """

    def __init__(self, settings: SessionSettings, worker: str = "") -> None:
        self._device = ""
        self.worker = worker
        self._session = open_session(settings, SessionListeners(on_device=self._note))

    def _note(self, chosen: Selection) -> None:
        self._device = chosen.name

    def rows(self, program: Program, case: Case, combinations: Sequence[Combination]) -> list[Row]:
        """A row for each combination; whatever goes wrong is in the rows."""
        self._session.deliver_to(program.options.output, program.options.roots)
        start = perf_counter()
        found = _found(program, case, combinations, self._session)
        seconds = round((perf_counter() - start) / max(1, len(combinations)), 4)
        peak = peak_bytes()
        return [
            replace(
                found[each], seconds=seconds, peak=peak, device=self._device, worker=self.worker
            )
            for each in combinations
        ]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes; after Ctrl-C what was not yet written to the store is not waited for."""
        self._session.__exit__(kind, error, trace)


def _found(
    program: Program, case: Case, combinations: Sequence[Combination], session: Session
) -> dict[Combination, Row]:
    found: dict[Combination, Row] = {}
    good: list[tuple[Combination, Compiled]] = []
    for each in combinations:
        try:
            compiled = program.compiled(case, each, session)
        except ValueError as error:
            found[each] = Row(case.name, each, status=FAILED, error=str(error))
        except ImgqlError as error:
            found[each] = _failed(case, each, error.diagnostics)
        else:
            if compiled.errors:
                found[each] = _failed(case, each, compiled.errors)
            else:
                good.append((each, compiled))
    if good:
        try:
            found |= {row.combination: row for row in _run(case, good, session)}
        except ImgqlError as error:
            found |= {each: _failed(case, each, error.diagnostics) for each, _ in good}
    return found


def _run(
    case: Case, programs: Sequence[tuple[Combination, Compiled]], session: Session
) -> list[Row]:
    folders = [folder_of(case.name, each) for each, _ in programs]
    result = session.execute(combined([each for _, each in programs], folders))
    printed: list[dict[str, object]] = [{} for _ in programs]
    lost: list[list[Failure]] = [[] for _ in programs]
    for each in result.prints:
        number, label = number_of(each.label, folders)
        printed[number][label] = json_value(each.value)
    for failure in result.failures:
        number, goal = number_of(failure.goal, folders)
        lost[number].append(failure._replace(goal=goal))
    rows = []
    for number, (combination, _) in enumerate(programs):
        errors = failures(lost[number])
        rows.append(
            Row(
                case.name,
                combination,
                printed[number],
                status=FAILED if errors else DONE,
                error=_text(errors),
            )
        )
    return rows


def _failed(case: Case, combination: Combination, errors: Sequence[Diagnostic]) -> Row:
    only = [each for each in errors if each.is_error]
    return Row(case.name, combination, status=FAILED, error=_text(only))


def _text(errors: Sequence[Diagnostic]) -> str:
    """The errors in one line, each with its place."""
    return "; ".join(
        f"{each.span}: {each.code}: {each.message}" if each.span else f"{each.code}: {each.message}"
        for each in errors
    )


def peak_bytes() -> int:
    """Bytes of memory that this process has taken at most; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
