"""One case of a cohort: its rows, for all combinations of swept variables at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import field, replace
from pathlib import Path
from time import perf_counter
from types import TracebackType

from voxgpu.backends.select import Selection
from voxgpu.cohorts.beside import CaseSidecars
from voxgpu.cohorts.case_record import CaseRecord, inputs_of
from voxgpu.cohorts.cases import Case, no_value
from voxgpu.cohorts.combined import combined, number_of, places_of
from voxgpu.cohorts.file_errors import diagnostic_of
from voxgpu.cohorts.output_names import CaseFolders, OutputNames
from voxgpu.cohorts.peak import peak_bytes, reset_peak
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import Compiled, Options, compile_program, unread
from voxgpu.diagnostics import Diagnostic, Failure, ImgqlError, Source, failures
from voxgpu.execution.outputs import json_value
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header
from voxgpu.files.state import FileState
from voxgpu.frozen import frozen
from voxgpu.provenance.program_run import ReadImages
from voxgpu.session import Session, open_session
from voxgpu.session_settings import SessionListeners, SessionSettings

#: What the rows of a case were computed from, and those rows.
Outcome = tuple[CaseRecord, list[Row]]


def ignore_header(header: Header) -> None:
    """Ignores the header."""


#: Codes of errors that may not come again: files, memory, devices, failures while computing.
_TRANSIENT = frozenset(["E201", "E302", "E303", "E304", "E401", "E501"])


@frozen
class Program:
    """What is run for every case.

    path     the file of the program; None where it is a text
    options  those of the program; its definitions may be templates over the fields of a case
    names    where the files go that it saves
    sidecars whether a sidecar is written beside each of them
    """

    source: Source
    path: Path | None
    options: Options
    names: OutputNames = field(default_factory=CaseFolders)
    sidecars: bool = True

    def options_for(self, case: Case, combination: Combination) -> Options:
        """The options for a case with a combination.

        Raises ValueError where a definition has a field that the case lacks.
        """
        swept = dict(combination)
        templates = {n: t for n, t in self.options.define.items() if n not in swept}
        output = self.options.output
        if output is not None:
            output = output / self.names.folder(case, combination)
        return replace(self.options, define=case.variables(templates) | swept, output=output)

    def compiled(
        self,
        case: Case,
        combination: Combination,
        session: Session | None,
        on_load: Callable[[Header], object] = ignore_header,
        digest_of: Callable[[Header], str] = unread,
    ) -> Compiled:
        """The program for a case with a combination; without a session only from headers.

        on_load    called with the header of each image that is loaded, if there is a session
        digest_of  gives the digests of files

        Raises ValueError where a definition has a field that the case lacks.
        """
        options = self.options_for(case, combination)
        if session is not None:

            def digest(header: Header) -> str:
                on_load(header)
                return digest_of(header)

            compiled = session.compile(self.source, self.path, options, digest)
        else:
            compiled = compile_program(self.source, self.path, options, digest_of)
        own = case.variables({}).keys() - self.options.define.keys()
        # A program need not use what every case has.
        told = [
            _with_reason(each, case)
            for each in compiled.diagnostics
            if not _is_of_unused(each, own)
        ]
        told += self.names.problems(case, combination, compiled.plan)
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

    def outcome(self, program: Program, case: Case, combinations: Sequence[Combination]) -> Outcome:
        """A row for each combination, and what they were computed from.

        Whatever goes wrong is in the rows.
        """
        self._session.deliver_to(program.options.output, program.options.roots)
        reset_peak()
        start = perf_counter()
        evaluation = _Evaluation(program, case, self._session, lambda: self._device)
        found = evaluation.rows(combinations)
        seconds = round((perf_counter() - start) / max(1, len(combinations)), 4)
        self._session.ahead.forget(case)
        peak = peak_bytes()
        rows = []
        for each in combinations:
            # A program that does not compile for the case was executed nowhere.
            device = self._device if each in evaluation.executed else ""
            rows.append(
                replace(found[each], seconds=seconds, peak=peak, device=device, worker=self.worker)
            )
        return evaluation.record(), rows

    def read_ahead(self, program: Program, case: Case, combination: Combination) -> None:
        """Read the images of a case, while another is computed, if memory has room for them.

        Nothing goes wrong here: what cannot be read is told when the case is computed. Before the
        first case nobody knows what memory cases leave, so nothing is read.
        """
        with suppress(Exception):
            spare = self._session.spare_bytes()
            if spare is None:
                return
            digest_of = self._session.digests.of  # which the case is going to need, too
            compiled = program.compiled(case, combination, None, digest_of=digest_of)
            if not compiled.errors:
                headers = self._session.files_to_read(compiled.plan)
                # A reader has the voxels twice for a moment.
                if 2 * sum(each.bytes for each in headers) <= spare:
                    self._session.ahead.fetch(headers, case)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes; after Ctrl-C what was not yet written to the store is not waited for."""
        self._session.__exit__(kind, error, trace)


