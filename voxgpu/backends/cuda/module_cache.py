"""The compiled kernels of a device; all that a schedule needs are compiled together.

The hand-written kernels of a file are one module, which any program finds compiled; those generated
for a schedule and not yet loaded are another. Compiling runs beside reading files; whoever launches
a kernel first waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from voxgpu.codegen.cuda_kernels import family, library_text, prelude
from voxgpu.codegen.cuda_renderer import CudaKernel, texts

#: From a text to code, and from code to a module of CuPy's.
Compile = Callable[[str], bytes]
Load = Callable[[bytes], Any]

#: Runs something on a thread.
Submit = Callable[[Callable[[], Any]], "Future[Any]"]


def text_of_kernels(kernels: Iterable[CudaKernel]) -> str:
    """The source text of generated kernels, in a fixed order; empty for none."""
    named = texts(list(kernels))
    return prelude() + "\n".join(named[name] for name in sorted(named)) if named else ""


class Modules:
    """The kernels of one device."""

    def __init__(self, compile_text: Compile, load: Load, submit: Submit) -> None:
        self._compile = compile_text
        self._load = load
        self._submit = submit
        self._libraries: dict[str, Future[bytes]] = {}
        self._pending: dict[str, Future[bytes]] = {}
        self._functions: dict[tuple[str, str], Any] = {}
        self._loaded: dict[Future[bytes], Any] = {}

    def prepare(self, kernels: Iterable[CudaKernel], libraries: Iterable[str]) -> None:
        """Starts compiling kernels that are not loaded yet."""
        for stem in libraries:
            for each in family(stem):
                self._library(each)
        new = {each.name: each for each in kernels}
        for name in new.keys() & self._pending.keys():
            del new[name]
        if new:
            text = text_of_kernels(new.values())
            self._pending.update(dict.fromkeys(new, self._submit(lambda: self._compile(text))))

    def library(self, stem: str, name: str) -> Any:
        """A hand-written kernel of ``kernels/<stem>.cu``."""
        function = self._functions.get((stem, name))
        if function is None:
            function = self._module(self._library(stem)).get_function(name)
            self._functions[stem, name] = function
        return function

    def generated(self, kernel: CudaKernel) -> Any:
        """A generated kernel; compiled by itself if it was not prepared."""
        name = kernel.name
        function = self._functions.get(("", name))
        if function is None:
            if name not in self._pending:
                self.prepare([kernel], ())
            function = self._module(self._pending[name]).get_function(name)
            self._functions["", name] = function
        return function

    def _library(self, stem: str) -> Future[bytes]:
        if stem not in self._libraries:
            text = library_text(stem)
            self._libraries[stem] = self._submit(lambda: self._compile(text))
        return self._libraries[stem]

    def _module(self, code: Future[bytes]) -> Any:
        if code not in self._loaded:
            self._loaded[code] = self._load(code.result())
        return self._loaded[code]
