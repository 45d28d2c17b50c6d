"""Sessions: several programs that reuse one another's values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from voxgpu.byte_sizes import bytes_of
from voxgpu.diagnostics import Diagnostic
from voxgpu.forking import renew_in_child
from voxgpu.python.program import options_of, source_of
from voxgpu.python.progress import Progress, Watching
from voxgpu.python.result import Result, public

if TYPE_CHECKING:
    from voxgpu import session as plain
    from voxgpu.backends.select import Selection
    from voxgpu.compile import Compiled, Options
    from voxgpu.execution.outputs import Beside
    from voxgpu.session_settings import SessionSettings

#: The session whose ``with`` block is running.
_CURRENT: ContextVar[Session | None] = ContextVar("voxgpu session", default=None)


def current_session() -> Session | None:
    """The session of the innermost ``with`` block that is running, if any."""
    return _CURRENT.get()


class Session(AbstractContextManager["Session"]):
    """Runs programs one after the other, and keeps their values in memory.

    A value that an earlier program computed, under whatever name, is not computed again as long as
    it fits in memory. Several threads may share a session: their programs run one at a time, each
    on all cores. The arrays of its results are read-only, since later programs use them.

        with voxgpu.Session() as session:
            for level in (80, 90, 100):
                session.run("found.imgql", define={"LEVEL": level})

    device         ``auto``, ``cpu``, ``cuda:0`` (or another GPU) or ``reference``
    threads        number of computing threads; None: as many as there are cores to use
    memory         memory limit of the process, bytes or such as ``"4G"``; values beyond it are
                   written to the disk
    device_memory  likewise for the memory of a GPU; None: 70 % of its free memory
    store          the folder in which results are kept for later processes; ``"default"`` is that
                   of the command line; None: none
    store_shared   a folder of results that several computers share; None: none
    store_budget   size limit of the store, bytes or such as ``"50G"``
    keep           what the store keeps: ``goals``, ``costly`` (goals and expensive values),
                   ``all`` or ``none``
    force_save     write files even if they are unchanged
    verify_inputs  read every file to check whether it has changed, whatever its date
    validate       compare each step with the reference and raise ImgqlError at the first
                   difference; slow, and without the store

    Raises ImgqlError if a device or a store cannot be used, ValueError for invalid arguments.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        threads: int | None = None,
        memory: int | str | None = None,
        device_memory: int | str | None = None,
        store: str | Path | None = None,
        store_shared: str | Path | None = None,
        store_budget: int | str | None = None,
        keep: str = "costly",
        force_save: bool = False,
        verify_inputs: bool = False,
        validate: bool = False,
        _keeping: bool = True,
    ) -> None:
        from voxgpu.session import open_session
        from voxgpu.session_settings import SessionListeners

        settings = replace(
            settings_of(
                device, threads, memory, device_memory, store, store_shared, store_budget, keep,
                force_save, verify_inputs, validate,
            ),
            keep_values=_keeping,
        )  # fmt: skip
        self._keeping = _keeping
        #: The device as it was given, such as ``auto``.
        self.device = device
        self._watching = Watching()
        self._device = ""
        listeners = SessionListeners(on_device=self._note, observe=self._watching.observe)
        self._session = open_session(settings, listeners)
        self.after_fork()
        renew_in_child(self)
        self._is_closed = False
        self._before: Session | None = None

    def run(
        self,
        program: str | Path,
        define: Mapping[str, object] | None = None,
        output: str | Path | None = None,
        *,
        images: Mapping[str, object] | None = None,
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
        sidecar: bool = True,
    ) -> Result:
        """Run a program; the parameters are those of ``voxgpu.run``.

        Raises RuntimeError if the session is closed.
        """
        from voxgpu.provenance.program_run import Circumstances, ProgramRun, ReadImages
        from voxgpu.provenance.sidecar_writer import SidecarWriter
        from voxgpu.python.inputs import copy_images

        if on_error not in ("raise", "collect"):
            raise ValueError(f'on_error is "raise" or "collect", not {on_error!r}')
        if progress is not None and not callable(progress):
            raise TypeError(f"progress is a function of a Progress, not {progress!r}")
        source, path = source_of(program)
        options = options_of(
            define, output, dialect, same_grid, read_roots, write_roots, primitives,
            nifti_form, series, grid_tolerance, copy_images(images), overwrite_inputs,
        )  # fmt: skip
        read: list[ReadImages] = []

        def compile(session: plain.Session) -> Compiled:
            read.append(ReadImages(session.digests.of))
            return session.compile(source, path, options, read[0])

        def beside(compiled: Compiled) -> Beside | None:
            if not sidecar or output is None:
                return None
            others = read[0] if self._session.has_run_parts else None
            run = ProgramRun(compiled, Circumstances(path, options), others)
            return SidecarWriter(run, path.name if path is not None else "", lambda: self._device)

        _, result = self.execute(compile, options, progress, beside)
        return result.raise_for_errors() if on_error == "raise" else result

    def execute(
        self,
        compile: Callable[[plain.Session], Compiled],
        options: Options,
        progress: Callable[[Progress], None] | None = None,
        beside: Callable[[Compiled], Beside | None] = lambda _: None,
    ) -> tuple[Compiled, Result]:
        """Run what ``compile`` returns; failed goals are in ``errors`` of the result.

        beside  returns what writes beside the files of a program

        Raises ImgqlError if it has errors, RuntimeError if the session is closed.
        """
        with self._alone(), self._watching.reported_to(progress):
            self._session.deliver_to(options.output, options.roots)
            compiled = compile(self._session)
            self._watching.expect(len(compiled.plan.nodes))
            return compiled, public(
                self._session.execute(compiled, beside(compiled)), self._keeping
            )

    @property
    def is_closed(self) -> bool:
        """Whether the session has ended."""
        return self._is_closed

    def __enter__(self) -> Session:
        """Make it the session of lazy values in this thread until the ``with`` block ends."""
        self._before = _CURRENT.get()
        _CURRENT.set(self)
        return self

    def _note(self, chosen: Selection) -> None:
        self._device = chosen.name

    def after_fork(self) -> None:
        """Reset the lock in a child of ``fork``, which has no threads and may not run programs."""
        self._lock = threading.Lock()
        self._owner: int | None = None

    def close(self) -> None:
        """Finish writing to the store, and release memory and devices."""
        self._close(interrupted=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; after Ctrl-C, values not yet written to the store are dropped."""
        if _CURRENT.get() is self:
            _CURRENT.set(self._before)
        self._close(interrupted=kind is not None and not issubclass(kind, Exception))

    def _close(self, interrupted: bool) -> None:
        self._check_thread()
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._session.close(interrupted)

    def _check_thread(self) -> None:
        if self._owner == threading.get_ident():
            raise RuntimeError("a session cannot be used from within the progress of its program")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other thread runs a program."""
        self._check_thread()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the session is closed")
            self._owner = threading.get_ident()
            try:
                yield
            finally:
                self._owner = None

    def __repr__(self) -> str:
        return f"<voxgpu.Session{', closed' if self._is_closed else ''}>"


def settings_of(
    device: str,
    threads: int | None,
    memory: int | str | None,
    device_memory: int | str | None,
    store: str | Path | None,
    store_shared: str | Path | None,
    store_budget: int | str | None,
    keep: str,
    force_save: bool,
    verify_inputs: bool,
    validate: bool,
) -> SessionSettings:
    """The settings of a session. Raises ValueError and TypeError for invalid arguments."""
    from voxgpu.python.stores import store_options
    from voxgpu.session_settings import SessionSettings

    if threads is not None and (not isinstance(threads, Integral) or threads < 1):
        raise ValueError(f"threads are a whole number, at least 1, not {threads!r}")
    if not isinstance(device, str):
        raise TypeError(f'device is a name, such as "cpu" or "cuda:0", not {device!r}')
    return SessionSettings(
        device=device,
        threads=None if threads is None else int(threads),
        device_memory=_bytes(device_memory),
        memory=_bytes(memory),
        store=store_options(store, store_shared, _bytes(store_budget), keep),
        force_save=force_save,
        verify_inputs=verify_inputs,
        validate=validate,
    )


def check(
    program: str | Path,
    define: Mapping[str, object] | None = None,
    dialect: str | None = None,
    same_grid: str | None = None,
    primitives: Sequence[str | Path] = (),
    images: Mapping[str, object] | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
    read_roots: Sequence[str | Path] = (),
) -> tuple[Diagnostic, ...]:
    """Return all errors and warnings of a program; see ``voxgpu.check``."""
    from voxgpu.compile import compile_program, unread
    from voxgpu.python.inputs import copy_images

    source, path = source_of(program)
    options = options_of(
        define, None, dialect, same_grid, read_roots, (), primitives,
        nifti_form, series, grid_tolerance, copy_images(images),
    )  # fmt: skip
    options = replace(options, output=Path())
    return compile_program(source, path, options, unread).diagnostics


def _bytes(amount: int | str | None) -> int | None:
    """Parse a size in bytes; raises ValueError for invalid sizes."""
    if amount is None:
        return None
    size = bytes_of(amount) if isinstance(amount, str) else amount
    if not isinstance(size, Real) or not 0 < size < 2**63:
        raise ValueError(f"{amount!r} is no size; write 500M, 20G or 1.5GiB")
    return int(size)
