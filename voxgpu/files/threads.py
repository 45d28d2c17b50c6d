"""With how many threads are files read?"""

from __future__ import annotations

import os
import sys

from voxgpu.itk.process import simpleitk

#: Where ITK looks when it is loaded.
_VARIABLE = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"


def use_threads(count: int) -> None:
    """Lets SimpleITK, for this process, take at most ``count`` threads; does not load it."""
    if "SimpleITK" in sys.modules:
        simpleitk().ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    else:
        os.environ[_VARIABLE] = str(count)


def use_at_most(count: int) -> None:
    """The same, unless the environment says how many threads SimpleITK takes."""
    if not os.environ.get(_VARIABLE):
        use_threads(count)
