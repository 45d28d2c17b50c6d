"""With how many threads are files read?"""

from __future__ import annotations

from voxgpu.itk.process import simpleitk


def use_threads(count: int) -> None:
    """Lets SimpleITK, for this process, take at most ``count`` threads."""
    simpleitk().ProcessObject.SetGlobalDefaultNumberOfThreads(count)
