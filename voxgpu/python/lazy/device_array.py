"""Images on a GPU for CuPy, PyTorch and others, without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxgpu.backends.cuda import detect
from voxgpu.image import Grid
from voxgpu.python.image import Image
from voxgpu.python.lazy.evaluate import on_device
from voxgpu.python.lazy.terms import Term
from voxgpu.python.session import Session

if TYPE_CHECKING:
    import numpy as np

    from voxgpu.backends.cuda.values import DeviceImage


class DeviceArray:
    """The voxels of an image on a GPU, along (z, y, x), and its grid.

    ``cupy.asarray(array)``, ``torch.as_tensor(array)`` and ``from_dlpack`` of other libraries use
    the same memory, which stays as long as one of them does. The session uses it for later values,
    too, so it must not be written to.
    """

    def __init__(self, image: DeviceImage) -> None:
        image.event.synchronize()  # no other library has to wait
        self._image = image

    @property
    def grid(self) -> Grid:
        """The grid of the voxels."""
        return self._image.grid

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, (z, y, x) or (y, x), and channels of colors."""
        return tuple(self._image.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        dtype: np.dtype[Any] = self._image.array.dtype
        return dtype

    def image(self) -> Image:
        """A copy in host memory."""
        return Image._of(self._image.fetch())

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        array: Any = self._image.array
        return {**array.__cuda_array_interface__, "stream": None}

    def __dlpack__(self, **options: Any) -> Any:
        return self._image.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, int(self._image.device.ordinal)  # 2: kDLCUDA

    def __repr__(self) -> str:
        size = "×".join(map(str, reversed(self.shape)))
        return f"<voxgpu.DeviceArray {size} of {self.dtype} on cuda:{self._image.device.ordinal}>"


def device_array(term: Term, session: Session) -> DeviceArray:
    """The image on the GPU that computes it. Raises TypeError if none does, or it is no image."""
    value = on_device(term, session)
    if not _is_device_image(value):
        what = "in host memory" if isinstance(value, Image) else "no image"
        raise TypeError(f'the value is {what}: for images on a GPU, vx.configure(device="cuda:0")')
    return DeviceArray(value)


def array_if_on_device(term: Term, session: Session) -> DeviceArray | None:
    """The image on the GPU that computes it; None, often without computing, if none does."""
    if session.device != "auto" and not session.device.startswith("cuda"):
        return None
    if session.device == "auto" and not detect.detect_gpus()[0]:
        return None
    value = on_device(term, session)
    return DeviceArray(value) if _is_device_image(value) else None


def _is_device_image(value: object) -> bool:
    return hasattr(value, "event") and hasattr(value, "grid")
