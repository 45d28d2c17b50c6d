"""Results of programs in the Python interface."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from dataclasses import replace
from typing import Any, TypeAlias, Union

import numpy as np

from voxgpu.deferred import DeferredValue
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.execution import result as plain
from voxgpu.execution.outputs import Saved
from voxgpu.frozen import frozen
from voxgpu.image import Image as PlainImage
from voxgpu.primitives.sequence import shown
from voxgpu.python.image import Image

#: Values of ``print`` and ``save``; a sequence is a tuple, with None for items that failed.
Value: TypeAlias = Union[float, bool, str, "tuple[Value | None, ...]", Image]


#: Maximum number of values, and of characters of each, that ``repr`` shows.
_SHOWN, _WIDTH = 8, 40


class GoalsFailed(ImgqlError):
    """Some goals of a program failed; ``result`` has the values of the others."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], result: Result) -> None:
        super().__init__(diagnostics)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.diagnostics, self.result)


@frozen(repr=False)
class Result(plain.Result):
    """The results of a program.

    prints    printed values, in order: ``label``, ``type`` and ``value`` each
    saved     saved images, in order: ``label``, ``path`` and ``image`` each
    errors    the goals that failed
    warnings  warnings about the results
    seconds   wall time of running, without compiling
    nodes     number of values that the goals need, or that controlled lowering
    computed  number of values computed
    reused    number of values from the store; their own inputs are not counted
    """

    @property
    def ok(self) -> bool:
        """Whether all goals were delivered."""
        return not self.errors

    def raise_for_errors(self) -> Result:
        """Return the result itself; raises GoalsFailed, an ImgqlError, if goals failed."""
        if self.errors:
            raise GoalsFailed(self.errors, self)
        return self

    @property
    def values(self) -> dict[str, Value]:
        """All delivered values, by label or file name; sequences are tuples."""
        return {**self.printed, **{s.label: _value(s.value) for s in self.saved}}

    @property
    def printed(self) -> dict[str, Value]:
        """The printed values, by label."""
        return {each.label: _value(each.value) for each in self.prints}

    @property
    def numbers(self) -> dict[str, float]:
        """The printed numbers, by label."""
        return {p.label: p.value for p in self.prints if type(p.value) in (int, float)}  # type: ignore[misc]

    @property
    def images(self) -> dict[str, Image]:
        """The saved images, by file name as in the program."""
        return {each.label: Image._of(each.image) for each in self.saved if not each.volumes}

    @property
    def volumes(self) -> dict[str, tuple[Image, ...]]:
        """The images of each saved file of several volumes, by file name."""
        files = ((each.label, each.images) for each in self.saved if each.volumes)
        return {label: tuple(map(Image._of, images)) for label, images in files}

    def __getitem__(self, label: str) -> Value:
        """A printed value by its label, or what was saved by its file name.

        Raises KeyError for a name that the program does not have; ImgqlError for one that failed.
        """
        values = self.values
        if label in values:
            return values[label]
        causes = [each.cause for each in self.failures if each.goal in _goals_named(label)]
        if causes:
            raise ImgqlError(causes)
        known = ", ".join(map(repr, values)) or "nothing"
        raise KeyError(f"{label!r} is not among what the program delivered: {known}")

    def __contains__(self, label: object) -> bool:
        return label in self.values

    def __iter__(self) -> Iterator[str]:
        """The labels and file names, so that ``dict(result)`` is ``result.values``."""
        return iter(self.values)

    def keys(self) -> KeysView[str]:
        """The labels of printed values and the names of saved files."""
        return self.values.keys()

    def to_dict(self) -> dict[str, Any]:
        """Everything but voxels as plain data, which ``json`` can write.

        ``printed`` has values by label, with texts for infinity and NaN; ``saved`` path, element
        type and grid of files by name; ``errors`` and ``warnings`` their text.
        """
        files = {each.label: each.as_json() for each in self.saved}
        return {
            "printed": {each.label: each.as_json()["value"] for each in self.prints},
            "saved": files,
            "errors": [str(each) for each in self.errors],
            "warnings": [str(each) for each in self.warnings],
            "seconds": self.seconds,
            "nodes": self.nodes,
            "computed": self.computed,
            "reused": self.reused,
        }

    def __repr__(self) -> str:
        failed = sum(len(each.goals) or 1 for each in self.errors)
        parts = [f"{each.label}={_shown(each.value)}" for each in self.prints[:_SHOWN]]
        parts += [f"{len(self.prints) - _SHOWN} more printed"] if len(self.prints) > _SHOWN else []
        saved = [each.label for each in self.saved]
        parts += [f"saved {', '.join(saved[:_SHOWN])}"] if saved else []
        parts += [f"and {len(saved) - _SHOWN} more"] if len(saved) > _SHOWN else []
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{len(self.warnings)} warnings"] if self.warnings else []
        return f"<voxgpu.Result {', '.join([*parts, f'{self.seconds:.2f} s'])}>"

    def _repr_html_(self) -> str:
        """What was printed and saved, for notebooks."""
        from voxgpu.python.html import result_html

        return result_html(self.printed, self.images, self.errors, self.warnings)


def _goals_named(label: str) -> tuple[str, ...]:
    return f'print "{label}"', f'save "{label}"'


def _shown(value: Any) -> str:
    """A value, shortened."""
    text = shown(value) if isinstance(value, float) else repr(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def public(result: plain.Result, protected: bool) -> Result:
    """Convert a result for the user; ``protected`` makes its arrays read-only."""
    saved = tuple(_saved(each, protected) for each in result.saved)
    found = tuple((label, _public(value, protected)) for label, value in result.found)
    fields = {name: getattr(result, name) for name in plain.Result.__dataclass_fields__}
    return Result(**{**fields, "saved": saved, "found": found})


def _saved(saved: Saved, protected: bool) -> Saved:
    if saved.volumes:
        return replace(saved, _images=tuple(_image(each, protected) for each in saved.images))
    return replace(saved, _image=_image(saved.image, protected))


def _public(value: Any, protected: bool) -> Any:
    if isinstance(value, tuple):
        return tuple(_public(each, protected) for each in value)
    if isinstance(value, PlainImage) and not isinstance(value, DeferredValue):
        return _image(value, protected)
    return value  # a number or a text, or on a device


def _image(image: PlainImage, protected: bool) -> Image:
    # Not a view with a read-only flag, which a user could reset.
    array: Any = image.array
    return Image(np.asarray(memoryview(array).toreadonly()) if protected else array, image.grid)


def _value(value: Any) -> Value:
    if isinstance(value, PlainImage):
        return Image._of(value)
    if isinstance(value, tuple):
        return tuple(map(_value, value))
    return value  # type: ignore[no-any-return]
