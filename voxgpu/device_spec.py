"""On what is a program asked to run?"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What ``--device`` accepts, for people.
DEVICES = ("auto", "cpu", "cuda:N", "reference")

_CUDA = re.compile(r"cuda(?::(\d+))?$")


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """What was asked for.

    kind      ``auto``, ``cpu``, ``reference`` or ``cuda``
    ordinals  of ``cuda`` the devices, in the order of the driver
    """

    kind: str
    ordinals: tuple[int, ...] = ()


def parse_device(text: str) -> DeviceSpec:
    """What ``--device`` asks for; ``cuda`` is the first GPU, ``cuda:0,cuda:1`` are two of them.

    Raises ValueError for what is no device.
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
