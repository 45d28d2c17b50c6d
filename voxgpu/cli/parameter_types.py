"""Parameter types of the command line: sizes, times and devices."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from voxgpu.byte_sizes import bytes_of
from voxgpu.device_spec import parse_device

_SECONDS = {"": 86400.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")


class Size(click.ParamType):  # type: ignore[type-arg]
    """Bytes, such as ``500M``, ``20G`` or ``1.5GiB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        try:
            return bytes_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Number(click.FloatRange):
    """A finite number in a range: what ``click.FloatRange`` takes, but for ``nan`` and ``inf``."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number


class Age(click.ParamType):  # type: ignore[type-arg]
    """A time, such as ``30d``, ``12h`` or ``45m``; a plain number means days."""

    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number of seconds."""
        if isinstance(value, float):
            return value
        match = _AGE.fullmatch(value.strip())
        if match is None:
            self.fail(f"{value!r} is no time; write 30d, 12h or 45m", param, ctx)
        return float(match[1]) * _SECONDS[match[2]]


class Device(click.ParamType):  # type: ignore[type-arg]
    """A device, as ``voxgpu.device_spec.parse_device`` reads it."""

    name = "device"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text if it names a device."""
        try:
            parse_device(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


SIZE = Size()
DEVICE = Device()
AGE = Age()


def age_text(seconds: float) -> str:
    """Format a time for people, in its largest unit."""
    for limit, unit, length in ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
