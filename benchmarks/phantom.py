"""The synthetic head that is measured where no case is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def phantom(folder: Path, options: Sequence[str] = ()) -> Path:
    """The prefix of a synthetic head's files; ``options`` are those of ``voxgpu phantom``."""
    from click.testing import CliRunner

    from voxgpu.cli.phantom import command

    done = CliRunner().invoke(command, ["--output", str(folder / "head"), *options])
    if done.exit_code:
        raise RuntimeError(done.output)
    return folder / "head"
