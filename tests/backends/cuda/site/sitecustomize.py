"""Loaded by every Python that starts with this folder on its path: there are GPUs for it.

Dask's workers are such: dask-cuda says itself what they load before they begin.
"""

from tests.backends.cuda.emulated_cli import pretend

pretend()
