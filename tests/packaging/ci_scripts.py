"""The scripts of continuous integration, which have no suffix, as modules."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    """A new module of a script in `.ci/`; no bytecode is left beside it."""
    path = ROOT / ".ci" / name
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return module
