"""With how many threads are files read?"""

from __future__ import annotations

import os
import sys

from voxgpu.itk.process import simpleitk


def use_threads(count: int) -> None:
    """Lets SimpleITK, for this process, take at most ``count`` threads; does not load it."""
    if "SimpleITK" in sys.modules:
        simpleitk().ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    else:
        # ITK looks there when it is loaded.
        os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(count)
