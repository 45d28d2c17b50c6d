"""Parsing of ``--device``: the device on which a program runs."""

from __future__ import annotations

import re

from voxgpu.frozen import frozen

#: The values that ``--device`` accepts, for help texts.
DEVICES = ("auto", "cpu", "cuda:N", "reference")

_CUDA = re.compile(r"cuda(?::(\d+))?$")


@frozen(slots=True)
class DeviceSpec:
    """A requested device.

    kind      ``auto``, ``cpu``, ``reference`` or ``cuda``
    ordinals  for ``cuda``, the device numbers, in the driver's order
    """

    kind: str
    ordinals: tuple[int, ...] = ()


def parse_device(text: str) -> DeviceSpec:
    """Parses the value of ``--device``; ``cuda`` is the first GPU, ``cuda:0,cuda:1`` are two GPUs.

    Raises ValueError if it is not a device.
    """
    if text in ("auto", "cpu", "reference"):
        return DeviceSpec(text)
    matches = [_CUDA.match(each.strip()) for each in text.split(",")]
    ordinals = tuple(int(each[1] or 0) for each in matches if each)
    if len(ordinals) < len(matches) or len(set(ordinals)) < len(ordinals):
        raise ValueError(
            f"there is no device {text!r}; there are {', '.join(DEVICES)}, such as cuda:0, "
            "and several GPUs as cuda:0,cuda:1"
        )
    return DeviceSpec("cuda", ordinals)
