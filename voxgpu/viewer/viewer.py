"""A viewer: what was opened, and the parts that serve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from voxgpu.compile import Options
from voxgpu.session_settings import SessionSettings
from voxgpu.viewer.catalogue import catalogue_of
from voxgpu.viewer.compute_thread import ComputeThread
from voxgpu.viewer.dataset import Dataset
from voxgpu.viewer.runs import Runs
from voxgpu.viewer.values import Values
from voxgpu.viewer.volumes import Volumes

#: Seconds that a computation has to end when the viewer is closed.
_GRACE = 2.0


class Viewer:
    """The parts of a viewer.

    dataset   what was opened
    options   with which programs are compiled
    settings  of the session that runs them
    folder    a temporary folder, for everything that the page gets as files
    """

    def __init__(
        self, dataset: Dataset, options: Options, settings: SessionSettings, folder: Path
    ) -> None:
        self.dataset = dataset
        self._options = replace(options, output=None, writes=False)
        store = settings.store.folder if settings.store is not None else None
        self.compute = ComputeThread(settings)
        self.volumes = Volumes(dataset.roots, folder / "volumes", options.read)
        self.values = Values(folder / "values")
        self.runs = Runs(self.compute, folder / "runs", store)

    def options(self) -> Options:
        """The options for a program now: it may load what is below the roots at this time."""
        return replace(self._options, roots=self.dataset.roots.allowed())

    def catalogue(self) -> Mapping[str, Any]:
        """The names that programs can use."""
        return self._catalogue

    @cached_property
    def _catalogue(self) -> Mapping[str, Any]:
        return catalogue_of(self._options)

    def close(self) -> None:
        """Cancel what runs, and close the session."""
        self.runs.cancel_all()
        self.compute.close(_GRACE)
