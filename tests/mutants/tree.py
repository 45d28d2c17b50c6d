"""A copy of the repository in which faults are planted, one at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path

from tests.mutants.faults import Fault


class Tree:
    """The files of a repository, copied to a folder of their own.

    source  the repository; what git ignores is left out
    folder  where the copy goes; what is there already is replaced
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        digest = sha256()
        for name in _names_of_files(source):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target, follow_symlinks=False)
            digest.update(f"{name}\0".encode())
            digest.update(b"" if target.is_symlink() else target.read_bytes())
        #: A hash of all files.
        self.digest = digest.hexdigest()[:16]

    def text(self, name: str) -> str:
        """The text of a file."""
        return (self.folder / name).read_text("utf-8")

    def digest_of(self, fault: Fault) -> str:
        """A hash of the file of a fault and of the files of its tests."""
        digest = sha256(self.text(fault.file).encode())
        for path in (self.folder / test.partition("::")[0] for test in fault.tests):
            for each in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                digest.update(each.read_bytes())
        return digest.hexdigest()[:16]

    @contextmanager
    def with_fault(self, fault: Fault) -> Iterator[None]:
        """Changes a file while the context lasts; raises ValueError if its text is another."""
        path, text = self.folder / fault.file, self.text(fault.file)
        try:
            _write(path, fault.planted_in(text))
            yield
        finally:
            _write(path, text)


def _names_of_files(source: Path) -> list[str]:
    """The files that git knows or does not ignore; where there is no git, all of them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=source, capture_output=True)
    if done.returncode:
        found = (each for each in source.rglob("*") if each.is_file())
        return sorted(str(each.relative_to(source)) for each in found)
    names = os.fsdecode(done.stdout).split("\0")
    return sorted(each for each in names if each and (source / each).exists())


def _write(path: Path, text: str) -> None:
    """Writes a file, and removes its bytecode, whose time stamp may be the same."""
    path.write_text(text, "utf-8")
    if path.suffix == ".py":
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
