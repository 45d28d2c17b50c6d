"""Makes mock GPUs available in every Python that starts with this folder on its path.

This includes dask's workers: dask-cuda determines what they load before they begin.
"""

from tests.backends.cuda.emulated_cli import pretend

pretend()
