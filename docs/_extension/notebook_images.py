"""Descriptions of pictures in notebooks, for those who cannot see them."""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from sphinx.transforms import SphinxTransform


class DescribeImages(SphinxTransform):
    """Gives a picture that a cell shows the last line of the cell as its description."""

    default_priority: ClassVar = 410

    def apply(self, **_: Any) -> None:
        """Describe the pictures of one notebook."""
        for cell in self.document.findall(nodes.container):
            if cell.get("nb_element") != "cell_code":
                continue
            code = next(iter(cell.findall(nodes.literal_block)), None)
            for image in cell.findall(nodes.image):
                if code is not None and not image.get("alt"):
                    last = code.astext().rstrip().split("\n")[-1]
                    image["alt"] = f"The picture of {last}"
