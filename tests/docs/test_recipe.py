"""The recipe of the page on clusters: an environment that holds its own compiled kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks

#: Stands for pip, whose packages come over the network: the environment sees those of the tests.
_PIP = """
pip() {
  site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\\n' "$REPOSITORY" "import site; site.addsitedir('$PACKAGES')" >"$site/these.pth"
  printf '#!/bin/sh\\nexec "%s" -m voxgpu "$@"\\n' "$(command -v python)" >"$VIRTUAL_ENV/bin/voxgpu"
  chmod +x "$VIRTUAL_ENV/bin/voxgpu"
}
python3() { "$PYTHON" "$@"; }
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a recipe for shells of Unix")
def test_the_recipe_makes_an_environment_with_its_kernels(tmp_path: Path) -> None:
    page = [each.text for each in blocks(ROOT / "docs" / "hpc.md")]
    (recipe,) = [each for each in page if each.startswith("python3 -m venv voxgpu-env")]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "VOXGPU_CACHE"},
        **{"PYTHON": sys.executable, "REPOSITORY": str(ROOT), "HOME": str(tmp_path / "home")},
        **{"PACKAGES": sysconfig.get_path("purelib"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    }
    script = f"set -e\n{_PIP}{recipe}\nvoxgpu doctor --quick\n"
    script += "voxgpu cohort p.imgql --cases '*.nii' --write-sbatch job.sh\n"
    (tmp_path / "p.imgql").write_text('load v = "$CASE"\nprint "n" max(v)\n')
    (tmp_path / "v.nii").touch()
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    prefix = tmp_path / "voxgpu-env"
    assert "hand-written kernels: " in done.stdout and "compiled" in done.stdout
    assert any(each.is_file() for each in (prefix / "share" / "voxgpu").rglob("*"))
    assert str(prefix / "share" / "voxgpu") in done.stdout  # told by doctor
    job = (tmp_path / "job.sh").read_text()
    assert f"\n. {prefix}/bin/activate\nvoxgpu=({prefix}/bin/voxgpu)\n" in job
