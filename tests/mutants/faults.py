"""The planted faults: changes of one place each, read from ``faults/*.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

#: The tables, one for each part of voxgpu, in the order of the page.
FOLDER = Path(__file__).parent / "faults"
AREAS = ("cuda", "cpu", "codegen", "optimize", "plan", "execution", "store", "files", "cohorts")
AREAS += ("language",)

#: Files that make other machine code of the same text, of which caches know nothing.
_COMPILERS = tuple(
    f"voxgpu/codegen/{name}.py" for name in ("jit", "numba_kernels", "nvrtc", "object_cache")
)


@dataclass(frozen=True)
class Fault:
    """A change of a file of the repository.

    what      the fault in words; of one file no two are alike
    old, new  the text that is replaced, which occurs once, and what replaces it
    tests     node ids of pytest, of files, functions or parametrized tests: the quickest first
    survives  why no test can notice it; empty where one should
    """

    area: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    survives: str = ""

    @property
    def name(self) -> str:
        """What identifies it: the file and the words."""
        return f"{self.file}: {self.what}"

    @cached_property
    def digest(self) -> str:
        """A hash of what is changed and of the tests, which a result belongs to."""
        parts = (self.file, self.old, self.new, *self.tests)
        return sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def needs_empty_caches(self) -> bool:
        """Whether machine code made with the fault is kept under the keys of right code."""
        return self.file in _COMPILERS

    def planted_in(self, text: str) -> str:
        """The text of the file with the fault; raises ValueError unless ``old`` occurs once."""
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: its text occurs {count} times")
        return text.replace(self.old, self.new)


def read_faults(folder: Path = FOLDER) -> list[Fault]:
    """All faults, in the order of areas and tables. Raises KeyError where a field is missing."""
    return [fault for area in AREAS for fault in _of_area(folder / f"{area}.toml", area)]


def _of_area(path: Path, area: str) -> list[Fault]:
    if not path.exists():
        return []
    return [
        Fault(
            area,
            each["what"],
            each["file"],
            each["from"],
            each["to"],
            tuple(each["tests"]),
            each.get("survives", ""),
        )
        for each in tomllib.loads(path.read_text("utf-8"))["fault"]
    ]
