"""What is a program given in place of a file? An image in memory, named by its content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from voxgpu.files.header import Header
from voxgpu.files.write import content_of
from voxgpu.image import Image
from voxgpu.types import ImageOf


@dataclass(frozen=True, eq=False)
class InMemoryFile:
    """An image that nobody changes any more."""

    image: Image

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of voxels, their element and their place: two equal images have one."""
        image, grid = self.image, self.image.grid
        place = [grid.shape, grid.spacing, grid.origin, grid.direction, grid.nifti.hex()]
        said = json.dumps([image.element.name, image.channels, place])
        whole = hashlib.sha256(b"voxgpu image\0" + len(said).to_bytes(8, "little") + said.encode())
        # The first byte first, on every machine.
        voxels = np.ascontiguousarray(image.array, image.element.newbyteorder("<"))
        whole.update(voxels.reshape(-1).view(np.uint8).data)
        return whole.hexdigest()


def given_header(name: str, image: Image) -> Header:
    """The header that a file with this image would have; it is in none."""
    return Header(
        name, image.grid, image.element.name, image.channels, (), given=InMemoryFile(image)
    )


def type_of(image: Image) -> ImageOf:
    """The type of what ``load`` of an image in memory is: truth values make a region."""
    return ImageOf(content_of(image))
