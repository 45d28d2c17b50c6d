"""Colors of regions in pictures: red, green, blue, 0 to 255."""

from __future__ import annotations

#: Safe for color blindness, after Okabe and Ito.
COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)

#: Lighter and darker ones follow, for images of many labels.
MORE_COLORS = (
    *COLORS,
    (178, 223, 138),
    (166, 118, 29),
    (251, 154, 153),
    (106, 61, 154),
    (202, 178, 214),
)
