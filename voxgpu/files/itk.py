"""Headers of image files read by SimpleITK, with its errors condensed to one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from voxgpu.files.errors import FileError
from voxgpu.files.itk_readers import reader_of
from voxgpu.frozen import frozen
from voxgpu.itk.images import ELEMENTS
from voxgpu.itk.process import quiet, simpleitk

#: Messages of SimpleITK, and their meaning for a user.
_IN_OTHER_WORDS = {
    "Unable to determine ImageIO reader": "not an image in any format that SimpleITK reads",
    "Unknown PixelType": "its voxels are of a type that cannot be used here",
    "Unknown component type": "its voxels are of a type that cannot be used here",
    "Bad direction": "its header is damaged: its axes do not span space",
    "orthonormal": "its axes are not at right angles (neither qform nor sform is a rotation)",
    "allocate memory": "it is damaged: its reader wants more memory than its header promises",
    "bad_alloc": "it is damaged: its reader wants more memory than its header promises",
    # MetaIO says this of every failure, followed by whatever value errno had.
    "File cannot be read": "its MetaImage header or data is damaged or incomplete",
}

#: What helps with some of these.
_HELP = {
    "its voxels are of a type that cannot be used here": "gray with alpha, complex numbers and the "
    "like: convert it to one channel of numbers, or to colors of 3 or 4 channels",
}


@frozen(slots=True)
class Information:
    """SimpleITK's description of an image before its voxels are read; every axis, x first.

    size       voxels along each axis
    spacing    mm between voxel centers along each axis
    origin     mm, center of the first voxel (left, posterior, superior, …)
    direction  row-major matrix of direction cosines
    voxel      SimpleITK's name of the voxel type, such as ``vector of 32-bit float``
    channels   components of each voxel
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    voxel: str
    channels: int

    @property
    def element(self) -> str:
        """NumPy's name of the type of one component; empty if NumPy images have no such type."""
        return ELEMENTS.get(self.voxel.removeprefix("vector of "), "")


def information(path: str, image_io: str = "") -> Information:
    """Read the header of the file at ``path``, without voxels. Raises FileError.

    ``image_io`` is ITK's name of the reader; empty: chosen by content.
    """
    reader = simpleitk().ImageFileReader()
    reader.SetImageIO(image_io or reader_of(path))
    reader.SetFileName(path)
    with quiet(), report_errors(path):
        reader.ReadImageInformation()
    return Information(
        size=tuple(reader.GetSize()),
        spacing=tuple(reader.GetSpacing()),
        origin=tuple(reader.GetOrigin()),
        direction=tuple(reader.GetDirection()),
        voxel=simpleitk().GetPixelIDValueAsString(reader.GetPixelIDValue()),
        channels=reader.GetNumberOfComponents(),
    )


@contextmanager
def report_errors(path: str, action: str = "read", shown: str = "") -> Iterator[None]:
    """Turn SimpleITK's errors into FileErrors about ``path``; ITK calls the file ``shown``."""
    try:
        yield
    except RuntimeError as error:
        reason = condense_message(str(error), shown or path)
        raise FileError(path, reason, _HELP.get(reason, ""), action) from None


def condense_message(message: str, shown: str) -> str:
    """ITK's reason in one short line, without classes, addresses, source files and the path."""
    for word, reason in _IN_OTHER_WORDS.items():
        if word in message:
            return reason
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reasons = [line for line in lines if not line.startswith("Exception thrown")] or [message]
    if reasons[-1].startswith("Reason: "):  # the operating system's message
        return reasons[-1].removeprefix("Reason: ").lower()
    # The NRRD reader reports a chain of errors, the last of which is the reason.
    line = reasons[-1] if reasons[-1].startswith("[nrrd]") else reasons[0]
    for clutter in (r"^(sitk::|itk::|ITK )ERROR: ", r"^\w+\(0x[0-9a-f]+\): ", r"^\[nrrd\] \w+: "):
        line = re.sub(clutter, "", line)
    line = line.replace(f": {shown}", "").replace(shown, "it")
    return _shortened(" ".join(line.split())) or "SimpleITK cannot read it"


def _shortened(line: str) -> str:
    return line if len(line) <= 160 else line[:159] + "…"
