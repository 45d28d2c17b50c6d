"""Settings and listeners with which a session is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from voxgpu.backends.select import Selection
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.outputs import Printed, Saved
from voxgpu.files.access import AllowedRoots
from voxgpu.frozen import frozen
from voxgpu.store.open import StoreOptions


def ignore_event(_: Printed | Saved | Selection) -> None:
    """Ignores the event."""


@frozen(slots=True)
class SessionSettings:
    """Everything besides the program that affects how and where programs run.

    device         the value of ``--device``: ``auto``, ``cpu``, ``cuda:0`` or ``reference``
    threads        number of threads that compute, read and write, including SimpleITK's; None: one
                   for each core available to this process
    memory         memory limit of the process in bytes; None: the available memory
    device_memory  memory limit on a GPU in bytes; None: 70 % of what is free there
    store          the store to open, with its budget and retention policy; None: nothing outlives
                   the session
    output         the folder for relative file names; None: nothing is written, and images are only
                   returned
    roots          the folders that programs may read and write
    keep_values    keep values in memory for the next program of the session
    keep_images    whether results include images that were saved to files
    force_save     write output files even if they are unchanged
    executor       the executor of tasks: ``auto`` (threads, if the backend has any), ``serial`` or
                   another of ``execution/executors/``
    verify_inputs  read every input file to detect changes, regardless of its modification time
    validate       compare each step with the reference and stop at the first difference; the store
                   is
                   then neither read nor written
    """

    device: str = "auto"
    threads: int | None = None
    memory: int | None = None
    device_memory: int | None = None
    store: StoreOptions | None = None
    output: Path | None = None
    roots: AllowedRoots = field(default_factory=AllowedRoots)
    keep_values: bool = False
    keep_images: bool = True
    force_save: bool = False
    verify_inputs: bool = False
    executor: str = "auto"
    validate: bool = False


@frozen(slots=True)
class SessionListeners:
    """Functions that a session calls while a program runs.

    on_print   with each print, in program order
    on_saved   with each file once it is written, from any thread
    on_device  with the chosen device, whenever it changes
    observe    with each event of a run
    """

    on_print: Callable[[Printed], None] = ignore_event
    on_saved: Callable[[Saved], None] = ignore_event
    on_device: Callable[[Selection], None] = ignore_event
    observe: Observer = ignore
