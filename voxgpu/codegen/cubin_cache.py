"""Where does code for GPUs wait for the next run? In files, by text, architecture and compiler.

As with code for the CPU (``object_cache.py``) nothing here can fail a run: what is damaged or
missing is compiled again. A folder may be warmed ahead on a computer without a GPU.
"""

from __future__ import annotations

from hashlib import sha256
from threading import Lock

from voxgpu.codegen import nvrtc
from voxgpu.codegen.nvrtc import Built
from voxgpu.codegen.object_cache import ObjectCache

#: Bump when other code comes out of the same text.
_VERSION = 1


class Cubins:
    """Compiles texts for one architecture, or finds them compiled.

    architecture  such as 90 for sm_90
    compiled      how many texts were compiled, rather than found
    """

    def __init__(self, cache: ObjectCache, architecture: int) -> None:
        self._cache = cache
        self._lock = Lock()
        self.architecture = architecture
        self.compiled = 0

    def cubin(self, text: str) -> bytes:
        """The code of a text. Raises NvrtcError where it is no program, or nothing compiles it."""
        key = self.key(text)
        found = self._cache.get(key)
        if found is None:
            # Of processes that need it at once, one compiles it.
            with self._cache.alone(key):
                found = self._cache.get(key)
                return found if found is not None else self._built(text).cubin
        return found

    def build(self, text: str) -> Built | None:
        """Sees to it that the code is there; what was built, None where it was there already."""
        return None if self._cache.get(self.key(text)) is not None else self._built(text)

    def _built(self, text: str) -> Built:
        built = nvrtc.compile_text(text, self.architecture)
        with self._lock:
            self.compiled += 1
        self._cache.put(self.key(text), built.cubin)
        return built

    def key(self, text: str) -> str:
        """The name of the code that comes from a text."""
        identity = (str(_VERSION), nvrtc.version(), str(self.architecture), *nvrtc.OPTIONS)
        return sha256("\n".join((*identity, text)).encode()).hexdigest()
