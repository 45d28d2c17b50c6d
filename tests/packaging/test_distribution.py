"""`.ci/distribution` fails for mistakes of the package, and not where packages cannot be had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.ci_scripts import script

#: An interpreter that makes environments of itself; its pip answers as the files beside it say.
_PYTHON = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; ln -s "$here/python" "$3/bin/python";;
  *" list "*) cat "$here/list";;
  *--dry-run*) exit "$(cat "$here/index")";;
  *" install "*) echo "ERROR: nothing fits" >&2; exit "$(cat "$here/wheel")";;
esac
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "python").write_text(_PYTHON)
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    _answer(tmp_path)
    return script("distribution")


def _answer(folder: Path, index: int = 0, wheel: int = 0, names: tuple[str, ...] = ()) -> None:
    """Sets the statuses of installing from the index and of installing the wheel, and the list."""
    (folder / "index").write_text(str(index))
    (folder / "wheel").write_text(str(wheel))
    listed = [{"name": each, "version": "1"} for each in ("voxgpu", "numpy", *names)]
    (folder / "list").write_text(json.dumps(listed))


def test_an_installation_is_told(
    distribution: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distribution.install(tmp_path / "x.whl", tmp_path / "env") == ""
    assert capsys.readouterr().out.startswith("installed voxgpu and 1 packages in ")


def test_without_an_index_nothing_fails(distribution: ModuleType, tmp_path: Path) -> None:
    _answer(tmp_path, index=1, wheel=1)
    told = distribution.install(tmp_path / "x.whl", tmp_path / "env")
    assert told == "ERROR: nothing fits"


def test_a_wheel_that_cannot_be_installed_fails(distribution: ModuleType, tmp_path: Path) -> None:
    _answer(tmp_path, wheel=1)
    with pytest.raises(SystemExit, match="the wheel cannot be installed: ERROR: nothing fits"):
        distribution.install(tmp_path / "x.whl", tmp_path / "env")


@pytest.mark.parametrize("name", ["cupy-cuda12x", "nvidia-cuda-nvrtc", "cuda-bindings", "rmm-cu12"])
def test_a_package_for_cuda_fails(distribution: ModuleType, tmp_path: Path, name: str) -> None:
    _answer(tmp_path, names=(name,))
    with pytest.raises(SystemExit, match=f"only a GPU needs {name}"):
        distribution.install(tmp_path / "x.whl", tmp_path / "env")


def test_a_demo_that_makes_no_pictures_fails(distribution: ModuleType, tmp_path: Path) -> None:
    program = tmp_path / "env" / "bin" / "voxgpu"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho all is well\n")
    program.chmod(0o755)
    with pytest.raises(SystemExit, match="the demo failed in a clean environment:\nall is well"):
        distribution.run_demo(tmp_path / "env", tmp_path)


def test_links_stay_links_in_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    (source / "kernels").mkdir(parents=True)
    (source / "kernels" / "a.cu").write_text("")
    (source / "linked").symlink_to("kernels")
    (source / "ignored").write_text("")
    (source / ".gitignore").write_text("ignored\n")
    subprocess.run(["git", "init", "-q", str(source)], check=True)
    distribution = script("distribution")
    monkeypatch.setattr(distribution, "ROOT", source)
    distribution.copy_checkout(tmp_path / "copy")
    assert (tmp_path / "copy" / "linked").readlink() == Path("kernels")
    assert {each.name for each in (tmp_path / "copy").iterdir()} == {
        ".gitignore", "kernels", "linked",
    }  # fmt: skip
