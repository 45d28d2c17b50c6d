"""Lazy values: expressions of ImgQL that are written in Python, computed when needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from voxgpu.diagnostics import Span
from voxgpu.image import Grid
from voxgpu.python.image import Image
from voxgpu.python.lazy.convert import Unconvertible, call
from voxgpu.python.lazy.default_session import session_of
from voxgpu.python.lazy.evaluate import Settings, grid_of, saved, values_of
from voxgpu.python.lazy.names import FunctionEntry, functions, in_position, methods
from voxgpu.python.lazy.operators import Operators, term_of
from voxgpu.python.lazy.outline import outline
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Term, of_table, table

if TYPE_CHECKING:
    import numpy.typing as npt

    from voxgpu.python.lazy.device_array import DeviceArray
    from voxgpu.python.lazy.functions import Methods
    from voxgpu.python.progress import Progress
    from voxgpu.python.session import Session
else:
    Methods = object

_BOOLEAN = """the truth value of a lazy value is not known while Python runs. Write
  a & b      for  a and b
  a | b      for  a or b
  ~a         for  not a
  (a < v) & (v < b), or vx.between(a, b, v),  for  a < v < b
  vx.if_then_else(c, a, b)  for  a if c else b
and bool(x.compute()) where the value itself is meant"""


class LazyValue(Operators, Methods):
    """A value that is computed when it is needed: an image, a number, a text, or a sequence.

    Operators and the functions of voxgpu combine lazy values to others, of the same plan nodes as
    in ImgQL; ``&``, ``|``, ``~`` and ``^`` (either but not both) are the logical ones. Functions
    whose first argument is an image or a sequence are methods, too: ``v.max()``.

    ``compute`` returns the value; so do ``float`` for a number and ``numpy.asarray`` for an image.
    Nothing is computed twice in a session. ``voxgpu.load`` and ``voxgpu.from_array`` create one.
    """

    __slots__ = ("__weakref__", "_on_device", "_term")

    #: NumPy leaves operators with its arrays and numbers to this class.
    __array_ufunc__ = None

    def __init__(self, term: Term) -> None:
        self._term = term
        #: What other libraries may still refer to: they keep this object alive, not its array.
        self._on_device: tuple[Session, DeviceArray | None] | None = None

    def _of(self, term: Term) -> LazyValue:
        return LazyValue(term)

    def compute(
        self,
        *,
        session: Session | None = None,
        progress: Callable[[Progress], None] | None = None,
        same_grid: str | None = None,
        nifti_form: str = "",
        series: str = "",
        grid_tolerance: float = 1e-3,
    ) -> Any:
        """The value: an ``Image``, a float, a bool, a str, or a tuple of these.

        The parameters are those of ``voxgpu.compute``, which computes several values at once.
        """
        settings = Settings(same_grid, nifti_form, series, grid_tolerance)
        return values_of([self._term], session, settings, "raise", progress)[0]

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        session: Session | None = None,
        sidecar: bool = True,
    ) -> Path | tuple[Path, ...]:
        """Write the image to a file, as ``save`` in ImgQL does, and return its path.

        The images of a sequence get files of their own, whose paths are returned.

        sidecar  write a file ``NAME.json`` beside the image, which tells how it came about

        Raises ImgqlError if the file cannot be written, or the format cannot hold the image.
        """
        files = {os.fspath(path): self._term}
        result = saved(files, session, Settings(), "raise", None, sidecar)
        paths = tuple(each.path for each in result.saved)
        return paths[0] if len(paths) == 1 else paths

    @property
    def grid(self) -> Grid:
        """The grid of an image, found without reading voxels. Raises TypeError for others."""
        return grid_of(self._term)

    def image(self) -> Image:
        """The computed image. Raises TypeError for other values."""
        value = self.compute()
        if not isinstance(value, Image):
            raise TypeError(f"an image is needed, this is a {type(value).__name__}")
        return value

    def to_sitk(self) -> Any:
        """The computed image as a ``SimpleITK.Image``; see ``Image.to_sitk``."""
        return self.image().to_sitk()

    def to_nibabel(self) -> Any:
        """The computed image as a ``nibabel.Nifti1Image``; see ``Image.to_nibabel``."""
        return self.image().to_nibabel()

    def view(self, *over: object) -> Any:
        """The image in a viewer of ipyniivue, with regions or other images over it in colors.

            flair.view(tumor)

        Returns its widget, which a notebook displays. Raises ImportError, with the command that
        installs it, if there is no ipyniivue.
        """
        from voxgpu.python.lazy.display import viewer

        span = here()
        terms = [self._term, *(term_of(each, span) for each in over)]
        images = values_of(terms, None, Settings(), "raise", None)
        if not all(isinstance(each, Image) for each in images):
            raise TypeError("only images can be viewed")
        return viewer(images)

    def _repr_html_(self) -> str:
        """The computed value for notebooks: slices and statistics of an image, or the number."""
        from voxgpu.python.lazy.display import html

        return html(self.compute())

    def _repr_png_(self) -> bytes | None:
        from voxgpu.python.lazy.display import png

        return png(self.compute())

    def on_device(self, *, session: Session | None = None) -> DeviceArray:
        """The image on the GPU that computes it, for CuPy, PyTorch and others, without a copy.

        Raises TypeError where the CPU computes.
        """
        from voxgpu.python.lazy.device_array import device_array

        return device_array(self._term, session_of(session))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The voxels on the GPU that computes them, which stay there as long as this value does.

        Raises AttributeError where the CPU computes, as other libraries expect.
        """
        array = self._array_on_device()
        if array is None:
            raise AttributeError("no GPU computes this value")
        return array.__cuda_array_interface__

    def __dlpack__(self, **options: Any) -> Any:
        """The voxels on the GPU, or in host memory where the CPU computes."""
        array = self._array_on_device()
        return (self.image().array if array is None else array).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        array = self._array_on_device()
        return (1, 0) if array is None else array.__dlpack_device__()

    def _array_on_device(self) -> DeviceArray | None:
        """The image on the GPU that computes it in the session of now; None where none does."""
        from voxgpu.python.lazy.device_array import array_if_on_device

        session = session_of(None)
        kept = self._on_device
        if kept is None or kept[0] is not session:
            kept = self._on_device = session, array_if_on_device(self._term, session)
        return kept[1]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """The voxels of the computed image along (z, y, x), or the number, for NumPy."""
        import numpy

        value = self.compute()
        if isinstance(value, Image):
            return value.__array__(dtype, copy)
        return numpy.array(value, dtype)

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def _number(self) -> float:
        value = self.compute()
        if not isinstance(value, int | float):
            raise TypeError(f"a number is needed, this is a {type(value).__name__}")
        return value

    # What Python decides while it runs.

    def __bool__(self) -> NoReturn:
        raise TypeError(_BOOLEAN)

    def __len__(self) -> NoReturn:
        raise TypeError("the length of a lazy value is lazy, too: write vx.length(xs)")

    #: Python would otherwise ask for items without end.
    __iter__ = None
    __contains__ = None
    __hash__ = object.__hash__

    if not TYPE_CHECKING:  # the type checker knows all methods, and should miss others

        def __getattr__(self, name: str) -> Callable[..., LazyValue]:
            """The functions of voxgpu as methods."""
            if not name.startswith("_"):
                if name in methods():
                    entry = functions()[name]

                    def method(*arguments: object, **named: object) -> LazyValue:
                        return applied(name, (self, *arguments), named, entry)

                    method.__name__, method.__doc__ = name, entry.doc
                    return method
                similar = get_close_matches(name, [*methods(), *dir(type(self))], n=1)
                hint = f"; did you mean {similar[0]}?" if similar else ""
                raise AttributeError(f"lazy values have no {name}{hint}")
            raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *methods()})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the terms one after the other, however deep; see ``terms.table``."""
        return _from_table, (table(self._term),)

    def __repr__(self) -> str:
        return f"<voxgpu.LazyValue {outline(self._term)}>"


def _from_table(rows: list[tuple[Term, list[int]]]) -> LazyValue:
    return LazyValue(of_table(rows))


def applied(
    name: str,
    arguments: Sequence[object],
    named: Mapping[str, object],
    entry: FunctionEntry | None = None,
    make: Callable[[str, Sequence[Term], Span], Term] = call,
) -> LazyValue:
    """The lazy value of a function; arguments by name are put in the order of an overload.

    make  makes the term of the call

    Raises TypeError for arguments that are no values, and for names that no overload has.
    """
    span = here()
    terms = []
    for number, each in enumerate([*arguments, *in_position(name, arguments, named, entry)], 1):
        try:
            terms.append(term_of(each, span))
        except Unconvertible as problem:
            raise TypeError(f"argument {number} of {name}: {problem}") from None
    return LazyValue(make(name, terms, span))
