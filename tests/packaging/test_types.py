"""Type checkers accept what the pages show, whether voxgpu is installed or worked on."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.test_docs import DOCS, ROOT, _blocks
from tests.packaging.test_wheel import distributions, wheel  # noqa: F401  # fixtures


def _environment(folder: Path, *paths: str) -> Path:
    """The Python of an environment that has these folders and what is installed here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    here = [each for each in sys.path if each.endswith("site-packages")]
    (site / "there.pth").write_text("\n".join([*paths, *here]) + "\n")
    return folder / "bin" / "python"


def _check(python: Path, folder: Path) -> None:
    """Checks the blocks of each page as a module of its own."""
    for page in (ROOT / "README.md", DOCS / "python.md"):
        module = folder / f"{page.stem.lower()}_page.py"
        module.write_text("\n".join(_blocks(page, "python")))
        command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)]
        command += ["--config-file=", f"--cache-dir={folder / 'cache'}", str(module)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        # Libraries of others that have no types are no fault of ours.
        told = [line for line in done.stdout.splitlines() if "error:" in line]
        assert not [line for line in told if "import-untyped" not in line], done.stdout


@pytest.mark.slow
def test_types_of_an_installation(wheel: Path, tmp_path: Path) -> None:  # noqa: F811
    site = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert (site / "voxgpu" / "py.typed").exists()
    _check(_environment(tmp_path / "venv", str(site)), tmp_path)


@pytest.mark.slow
def test_types_of_an_editable_installation(tmp_path: Path) -> None:
    if find_spec("setuptools") is None:
        pytest.skip("building without the network needs setuptools in this environment")
    build = "import setuptools.build_meta as b, sys; print(b.build_editable(sys.argv[1]))"
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "voxgpu", "kernels"):
        (copy / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=copy, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as archive:
        (paths,) = [archive.read(n).decode() for n in archive.namelist() if n.endswith(".pth")]
    # A path: what imports a finder is nothing that type checkers could follow.
    assert paths.split() == [str(copy)]
    _check(_environment(tmp_path / "venv", *paths.split()), tmp_path)
