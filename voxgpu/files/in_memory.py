"""Images in memory that stand in for files, identified by their content."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property

import numpy as np

from voxgpu.files.header import Header
from voxgpu.files.write import content_of
from voxgpu.frozen import frozen
from voxgpu.image import Image
from voxgpu.types import ImageOf


@frozen(eq=False)
class InMemoryFile:
    """An image that no longer changes."""

    image: Image

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of voxels, element type and grid: equal for equal images."""
        image, grid = self.image, self.image.grid
        geometry = [grid.shape, grid.spacing, grid.origin, grid.direction, grid.nifti.hex()]
        described = json.dumps([image.element.name, image.channels, geometry])
        whole = hashlib.sha256(
            b"voxgpu image\0" + len(described).to_bytes(8, "little") + described.encode()
        )
        # Little-endian on every machine.
        voxels = np.ascontiguousarray(image.array, image.element.newbyteorder("<"))
        whole.update(voxels.reshape(-1).view(np.uint8).data)
        return whole.hexdigest()


def in_memory_header(name: str, image: Image) -> Header:
    """The header that a file with this image would have, without files."""
    return Header(
        name, image.grid, image.element.name, image.channels, (), in_memory=InMemoryFile(image)
    )


def type_of(image: Image) -> ImageOf:
    """The language type of a loaded in-memory image: booleans make a region."""
    return ImageOf(content_of(image))
