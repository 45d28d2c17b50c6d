"""The JIT compiler: turns LLVM IR into optimized machine code for this machine, and caches it.

A text is compiled in 5–15 ms; its object file is kept in the cache and linked into a later process
in less than 1 ms. Functions are named by the hash of their text, so that no two can be confused.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any

from voxgpu.caches.location import VARIABLE, Place, place, private_folder
from voxgpu.caches.notices import tell
from voxgpu.codegen.object_cache import ObjectCache
from voxgpu.forking import hold_while_forking
from voxgpu.spans import span

#: Held while the process's compiler is created.
_MAKING = RLock()

#: Held while LLVM works.
_WORKING = RLock()

hold_while_forking(_WORKING)
hold_while_forking(_MAKING)

#: Increase when other code is generated from the same text.
_VERSION = 1

CTYPES: dict[str, Any] = {
    "int32": ctypes.c_int32,
    "int64": ctypes.c_int64,
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
    "bool": ctypes.c_bool,
}


class JitCompiler:
    """Compiles, caches and links code for this machine; one instance per process.

    processor  LLVM's name of another kind of processor to compile for; its code can be read, by
               ``assembly``, but not run
    compiled   number of texts that were compiled, rather than found in the cache
    """

    def __init__(self, cache: ObjectCache, processor: str = "") -> None:
        import llvmlite
        import llvmlite.binding as llvm

        self._llvm = llvm
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._cpu = processor or llvm.get_host_cpu_name()
        self._features = "" if processor else llvm.get_host_cpu_features().flatten()
        target = llvm.Target.from_default_triple()
        self._target = target.create_target_machine(
            cpu=self._cpu, features=self._features, opt=3, codemodel="jitdefault", jit=True
        )
        self._identity = f"{_VERSION} {llvmlite.__version__} {self._target.triple} {self._cpu} "
        self._identity += self._features
        self._cache = cache
        self._lock = _WORKING
        # llvmlite's lock: objects collected as garbage, on any thread, are released while it is
        # held.
        within = getattr(getattr(llvm.ffi.lib, "_lock", None), "_lock", None)
        if within is not None:
            hold_while_forking(within)
        # The engine owns the modules added to it and keeps code linked until the process ends.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        self.compiled = 0

    def keep_in(self, cache: ObjectCache) -> None:
        """Look up and keep code in another cache from now on; what was linked stays linked."""
        with self._lock:
            self._cache = cache

    def key(self, text: str) -> str:
        """The cache key of the code generated from a text on this machine."""
        return sha256(f"{self._identity}\n{text}".encode()).hexdigest()

    def address(self, key: str, make: Callable[[str], str]) -> int:
        """The address of the function whose code has this key.

        make  returns the text of a module that defines one function of the given name
        """
        name = f"k_{key[:32]}"
        with self._lock:
            if not self._linked(key):
                # If several processes need it at once, one of them compiles it.
                with self._cache.alone(key):
                    if not self._linked(key):
                        with span("compiling kernels", name):
                            code = self._compile(make(name), name)
                        self._cache.put(key, code)
                        self._link(code)
            address: int = self._engine.get_function_address(name)
            assert address, name
            return address

    def assembly(self, text: str, name: str) -> str:
        """The assembly of a module, for inspection and tests."""
        with self._lock:
            found: str = self._target.emit_assembly(self._module(text, name))
            return found

    def _linked(self, key: str) -> bool:
        """Links the code from the cache; returns whether it was found."""
        code = self._cache.get(key)
        return code is not None and self._link(code)

    def _link(self, code: bytes) -> bool:
        """Links an object file; returns whether it is valid."""
        try:
            self._engine.add_object_file(self._llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()
        except RuntimeError:
            return False
        return True

    def _compile(self, text: str, name: str) -> bytes:
        self.compiled += 1
        code: bytes = self._target.emit_object(self._module(text, name))
        return code

    def _module(self, text: str, name: str) -> Any:
        llvm = self._llvm
        module = llvm.parse_assembly(text)
        module.verify()
        for function in module.functions:
            if function.name != name and not function.is_declaration:
                function.linkage = "internal"
        options = llvm.PipelineTuningOptions(speed_level=3)
        options.loop_vectorization = options.slp_vectorization = True
        options.loop_unrolling = True
        builder = llvm.create_pass_builder(self._target, options)
        builder.getModulePassManager().run(module, builder)
        return module


_folder: list[Path | None] = []

#: Where the cache of the process lies, as far as the environment decides that.
_used: list[Place] = []


def set_cache_folder(folder: Path | None) -> None:
    """Sets the folder for machine code; None disables caching. Call before anything is compiled."""
    _folder[:] = [folder]
    _only_machine.cache_clear()


def follow_cache_folder() -> None:
    """Keep machine code in the folders that ``VOXGPU_CACHE`` names now, which may have changed.

    Without effect after ``set_cache_folder``. Where nothing was compiled yet there is nothing to
    do: the folders are looked up by the first compilation.
    """
    with _MAKING:
        if not _folder and _only_machine.cache_info().currsize and _used != [place()]:
            _only_machine().keep_in(_own_cache())


def code_folder() -> Path | None:
    """The parent folder of new machine code, of any machine; None if caching is disabled."""
    if _folder:
        return _folder[0]
    own = place().folder
    return own / "kernels" if own is not None else None


def code_cache(suffix: str) -> ObjectCache:
    """The cache of machine code in files with this suffix."""
    if _folder:
        return ObjectCache(_folder[0], suffix)
    others = [each / "kernels" for each in place().others]
    return ObjectCache(code_folder(), suffix, others, _instead)


def _instead(folder: Path, reason: str) -> Path | None:
    """A replacement for an unusable cache folder, reported in a warning."""
    private = private_folder()
    other = private / "kernels" if private is not None else None
    kept = f"kept in `{other}`" if other is not None else "not kept, and compiled in each process"
    tell(
        f"`{folder}` cannot be used for compiled kernels, {reason}: they are {kept}",
        f"set {VARIABLE} to a folder of your own, to which nobody else may write",
    )
    return other


def _own_cache() -> ObjectCache:
    """The cache of this process's machine code; ``_used`` says where it lies."""
    _used[:] = [] if _folder else [place()]
    return code_cache(".o")


@lru_cache(maxsize=1)
def _only_machine() -> JitCompiler:
    return JitCompiler(_own_cache())


def jit_compiler() -> JitCompiler:
    """The compiler of this process, created on first use by any thread."""
    # functools.cache alone would let threads that call at once create one each.
    with _MAKING:
        return _only_machine()


def address_of(array: Any) -> int:
    """The address of the first element of a contiguous array.

    Asking NumPy, ``array.ctypes.data``, takes five times as long.
    """
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):  # an array that cannot be written, or an empty one
        found: int = array.ctypes.data
        return found


def function_at(address: int, result: str | None, arguments: Sequence[str]) -> Callable[..., Any]:
    """A function that releases the GIL; types are names, those of pointers end with ``*``."""
    types = [ctypes.c_void_p if each.endswith("*") else CTYPES[each] for each in arguments]
    prototype = ctypes.CFUNCTYPE(CTYPES[result] if result else None, *types)
    return prototype(address)
