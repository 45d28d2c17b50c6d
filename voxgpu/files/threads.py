"""The number of threads that SimpleITK uses for reading files."""

from __future__ import annotations

import os
import sys

from voxgpu.itk.process import simpleitk

#: The environment variable that ITK reads when it is loaded.
_VARIABLE = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"


def use_threads(count: int) -> None:
    """Limit SimpleITK in this process to ``count`` threads; does not load it."""
    if "SimpleITK" in sys.modules:
        simpleitk().ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    else:
        os.environ[_VARIABLE] = str(count)


def use_at_most(count: int) -> None:
    """Like `use_threads`, unless the environment sets SimpleITK's number of threads."""
    if not os.environ.get(_VARIABLE):
        use_threads(count)
