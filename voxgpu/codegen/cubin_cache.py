"""A cache of compiled GPU code in files, by text, architecture and compiler.

As with code for the CPU (``object_cache.py``) no failure here can fail a run: damaged or missing
files are compiled again. A folder may be filled ahead of time on a computer without a GPU.
"""

from __future__ import annotations

from hashlib import sha256
from threading import Lock

from voxgpu.codegen import nvrtc
from voxgpu.codegen.nvrtc import Built
from voxgpu.codegen.object_cache import ObjectCache

#: Increase when other code is generated from the same text.
_VERSION = 1


class Cubins:
    """Compiles texts for one architecture, or loads them from the cache.

    architecture  such as 90 for sm_90
    compiled      number of texts that were compiled, rather than loaded
    """

    def __init__(self, cache: ObjectCache, architecture: int) -> None:
        self._cache = cache
        self._lock = Lock()
        self.architecture = architecture
        self.compiled = 0

    def cubin(self, text: str) -> bytes:
        """The code of a text. Raises NvrtcError if it does not compile, or there is no compiler."""
        key = self.key(text)
        found = self._cache.get(key)
        if found is None:
            # If several processes need it at once, one of them compiles it.
            with self._cache.alone(key):
                found = self._cache.get(key)
                return found if found is not None else self._built(text).cubin
        return found

    def build(self, text: str) -> Built | None:
        """Compiles a text unless the code is cached; returns the build, None if it was cached."""
        return None if self._cache.get(self.key(text)) is not None else self._built(text)

    def _built(self, text: str) -> Built:
        built = nvrtc.compile_text(text, self.architecture)
        with self._lock:
            self.compiled += 1
        self._cache.put(self.key(text), built.cubin)
        return built

    def key(self, text: str) -> str:
        """The cache key of the code generated from a text."""
        identity = (str(_VERSION), nvrtc.version(), str(self.architecture), *nvrtc.OPTIONS)
        return sha256("\n".join((*identity, text)).encode()).hexdigest()
