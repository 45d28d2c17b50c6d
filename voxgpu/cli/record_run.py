"""Records of runs that commands make, for ``voxgpu runs``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voxgpu.store.open import StoreOptions


class RunInProgress:
    """A run that is being recorded; what is noted enters its record when it ends.

    id       of the run; empty if it is not recorded, for lack of a store
    details  more that is known of it, by name
    """

    def __init__(self, id: str = "", details: Mapping[str, Any] | None = None) -> None:
        self.id = id
        self.details = dict(details or {})
        self.status = ""
        self.known: dict[str, Any] = {}

    def end(self, failed: bool, **known: Any) -> None:
        """Note how the run ended, and more fields of ``RunRecord``."""
        from voxgpu.store.run_records import DONE, FAILED

        self.status = FAILED if failed else DONE
        self.known.update(known)


@contextmanager
def recorded_run(
    store: StoreOptions | None,
    kind: str,
    program: Path,
    sha256: str,
    definitions: Mapping[str, str],
    **details: str | None,
) -> Iterator[RunInProgress]:
    """Record the block as a run in the folder of the store, if there is one.

    sha256   of the program, see ``digest_of_program``
    details  more that is known of the run, by name

    A record that cannot be written is no reason for a run to fail: the store says why it is not
    usable.
    """
    folder = store.folder if store is not None else None
    if folder is None or not _opened(folder):
        yield RunInProgress()
        return
    from voxgpu.store.run_records import FAILED, INTERRUPTED, ended, new_record, write_record

    record = new_record(
        kind,
        str(program.absolute()),
        sha256=sha256,
        definitions=dict(definitions),
        details={name: value for name, value in details.items() if value},
    )
    run = RunInProgress(record.id, record.details)
    with suppress(OSError):
        write_record(folder, record)
    try:
        yield run
    except BaseException as error:
        run.status = FAILED if isinstance(error, Exception) else INTERRUPTED
        run.known.setdefault("errors", [str(error)] if str(error) else [])
        raise
    finally:
        with suppress(OSError):
            status = run.status or FAILED
            write_record(folder, ended(record, status, details=run.details, **run.known))


def _opened(folder: Path) -> bool:
    """Make the folder of the store; return whether that was possible."""
    from voxgpu.store.folder import StoreError, open_folder

    try:
        open_folder(folder)
    except (StoreError, OSError):
        return False
    return True