class _Evaluation:
    """The computation of the rows of one case; ``device`` returns the name of the device in use."""

    def __init__(
        self, program: Program, case: Case, session: Session, device: Callable[[], str]
    ) -> None:
        self._program, self._case, self._session = program, case, session
        self._device = device
        self._read = ReadImages(session.digests.of)
        self._states: dict[str, FileState] = {}
        self._saved: list[Path] = []
        #: The combinations for which the program was executed, with whatever outcome.
        self.executed: frozenset[Combination] = frozenset()

    def record(self) -> CaseRecord:
        """What the rows were computed from, and what was saved."""
        saved = dict.fromkeys(str(each.absolute()) for each in self._saved)
        return CaseRecord(self._case.name, "", inputs_of(self._states.values()), tuple(saved))

    def _note(self, header: Header) -> None:
        for state in header.states:
            self._states.setdefault(state[0], state)

    def rows(self, combinations: Sequence[Combination]) -> dict[Combination, Row]:
        """A row for each combination."""
        found: dict[Combination, Row] = {}
        good: list[tuple[Combination, Compiled]] = []
        for each in combinations:
            try:
                compiled = self._program.compiled(
                    self._case, each, self._session, self._note, self._read
                )
            except ValueError as error:
                found[each] = Row(self._case.name, each, status=FAILED, error=str(error))
            except Exception as error:
                found[each] = self._failed(each, error)
            else:
                if compiled.errors:
                    found[each] = self._failed(each, ImgqlError(compiled.errors))
                else:
                    good.append((each, compiled))
        self.executed = frozenset(each for each, _ in good)
        if good:
            try:
                found |= {row.combination: row for row in self._run(good)}
            except Exception as error:
                found |= {each: self._failed(each, error) for each, _ in good}
        return found

    def _run(self, programs: Sequence[tuple[Combination, Compiled]]) -> list[Row]:
        naming, case = self._program.names, self._case
        names = [naming.names(case, combination, each.plan) for combination, each in programs]
        places = places_of(names)
        read = self._read if self._session.has_run_parts else None
        beside = [CaseSidecars(self._program, case, each, x, read) for each, x in programs]
        result = self._session.execute(combined([each for _, each in programs], names))
        self._saved += [each.path for each in result.saved]
        printed: list[dict[str, object]] = [{} for _ in programs]
        lost: list[list[Failure]] = [[] for _ in programs]
        for each in result.prints:
            number, label = number_of(each.label, places)
            printed[number][label] = json_value(each.value)
        for failure in result.failures:
            number, goal = number_of(failure.goal, places)
            lost[number].append(failure._replace(goal=goal))
        for saved in result.saved:
            number, label = number_of(saved.label, places)
            try:
                written = beside[number].write(label, saved, self._device(), result.seconds)
                self._saved += written
            except FileError as error:
                cause = diagnostic_of("E303", error)
                lost[number].append(Failure(f'save "{label}"', "", cause))
        rows = []
        for number, (combination, _) in enumerate(programs):
            row = Row(self._case.name, combination, printed[number])
            rows.append(_with_errors(row, failures(lost[number])) if lost[number] else row)
        return rows

    def _failed(self, combination: Combination, error: Exception) -> Row:
        row = Row(self._case.name, combination)
        if isinstance(error, ImgqlError):
            return _with_errors(row, [each for each in error.diagnostics if each.is_error])
        return failed_with(row, error)


def failed_with(row: Row, error: BaseException) -> Row:
    """The row of an unexpected failure, which may be temporary."""
    if isinstance(error, MemoryError):
        text = "E302: out of memory"
    else:
        text = " ".join(f"E304: {type(error).__name__}: {error}".split())
    return replace(row, status=FAILED, error=text, transient=True)


def _with_errors(row: Row, errors: Sequence[Diagnostic]) -> Row:
    transient = any(each.code in _TRANSIENT for each in errors)
    return replace(row, status=FAILED, error=_text(errors), transient=transient)


def _text(errors: Sequence[Diagnostic]) -> str:
    """The errors in one line, each with its place."""
    return "; ".join(
        f"{each.span}: {each.code}: {each.message}" if each.span else f"{each.code}: {each.message}"
        for each in errors
    )
