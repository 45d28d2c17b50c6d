"""What a release consists of agrees: versions, the changelog, the citation, the conda recipe."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import voxgpu
from tests.docs.commands import check_voxgpu
from tests.packaging.test_installing import OF_CONDA

ROOT = Path(__file__).resolve().parents[2]
FILE = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = FILE["project"]
CHANGES = (ROOT / "CHANGELOG.md").read_text("utf-8")

#: MAJOR.MINOR.PATCH and what may follow, as semver.org gives it.
_SEMANTIC = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(?:0|[1-9]\d*|\d*[a-zA-Z-][\w-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\w-]*))*)?"
)


def _yaml(name: str) -> dict[str, Any]:
    """A file in YAML; days are texts, as in JSON."""
    loaded = yaml.safe_load((ROOT / name).read_text("utf-8"))
    plain: dict[str, Any] = json.loads(json.dumps(loaded, default=str))
    return plain


CITATION, RECIPE = _yaml("CITATION.cff"), _yaml("conda/recipe.yaml")


def test_versions_agree() -> None:
    (newest, _), *_ = _headings()
    versions = {
        "pyproject.toml": PROJECT["version"],
        "voxgpu/version.py": voxgpu.__version__,
        "CITATION.cff": CITATION["version"],
        "conda/recipe.yaml": RECIPE["context"]["version"],
        "CHANGELOG.md": newest,
    }
    assert _SEMANTIC.fullmatch(PROJECT["version"])
    assert set(versions.values()) == {PROJECT["version"]}, versions


def _headings() -> list[tuple[str, str]]:
    """Versions with the day, or that they are not released, from the newest on."""
    return re.findall(r"^## (\S+) \((.+)\)$", CHANGES, re.MULTILINE)


def test_the_changelog_has_one_section_for_each_version() -> None:
    headings = _headings()
    assert len(headings) == len(re.findall(r"^## ", CHANGES, re.MULTILINE))
    assert all(_SEMANTIC.fullmatch(version) for version, _ in headings)
    numbers = [[int(n) for n in version.partition("-")[0].split(".")] for version, _ in headings]
    assert numbers == sorted(numbers, reverse=True)
    (_, newest), *others = headings
    days = [day for _, day in others] + ([] if newest == "not released yet" else [newest])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in days)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", CHANGES, re.MULTILINE)) <= kinds


def test_the_citation_has_the_day_of_its_version() -> None:
    day = dict(_headings())[CITATION["version"]]
    assert CITATION.get("date-released", "not released yet") == day
    assert CITATION["license"] == PROJECT["license"]
    assert [each["name"] for each in CITATION["authors"]] == [
        each["name"] for each in PROJECT["authors"]
    ]


def test_the_citation_is_valid_by_the_schema_of_the_format() -> None:
    # Schema: citation-file-format 1.2.0, as cffconvert 2.0.0 brings it, without spaces (CC BY 4.0).
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(__file__).parent / "cff-1.2.0.json").read_text("utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    assert not [each.message for each in validator.iter_errors(CITATION)]
    assert not validator.is_valid({**CITATION, "authors": []})
    assert not validator.is_valid({**CITATION, "version-of-it": "0.1.0"})


def _requirement(text: str) -> tuple[str, str]:
    name, _, least = text.partition(" >=")
    return name, least


def test_the_recipe_requires_what_the_package_requires() -> None:
    needed = {"python": PROJECT["requires-python"].removeprefix(">=")}
    for each in PROJECT["dependencies"]:
        name, least = each.split(">=")
        needed[OF_CONDA.get(name, name).lower()] = least
    assert dict(map(_requirement, RECIPE["requirements"]["run"])) == needed
    host = dict(map(_requirement, RECIPE["requirements"]["host"]))
    assert host["python"] == needed["python"] and "pip" in host
    for each in FILE["build-system"]["requires"]:
        name, least = each.split(">=")
        assert host[name] == least


def test_the_recipe_says_what_the_metadata_say() -> None:
    about = RECIPE["about"]
    assert (about["summary"], about["license"]) == (PROJECT["description"], PROJECT["license"])
    assert [about["license_file"]] == PROJECT["license-files"]
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert RECIPE["build"]["python"]["entry_points"] == scripts
    assert RECIPE["package"] == {"name": PROJECT["name"], "version": "${{ version }}"}
    assert (ROOT / "conda" / RECIPE["source"]["path"]).resolve() == ROOT


def test_commands_of_the_recipe_are_right() -> None:
    (imports,) = [each["python"]["imports"] for each in RECIPE["tests"] if "python" in each]
    assert set(imports) <= set(FILE["tool"]["setuptools"]["packages"])
    (commands,) = [each["script"] for each in RECIPE["tests"] if "script" in each]
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "voxgpu"
        check_voxgpu(words[1:])
