"""Compilation of kernels with g++, cached in a folder.

The folder is ``$VOXGPU_EMULATION_CACHE``, or a private one among temporary files. A library is
identified by all of its sources. Several processes may need the same one at once: each writes a
file of its own and renames it when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
_HEADERS = ("emulation.h", "memory.h", "warps.h", "numbers.h", "runtime.h")
_RUNTIME = ("runtime_fibers.cpp", "runtime_meetings.cpp", "runtime_schedule.cpp")
_COUNTING = "counting.cpp"

# Contraction would round once where a device rounds twice. Kernels read words as vectors.
_ALWAYS = [
    "-std=c++17",
    "-fPIC",
    "-fvisibility=hidden",
    "-g1",
    "-w",
    "-pipe",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-strict-aliasing",
]
# Accesses are counted as written: a vector as a whole, and individually in a loop.
_COUNTED = [
    "-O1",
    "-fsanitize=thread",
    "--param=tsan-instrument-func-entry-exit=0",
    "-DEMULATION_COUNTS",
    "-fno-tree-sra",
    "-fno-ipa-sra",
    "-fno-tree-vectorize",
    "-fno-tree-slp-vectorize",
    # Accesses of a function inlined at two places count as two instructions.
    "-finline-small-functions",
    "-finline-functions",
]


class EmulationUnavailable(RuntimeError):
    """Kernels cannot be run on this machine; the text gives the reason."""


class CompilationError(RuntimeError):
    """g++ rejects the kernels; the text is its output."""


@cache
def unavailable() -> str:
    """Why there is no emulation here; empty if there is."""
    if sys.platform != "linux":
        return "the emulation of kernels needs Linux"
    if shutil.which("g++") is None:
        return "the emulation of kernels needs g++, which is not installed"
    return ""


def library(host: str, sanitize: str = "", counting: bool = False) -> Path:
    """The shared library of kernels that are C++ already.

    sanitize  sanitizers to enable, such as ``address,undefined`` or ``thread``
    counting  whether accesses are counted
    """
    if unavailable():
        raise EmulationUnavailable(unavailable())
    flags = [*_ALWAYS, "-O2"]
    if sanitize:
        flags = [*_ALWAYS, "-O1", f"-fsanitize={sanitize}", "-fno-omit-frame-pointer"]
        flags += ["-fno-sanitize-recover=undefined"]
    if counting:
        flags = [*_ALWAYS, *_COUNTED]
    runtime = _runtime(counting)
    return _made([*flags, "-c"], host, [*flags[: len(_ALWAYS)], "-shared"], runtime, sanitize)


def _runtime(counting: bool) -> Path:
    """The code shared by all libraries, as an object file. It is never sanitized."""
    sources = [*_RUNTIME, _COUNTING] if counting else list(_RUNTIME)
    text = "".join(f'#include "{name}"\n' for name in sources)
    more = [(HERE / _COUNTING).read_text()] if counting else []
    flags = [*_ALWAYS, "-O2", "-c"]
    target = folder() / f"runtime-{_key(text, *flags, *more)}.o"
    if not target.exists():
        _compile(flags, text, target)
    return target


def _made(flags: list[str], host: str, linking: list[str], runtime: Path, sanitize: str) -> Path:
    target = folder() / f"kernels-{_key(host, *flags, runtime.name)}.so"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=folder()) as place:
        kernels = Path(place) / "kernels.o"
        _compile(flags, host, kernels)
        watching = [f"-fsanitize={sanitize}"] if sanitize else []
        _run([*linking, *watching, str(kernels), str(runtime), "-o", f"{place}/whole.so"], "")
        (Path(place) / "whole.so").replace(target)
    return target


def _compile(flags: list[str], text: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder()) as place:
        whole = Path(place) / "whole.o"
        _run([*flags, f"-I{HERE}", "-x", "c++", "-", "-o", str(whole)], text)
        whole.replace(target)


def _run(arguments: list[str], text: str) -> None:
    done = subprocess.run(["g++", *arguments], input=text, capture_output=True, text=True)
    if done.returncode:
        raise CompilationError(done.stderr[:8000])


@cache
def folder() -> Path:
    """The folder of compiled kernels."""
    named = os.environ.get("VOXGPU_EMULATION_CACHE")
    place = Path(named or Path(tempfile.gettempdir()) / f"voxgpu-emulation-{os.getuid()}")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.stat().st_uid != os.getuid():  # libraries of others are not loaded
        raise EmulationUnavailable(f"{place} is somebody else's; set VOXGPU_EMULATION_CACHE")
    return place


@cache
def _surroundings() -> str:
    """All other inputs of libraries besides their kernels."""
    version = subprocess.run(["g++", "--version"], capture_output=True, text=True).stdout
    files = (*_HEADERS, *_RUNTIME)
    return "\0".join([platform.machine(), version, *((HERE / name).read_text() for name in files)])


def _key(*parts: str) -> str:
    whole = "\0".join([_surroundings(), *parts])
    return hashlib.sha256(whole.encode()).hexdigest()[:24]
