"""Loaded by every Python that starts with this folder on its path: there are GPUs for it.

Dask's workers are such: dask-cuda says itself what they load before they begin.
"""

from tests.gpu.pretending import pretend

pretend()
