"""Programs in ImgQL whose images are lazy values."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from voxgpu import session as plain
from voxgpu.compile import Compiled, Options, compile_program, loaded_names
from voxgpu.diagnostics import Source, Span
from voxgpu.image import Image
from voxgpu.python.inputs import copied_image
from voxgpu.python.lazy.commands import commands_of
from voxgpu.python.lazy.convert import image_term
from voxgpu.python.lazy.default_session import session_of
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Input, Term
from voxgpu.python.lazy.value import LazyValue
from voxgpu.python.nibabel import is_nibabel
from voxgpu.python.program import options_of, source_of
from voxgpu.python.progress import Progress
from voxgpu.python.result import Result
from voxgpu.python.session import Session

#: No name of a program begins like this, as no text can.
_PREFIX = "·"


class Program:
    """A program in ImgQL that can be run with lazy values; ``voxgpu.program`` makes one."""

    def __init__(self, source: Source, path: Path | None) -> None:
        self._source, self._path = source, path

    def run(
        self,
        define: Mapping[str, object] | None = None,
        output: str | Path | None = None,
        *,
        images: Mapping[str, object] | None = None,
        session: Session | None = None,
        on_error: str = "raise",
        progress: Callable[[Progress], None] | None = None,
        dialect: str | None = None,
        same_grid: str | None = None,
        read_roots: Sequence[str | Path] = (),
        write_roots: Sequence[str | Path] = (),
        primitives: Sequence[str | Path] = (),
        nifti_form: str = "",
        series: str = "",
        grid_tolerance: float = 1e-3,
        overwrite_inputs: bool = False,
        **named: object,
    ) -> Result:
        """Run the program; what lazy values and the program share is computed once.

            vx.program("tumor.imgql").run(flair=flair, LEVEL=0.93)

        images   what ``load`` takes instead of files, by name: lazy values of any kind, or what
                 ``voxgpu.run`` takes; a path is another file
        session  where it runs; None: as for ``voxgpu.compute``
        named    more images, for names that the program loads; others are program variables

        The other parameters are those of ``voxgpu.run``. Lazy values are read in the dialect of the
        program. Raises ImgqlError, GoalsFailed, TypeError and ValueError as ``voxgpu.run`` does.
        """
        if on_error not in ("raise", "collect"):
            raise ValueError(f'on_error is "raise" or "collect", not {on_error!r}')
        if not isinstance(images or {}, Mapping):
            raise TypeError(f"images has images by name, not {images!r}")
        given = dict(images or {})
        variables = dict(define or {})

        def options(define: Mapping[str, object]) -> Options:
            return options_of(
                define, output, dialect, same_grid, read_roots, write_roots, primitives,
                nifti_form, series, grid_tolerance, {}, overwrite_inputs,
            )  # fmt: skip

        loaded = loaded_names(self._source, self._path, options({}))
        for name, value in named.items():
            if name in loaded or _is_image(value):
                given[name] = value
            else:
                variables[name] = value
        span = here()
        terms = [_term(name, value, span) for name, value in given.items()]
        built = commands_of(terms, prefix=_PREFIX)
        bound = dict(zip(given, built.values, strict=True))
        prelude = replace(built.prelude, bound=bound)
        wanted = options(variables)

        def compile(opened: plain.Session) -> Compiled:
            return compile_program(
                self._source, self._path, wanted, opened.digests.of, opened.evaluate,
                opened.headers, prelude,
            )  # fmt: skip

        _, result = session_of(session).execute(compile, wanted, progress)
        return result.raise_for_errors() if on_error == "raise" else result

    def __repr__(self) -> str:
        return f"<voxgpu.Program {self._source.name}>"


def program(text: str | Path) -> Program:
    """The program in a file, or of a text, as ``voxgpu.run`` takes it.

    Raises ImgqlError if the file cannot be read.
    """
    return Program(*source_of(text))


def _is_image(value: object) -> bool:
    return isinstance(value, LazyValue | Image) or is_nibabel(value) or hasattr(value, "GetSize")


def _term(name: str, value: object, span: Span) -> Term:
    if isinstance(value, LazyValue):
        return value._term
    if isinstance(value, str | os.PathLike):
        return Input(name, os.fspath(value), None, span)
    try:
        return image_term(copied_image(value), span)
    except (TypeError, ValueError) as error:
        raise type(error)(f"images[{name!r}]: {error}") from None
