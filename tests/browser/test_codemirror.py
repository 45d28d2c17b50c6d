"""The vendored editor is the one that its README names."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "voxgpu" / "viewer" / "page" / "codemirror"


def test_the_bundle_is_what_its_recipe_makes() -> None:
    digest = hashlib.sha256((FOLDER / "codemirror.js").read_bytes()).hexdigest()
    assert digest in (FOLDER / "README.md").read_text()


def test_the_license_has_every_package_of_the_bundle_with_its_version() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    license = (FOLDER / "LICENSE").read_text()
    assert "resolved" not in str(lock), "an address of a registry"
    for path, package in lock["packages"].items():
        name = path.removeprefix("node_modules/")
        # The bundler is not in the bundle, nor is a parser for grammars, of which there are none.
        if name and "esbuild" not in name and name != "@lezer/lr":
            assert re.search(
                rf"^{re.escape(name)} {re.escape(package['version'])}$", license, re.M
            ), name
            assert package["license"] == "MIT"
