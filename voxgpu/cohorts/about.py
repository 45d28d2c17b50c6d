"""What the rows of a journal are of: rows are used again where this is equal."""

from __future__ import annotations

import os
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import known_primitives
from voxgpu.diagnostics import Diagnostics
from voxgpu.language.ast import Save
from voxgpu.version import __version__


def about(program: Program, first: Combination, folder: Path) -> dict[str, Any]:
    """What rows are of, as plain data.

    The text of the program and of all it imports, definitions, names of swept variables, options
    that bear on values, the meaning of primitives that users and packages add, the folder of
    output if the program saves anything, and the versions of voxgpu and SimpleITK.

    first   a combination of the swept variables
    folder  that of the journal
    """
    compiled = program.compiled(Case("any", "any"), first, None)
    texts = {command.span.source.text for command in compiled.commands}
    text = "\0".join([program.source.text, *sorted(texts)])
    options = program.options
    found = {
        "voxgpu": f"{__version__}, SimpleITK {_version('SimpleITK')}",
        "program": sha256(text.encode()).hexdigest(),
        "definitions": dict(options.define),
        "swept": [name for name, _ in first],
        "options": repr((options.dialect, options.adopt, options.read, options.tolerance)),
        "primitives": _primitives(program),
    }
    if options.output is not None and any(isinstance(each, Save) for each in compiled.commands):
        found["output"] = _relative(options.output, folder)
    return found


def _primitives(program: Program) -> str:
    """A digest of the meaning of user-defined primitives; empty if there are none."""
    known = known_primitives(program.options.primitives, Diagnostics())
    added = sorted(each.meaning for each in known if each.extension is not None)
    return sha256(b"\0".join(added)).hexdigest() if added else ""


def _relative(output: Path, folder: Path) -> str:
    """The output folder relative to the journal's folder: both may be moved together."""
    try:
        return os.path.relpath(output, folder)
    except ValueError:  # on different drives
        return str(output.absolute())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
