"""Evaluation of terms as one program, so that what they share is computed once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voxgpu import session as plain
from voxgpu.compile import Compiled, Options, compile_commands, unread
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.execution.outputs import Beside
from voxgpu.files.header import Header
from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.language.ast import Command, Save, TextLiteral, Value
from voxgpu.python.caller import outside
from voxgpu.python.lazy.commands import Commands, commands_of
from voxgpu.python.lazy.default_session import session_of
from voxgpu.python.lazy.terms import Term
from voxgpu.python.program import options_of
from voxgpu.python.progress import Progress
from voxgpu.python.result import Result
from voxgpu.python.session import Session
from voxgpu.types import ImageOf

#: The beginning of the names of bound values: no name of the library begins like this.
_PREFIX = "_"


@frozen
class Settings:
    """How images are read and which grids agree; see ``voxgpu.run``."""

    same_grid: str | None = None
    nifti_form: str = ""
    series: str = ""
    grid_tolerance: float = 1e-3

    def options(self, output: str | None) -> Options:
        """The options of the compiler. Raises ValueError for invalid settings."""
        return options_of(
            None, output, None, self.same_grid, (), (), (), self.nifti_form, self.series,
            self.grid_tolerance, {},
        )  # fmt: skip


def compiled(terms: Sequence[Term], digest: Callable[[Header], str] = unread) -> Compiled:
    """The terms as a program, up to its plan, with the errors; nothing is run.

    digest  returns what stands for the content of a file in ids; by default nothing is read
    """
    built, goals = _goals(terms, [""] * len(terms))
    return _compile(built, goals, Settings().options(None), digest)


def values_of(
    terms: Sequence[Term],
    session: Session | None,
    settings: Settings,
    on_error: str,
    progress: Callable[[Progress], None] | None,
) -> tuple[Any, ...]:
    """The values of terms, each an image, a number, a truth value, a text, or a tuple of these.

    If ``on_error`` is ``collect``, a value that failed is an ImgqlError. Warnings become Python's.
    Raises ImgqlError for mistakes in the terms, GoalsFailed for values that failed.
    """
    if on_error not in ("raise", "collect"):
        raise ValueError(f'on_error is "raise" or "collect", not {on_error!r}')
    labels = [f"value {number}" for number, _ in enumerate(terms, 1)] if len(terms) > 1 else [""]
    built, goals = _goals(terms, labels)
    result = _run(built, goals, session, settings.options(None), progress)
    if on_error == "raise":
        result.raise_for_errors()
    found = dict(result.found)
    return tuple(
        found[label] if label in found else _error_of(label, result)
        for label in labels[: len(terms)]
    )


def on_device(term: Term, session: Session) -> Any:
    """The value of a term where it was computed: in host memory, or a deferred one on a device.

    Raises ImgqlError for mistakes in the term, GoalsFailed if it failed.
    """
    built = commands_of([term], prefix=_PREFIX)
    goal = Value(built.values[0], term.span, stays=True)
    result = _run(built, [goal], session, Settings().options(None), None)
    return dict(result.raise_for_errors().found)[""]


def saved(
    files: Mapping[str, Term],
    session: Session | None,
    settings: Settings,
    on_error: str,
    progress: Callable[[Progress], None] | None,
    sidecar: bool = True,
) -> Result:
    """The result of saving each term under its path. Raises ImgqlError and GoalsFailed.

    sidecar  write beside each file how it came about
    """
    if on_error not in ("raise", "collect"):
        raise ValueError(f'on_error is "raise" or "collect", not {on_error!r}')
    built = commands_of(list(files.values()), prefix=_PREFIX)
    goals = [
        Save(TextLiteral((path,), term.span), value, term.span)
        for (path, term), value in zip(files.items(), built.values, strict=True)
    ]
    opened, options = session_of(session), settings.options(".")

    def beside(compiled: Compiled) -> Beside | None:
        from voxgpu.python.lazy.sidecars import sidecars_of

        return sidecars_of(compiled, options, files, lambda: opened._device) if sidecar else None

    result = _run(built, goals, opened, options, progress, beside)
    return result.raise_for_errors() if on_error == "raise" else result


def grid_of(term: Term) -> Grid:
    """The grid of an image, which is found without reading voxels. Raises ImgqlError, TypeError."""
    plan = compiled([term]).plan
    kind = plan.types[plan.goals[0].value] if plan.goals else None
    if not isinstance(kind, ImageOf) or kind.grid is None:
        raise TypeError("only images have a grid" if kind else "the grid is not known before a run")
    return kind.grid


def _goals(terms: Sequence[Term], labels: Sequence[str]) -> tuple[Commands, list[Value]]:
    built = commands_of(terms, prefix=_PREFIX)
    triples = zip(terms, built.values, labels, strict=False)
    return built, [Value(value, term.span, label) for term, value, label in triples]


def _compile(
    built: Commands, goals: Sequence[Command], options: Options, digest: Any, ask: Any = None,
    seen: Any = None,
) -> Compiled:  # fmt: skip
    prelude = replace(built.prelude, commands=(*built.prelude.commands, *goals))
    return compile_commands(prelude, built.source, options, digest, ask, seen)


def _run(
    built: Commands,
    goals: Sequence[Command],
    session: Session | None,
    options: Options,
    progress: Callable[[Progress], None] | None,
    beside: Callable[[Compiled], Beside | None] = lambda _: None,
) -> Result:
    if progress is not None and not callable(progress):
        raise TypeError(f"progress is a function of a Progress, not {progress!r}")

    def compile(opened: plain.Session) -> Compiled:
        digest, ask = opened.digests.of, opened.evaluate
        return _compile(built, goals, options, digest, ask, opened.headers)

    _, result = session_of(session).execute(compile, options, progress, beside)
    for each in result.warnings:
        warnings.warn(str(each), stacklevel=outside())
    return result


def _error_of(label: str, result: Result) -> ImgqlError:
    """The error of a value that failed."""
    causes = [each.cause for each in result.failures if each.goal == label]
    return ImgqlError(causes or [Diagnostic("E304", "the value failed")])
