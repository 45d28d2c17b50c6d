"""Descriptions of values and types for the interactive prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from voxgpu.image import Image
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.sequence import shown
from voxgpu.types import Function, Type

#: Returns the signatures of the primitives with a name.
Signatures = Callable[[str], Sequence[str]]


def described(value: Value) -> str:
    """Formats a scalar or sequence as ``print`` does; of an image, a summary of its voxels."""
    if not isinstance(value, Image):
        return shown(value, inside=isinstance(value, str))
    head = f"image of {_content(value)}, {value.element}, {value.grid}"
    return f"{head}\n{_amount(value)}"


def described_type(kind: Type, signatures: Signatures) -> str:
    """Formats a type; for a function, one line for each overload."""
    if not isinstance(kind, Function):
        return str(kind)
    let = getattr(kind.target, "let", None)
    if let is not None and not let.span.source.ours:
        return f"function {kind.name}({', '.join(let.parameters or ())})"
    known = signatures(str(kind.target) if let is None else let.name)
    return "\n".join(f"function {each}" for each in known) or f"function {kind.name}(…)"


def described_lengths(kind: Type, lengths: Sequence[int]) -> str:
    """Formats the lengths of a nested sequence of images, shown before its first image."""
    if not lengths:
        return str(kind)
    index = ""
    parts = [f"{kind}, length {lengths[0]}"]
    for length in lengths[1:]:
        index += "[0]"
        parts.append(f"{index} of length {length}")
    return ", ".join(parts) + (f"; {index}[0] is" if lengths[-1] else "")


def _content(image: Image) -> str:
    if image.channels > 1:
        return f"colors of {image.channels} channels"
    return "true/false" if image.array.dtype == bool else "numbers"


def _amount(image: Image) -> str:
    array = image.array
    if array.dtype == bool:
        true = int(np.count_nonzero(array))
        return f"{true} of {array.size} voxels are true ({100 * true / array.size:.3g} %)"
    finite = array[np.isfinite(array)]
    if not finite.size:
        return "no voxel is a finite number"
    least, most, mean = float(finite.min()), float(finite.max()), float(finite.mean(dtype=float))
    text = f"min {least:g}, max {most:g}, mean {mean:g}"
    odd = array.size - finite.size
    return f"{text}, and {odd} voxels that are not finite" if odd else text
