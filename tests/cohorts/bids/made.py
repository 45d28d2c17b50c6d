"""BIDS datasets made for tests, and the validator of BIDS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

DESCRIPTION = {"Name": "made", "BIDSVersion": "1.10.0", "License": "CC0"}


def image(path: Path, seed: int = 0) -> Path:
    """A small image of numbers from 0 to 99."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(seed).integers(0, 100, (5, 6, 7)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    return path


def dataset(root: Path, images: Iterable[str], description: object = DESCRIPTION) -> Path:
    """A dataset with these images, named from the folder of the dataset on without suffix."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text(json.dumps(description))
    (root / "README.md").write_text("Images of random numbers, made for tests.\n" * 5)
    for number, each in enumerate(images):
        image(root / (each if ".nii" in each else f"{each}.nii.gz"), number)
    return root


def sessions(root: Path) -> Path:
    """Three participants with two sessions each, which have two images."""
    return dataset(
        root,
        [
            f"sub-{s}/ses-{e}/anat/sub-{s}_ses-{e}_{suffix}"
            for s in ("01", "02", "03")
            for e in ("pre", "post")
            for suffix in ("T1w", "FLAIR")
        ],
    )


def validated(root: Path) -> dict[str, list[str]]:
    """The errors of the validator by code, each with where it is.

    The program has no access to the network: its rules are in it.
    """
    files = [*(metadata.files("deno") or ()), *(metadata.files("bids-validator-deno") or ())]
    deno, program = (
        next(each.locate() for each in files if each.name == name)
        for name in ("deno", "bids-validator.js")
    )
    allowed = ["--allow-read", "--allow-env", "--allow-write", "--allow-run=git"]
    done = subprocess.run(
        [deno, "run", "--no-prompt", *allowed, program, root, "--format", "json"],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.stdout, (done.returncode, done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    found: dict[str, list[str]] = {}
    for each in told["issues"]["issues"]:
        if each["severity"] == "error":
            found.setdefault(each["code"], []).append(each.get("location", ""))
    assert bool(done.returncode) == bool(found), done.stderr
    return found
