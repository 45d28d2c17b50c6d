"""Extras: those that are named exist, `all` has those for any computer, no CUDA comes unasked."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.ci_scripts import script

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

#: What a GPU needs, by the CUDA version of its driver.
_GPU = {"gpu12", "gpu13", "cluster-gpu12", "cluster-gpu13"}

#: Extras that add nothing to what voxgpu does: libraries to compare with, the developers' tools.
_NO_ABILITY = {"bench", "dev", "docs"}

_CUDA = script("distribution").CUDA


def _named(text: str) -> set[str]:
    """The extras that a text names, such as `voxgpu[gpu12,parquet]`."""
    found = re.findall(r"(?:voxgpu|'\.)\[([\w,-]+)\]", text)
    return {extra for each in found for extra in each.split(",")}


def _in_messages() -> set[str]:
    """The extras in any text of the package."""
    found = set()
    for path in (ROOT / "voxgpu").rglob("*.py"):
        text = path.read_text("utf-8")
        if "voxgpu[" in text:
            constants = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant))
            found |= {extra for each in constants for extra in _named(str(each))}
    return found


def _of_all() -> set[str]:
    (requirement,) = (Requirement(each) for each in EXTRAS["all"])
    assert requirement.name == PROJECT["name"]
    return set(requirement.extras)


def _packages(extra: str = "") -> set[str]:
    """The names of everything that an extra, or the base installation, requires in the end.

    Requirements of packages that are not installed here are not followed.
    """
    found: set[tuple[str, str]] = set()
    waiting = [("", each) for each in (EXTRAS[extra] if extra else PROJECT["dependencies"])]
    while waiting:
        of, text = waiting.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": of}):
            continue
        name = canonicalize_name(requirement.name)
        for each in {"", *requirement.extras}:
            if (name, each) in found:
                continue
            found.add((name, each))
            if name == PROJECT["name"]:
                waiting += [("", one) for one in EXTRAS.get(each, ())]
                continue
            try:
                waiting += [(each, one) for one in requires(name) or ()]
            except PackageNotFoundError:
                continue
    return {name for name, _ in found}


def test_extras_that_messages_name_exist() -> None:
    named = _in_messages()
    assert {"gpu12", "parquet", "cluster-gpu12", "view"} <= named
    assert named <= set(EXTRAS)


def test_every_ability_is_named_where_it_is_missed() -> None:
    # JupyterLab is missed by nobody who is in a notebook.
    assert _of_all() - {"notebook"} <= _in_messages()


def test_all_has_every_ability_that_any_computer_can_have() -> None:
    assert _of_all() == set(EXTRAS) - _GPU - _NO_ABILITY - {"all"}
    assert not [name for name in _packages("all") if _CUDA.match(name)]


def test_extras_of_two_versions_of_cuda_exclude_each_other() -> None:
    (first,), (second,) = (
        [Requirement(each) for each in EXTRAS[extra] if each.startswith("cuda-bindings")]
        for extra in ("gpu12", "gpu13")
    )
    assert first.specifier.contains("12.9.1") and not second.specifier.contains("12.9.1")
    assert second.specifier.contains("13.0.1") and not first.specifier.contains("13.0.1")


def test_the_base_installation_has_no_package_for_cuda() -> None:
    names = _packages()
    assert {"numpy", "distributed", "markupsafe"} <= names  # the last: of jinja2, of distributed
    assert not [name for name in names if _CUDA.match(name)]
    for extra in sorted(_GPU):  # the pattern knows those that are asked for
        assert any(_CUDA.match(name) for name in _packages(extra)), extra


def test_the_page_names_every_extra() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    install = page.partition("## Install\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", install, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert named == set(EXTRAS) - {"dev"}
    assert _named(install) <= set(EXTRAS)
