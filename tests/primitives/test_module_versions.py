"""Imports of a file of primitives are part of their meaning."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import voxgpu
from voxgpu.primitives.extension import BrokenExtension, from_file
from voxgpu.primitives.module_versions import _installed, _named, imported

FILE = '''
from voxgpu.primitives.define import NumberValue, scalar
{top}

@scalar()
def plus(x: NumberValue) -> NumberValue:
    """Adds.

    >>> plus(1)
    1
    """
    {inside}
    return x + {value}
'''


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the module path; its modules are unloaded afterwards."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    _forget()
    _named.cache_clear()
    _installed.cache_clear()


def _forget() -> None:
    """Unloads the modules, as in a new process."""
    for name in [each for each in sys.modules if each.partition(".")[0].startswith("vx")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _meaning(folder: Path, top: str, value: str = "0", inside: str = "pass") -> bytes:
    _forget()
    path = folder.parent / "mine.py"
    path.write_text(FILE.format(top=top, value=value, inside=inside))
    (found,) = from_file(path)
    return found.meaning


@pytest.mark.parametrize(
    ("top", "value", "inside"),
    [
        ("import vxtools", "vxtools.K", "pass"),
        ("import vxtools as t", "t.K", "pass"),
        ("from vxtools import K", "K", "pass"),
        ("from vxtools import *", "K", "pass"),
        ("", "K", "from vxtools import K"),
        ("", "K", "import vxouter; K = vxouter.K"),
        ("import importlib", "K", "K = importlib.import_module('vxtools').K"),
        ("import vxpackage.inner", "vxpackage.inner.K", "pass"),
        ("from vxpackage import inner", "inner.K", "pass"),
        ("from vxspace.part import K", "K", "pass"),
        ("try:\n    import vxtools\nexcept ImportError:\n    pass", "vxtools.K", "pass"),
    ],
)
def test_what_is_imported_counts(lab: Path, top: str, value: str, inside: str) -> None:
    """Directly, indirectly, within functions, relative, in packages with and without a file."""
    _write(
        lab,
        {
            "vxtools.py": "K = 10\n",
            "vxouter.py": "from vxmiddle import K\n",
            "vxmiddle.py": "import vxtools\nimport vxouter\nK = vxtools.K\n",
            "vxpackage/__init__.py": "",
            "vxpackage/inner.py": "from . import other\nfrom .other import K\n",
            "vxpackage/other.py": "from vxtools import K\n",
            "vxspace/part.py": "from vxtools import K\n",
            "vxunused.py": "K = 1\n",
        },
    )
    if "vxouter" in inside:
        (lab / "vxmiddle.py").write_text("import vxtools\nK = vxtools.K\n")
    first = _meaning(lab, top, value, inside)
    assert _meaning(lab, top, value, inside) == first
    _write(lab, {"vxunused.py": "K = 2\n"})
    assert _meaning(lab, top, value, inside) == first
    _write(lab, {"vxtools.py": "K = 20\n"})
    assert _meaning(lab, top, value, inside) != first


def test_a_store_does_not_give_the_value_of_a_former_helper(lab: Path, tmp_path: Path) -> None:
    mine, store = tmp_path / "mine.py", tmp_path / "store"
    mine.write_text(FILE.format(top="import vxtools", value="vxtools.K", inside="pass"))
    found = []
    for number in (10, 20):
        _write(lab, {"vxtools.py": f"K = {number}\n"})
        _forget()
        found.append(voxgpu.run('print "p" plus(1)\n', primitives=[mine], store=store).values["p"])
    assert found == [11.0, 21.0]


def test_modules_that_import_each_other_end(lab: Path) -> None:
    _write(lab, {"vxa.py": "import vxb\n", "vxb.py": "import vxa\n"})
    assert set(imported("import vxa")) == {"vxa", "vxb"}


def test_what_is_no_module_or_no_text_is_left_out(lab: Path) -> None:
    _write(lab, {"vxbroken.py": "def (\n"})
    found = imported("import os, sys, vxmissing, vxbroken\nfrom . import x\nfrom json import loads")
    assert set(found) == {"vxbroken"}
    assert imported("no python") == {}


def test_installed_modules_are_their_version(lab: Path) -> None:
    _write(
        lab,
        {
            "vxa.py": "import vxinner",
            "vxb/__init__.py": "",
            "vxstray.py": "",
            "vxinner.py": "",
            "vxa-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: vxa\nVersion: 1.5\n",
            "vxa-1.5.dist-info/RECORD": "vxa.py,,\n",
            "other-2.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 2\n",
            "other-2.dist-info/RECORD": "vxb/__init__.py,,\n",
            "vxstray.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: vxstray\nVersion: 3\n",
        },
    )
    found = imported("import vxa, vxb, vxstray")
    assert (found["vxa"], found["vxb"]) == ("vxa 1.5", "other 2")
    assert len(found["vxstray"]) == 64, "notes beside a source do not say that it was installed"
    assert "vxinner" not in found
    assert imported("import numpy")["numpy"].startswith("numpy ")


def test_a_module_that_changed_after_it_was_imported_is_told(lab: Path, tmp_path: Path) -> None:
    _write(lab, {"vxtools.py": "K = 10\n"})
    _meaning(lab, "import vxtools", "vxtools.K")
    _write(lab, {"vxtools.py": "K = 200\n"})
    with pytest.raises(BrokenExtension) as raised:
        from_file(tmp_path / "mine.py")
    assert "`vxtools` changed after this process imported it" in raised.value.diagnostic.message
    assert raised.value.diagnostic.help == "start a new process, or reload the module"
    importlib.reload(sys.modules["vxtools"])
    (found,) = from_file(tmp_path / "mine.py")
    assert found.reference([1.0], None) == 201.0
