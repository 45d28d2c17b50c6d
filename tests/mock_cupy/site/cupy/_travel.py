"""Serialization of arrays between dask workers: through the host, onto their devices."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from cupy._creation import asarray
from cupy._ndarray import ndarray


def register() -> None:
    """Registers with dask, if it is installed.

    The real CuPy is registered by dask itself, through libraries that need a GPU.
    """
    if find_spec("distributed") is None:
        return
    protocol: Any = import_module("distributed.protocol")
    size_of: Any = import_module("dask.sizeof").sizeof
    protocol.dask_serialize.register(ndarray)(_departing)
    protocol.dask_deserialize.register(ndarray)(_arriving)
    size_of.register(ndarray)(lambda array: array.nbytes)


def _departing(array: ndarray) -> tuple[dict[str, Any], list[memoryview]]:
    host = array.get()
    return {"shape": host.shape, "dtype": host.dtype.str}, [host.reshape(-1).view("u1").data]


def _arriving(header: dict[str, Any], frames: list[Any]) -> ndarray:
    bytes_of_all = b"".join(frames)
    host = np.frombuffer(bytes_of_all, header["dtype"]).reshape(header["shape"])
    # Its user queues on its own stream, and does not know the stream on which it arrived.
    return asarray(host, blocking=True)
