"""What does a program come to, for people who program in Python?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias, Union

import numpy as np

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.execution import result as plain
from voxgpu.execution.outputs import Saved
from voxgpu.image import Image as PlainImage
from voxgpu.python.image import Image

#: What ``print`` and ``save`` deliver; a sequence is a tuple, with None for items that failed.
Value: TypeAlias = Union[float, bool, str, "tuple[Value | None, ...]", Image]


class GoalsFailed(ImgqlError):
    """Some goals of a program failed; ``result`` has what the others came to."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], result: Result) -> None:
        super().__init__(diagnostics)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.diagnostics, self.result)


@dataclass(frozen=True, repr=False)
class Result(plain.Result):
    """What a program came to.

    prints    what was printed, in order: ``label``, ``type`` and ``value`` each
    saved     the images that were saved, in order: ``label``, ``path`` and ``image`` each
    errors    the goals that failed
    warnings  what leaves a doubt
    seconds   wall time of running, compiling not included
    nodes     how many values there are that goals need, or that decided how lowering went on
    computed  how many of them were computed
    reused    how many came from the store; what these were made of was not looked at
    """

    @property
    def ok(self) -> bool:
        """Whether all goals were delivered."""
        return not self.errors

    def raise_for_errors(self) -> Result:
        """The result itself; raises GoalsFailed, which is an ImgqlError, where goals failed."""
        if self.errors:
            raise GoalsFailed(self.errors, self)
        return self

    @property
    def values(self) -> dict[str, Value]:
        """Everything delivered, by label or file name; sequences are tuples."""
        return {**self.printed, **{s.label: _value(s.value) for s in self.saved}}

    @property
    def printed(self) -> dict[str, Value]:
        """What was printed, by label."""
        return {each.label: _value(each.value) for each in self.prints}

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers that were printed, by label."""
        return {p.label: p.value for p in self.prints if type(p.value) in (int, float)}  # type: ignore[misc]

    @property
    def images(self) -> dict[str, Image]:
        """The images that were saved, by file name as the program has it."""
        return {each.label: Image._of(each.image) for each in self.saved if not each.volumes}

    @property
    def volumes(self) -> dict[str, tuple[Image, ...]]:
        """The images of each file of several volumes that was saved, by its name."""
        found = ((each.label, each.images) for each in self.saved if each.volumes)
        return {label: tuple(map(Image._of, images)) for label, images in found}

    def __repr__(self) -> str:
        parts = [f"{len(self.prints)} printed", f"{len(self.saved)} saved"]
        failed = sum(len(each.goals) or 1 for each in self.errors)
        parts += [f"{failed} failed"] if self.errors else []
        parts += [f"{len(self.warnings)} warnings"] if self.warnings else []
        return f"<voxgpu.Result: {', '.join(parts)}, {self.seconds:.2f} s>"


def public(result: plain.Result, protected: bool) -> Result:
    """The same result for people; ``protected``, its arrays cannot be written to."""
    saved = tuple(_saved(each, protected) for each in result.saved)
    fields = {name: getattr(result, name) for name in plain.Result.__dataclass_fields__}
    return Result(**{**fields, "saved": saved})


def _saved(saved: Saved, protected: bool) -> Saved:
    if saved.volumes:
        return replace(saved, _images=tuple(_image(each, protected) for each in saved.images))
    return replace(saved, _image=_image(saved.image, protected))


def _image(image: PlainImage, protected: bool) -> Image:
    # Not a view whose flag says so, which somebody could set again.
    array: Any = image.array
    return Image(np.asarray(memoryview(array).toreadonly()) if protected else array, image.grid)


def _value(value: Any) -> Value:
    if isinstance(value, PlainImage):
        return Image._of(value)
    if isinstance(value, tuple):
        return tuple(map(_value, value))
    return value  # type: ignore[no-any-return]
