"""What a session is opened with: settings that callers choose, and listeners that are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from voxgpu.backends.select import Selection
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.outputs import Printed, Saved
from voxgpu.files.access import AllowedRoots
from voxgpu.store.open import StoreOptions


def tell_nobody(_: Printed | Saved | Selection) -> None:
    """Ignore what is told."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Everything but the program that bears on how and where programs run.

    device         what ``--device`` says: ``auto``, ``cpu``, ``cuda:0`` or ``reference``
    threads        threads that compute, read and write, SimpleITK's included; None: one for each
                   core that this process may use
    memory         bytes that the process may take; None: what is available
    device_memory  bytes that may be taken of a GPU; None: 70 % of what is free there
    store          the store to open, with its budget and what it keeps; None: nothing outlives
                   the session
    output         the folder for relative names of files; None: nothing is written, and images
                   are returned
    roots          the folders that programs may read and write
    keep_values    keep values in memory for the next program of the session
    keep_images    whether results hold the images that were saved to files
    force_save     write files also where they are unchanged
    executor       what performs tasks: ``auto`` (threads, where the device has any), ``serial`` or
                   another of ``execution/executors/``
    verify_inputs  read every file to see whether it has changed, whatever its date says
    validate       hold each step to the reference, and stop at the first difference; the store is
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


@dataclass(frozen=True, slots=True)
class SessionListeners:
    """Functions that a session calls while a program runs.

    on_print   with each print, in the program's order
    on_saved   with each file once it is written, from any thread
    on_device  with the device that was chosen, each time that it is another one
    observe    with each event of a run
    """

    on_print: Callable[[Printed], None] = tell_nobody
    on_saved: Callable[[Saved], None] = tell_nobody
    on_device: Callable[[Selection], None] = tell_nobody
    observe: Observer = ignore
