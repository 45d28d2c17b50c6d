"""Signatures parsed from SimpleITK's docstrings match its functions."""

from __future__ import annotations

import pytest
import SimpleITK as sitk

from voxgpu.primitives.simpleitk_signature import Unusable, description, signatures


def _of(name: str) -> list[str]:
    found = signatures(name, getattr(sitk, name))
    return [
        ", ".join(f"{a.name}:{a.kind}{'' if a.default is None else '?'}" for a in each.arguments)
        + f" -> {each.result}"
        for each in found
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Abs", ["image1:image -> image"]),
        (
            "BinaryThreshold",
            [
                "image1:image, lowerThreshold:number?, upperThreshold:number?, insideValue:number?,"
                " outsideValue:number? -> image"
            ],
        ),
        (
            "Add",
            [
                "image1:image, image2:image -> image",
                "image1:image, constant:number -> image",
                "constant:number, image2:image -> image",
            ],
        ),
        ("MinimumMaximum", ["image:image -> numbers"]),
        (
            "SmoothingRecursiveGaussian",
            ["image1:image, sigma:numbers?, normalizeAcrossScale:boolean? -> image"],
        ),
        ("Median", ["image1:image, radius:numbers? -> image"]),
        ("GetPixelIDValueFromString", ["enumString:text -> number"]),
        (
            "BinaryDilate",
            [
                "image1:image, kernelRadius:numbers?, kernelType:number?, backgroundValue:number?,"
                " foregroundValue:number?, boundaryToForeground:boolean? -> image"
            ],
        ),
        (
            "Extract",
            [
                "image1:image, size:numbers?, index:numbers?, directionCollapseToStrategy:number?"
                " -> image"
            ],
        ),
        ("ChangeLabel", ["image1:image, changeMap:pairs? -> image"]),
        ("JoinSeries", None),
    ],
)
def test_overloads(name: str, expected: list[str] | None) -> None:
    found = _of(name)
    if expected is None:
        assert any(each.startswith("images:images") for each in found)
    else:
        assert found == expected


@pytest.mark.parametrize("name", ["TransformGeometry", "BSplineTransformInitializer", "Resample"])
def test_what_the_language_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(Unusable, match=r"takes|gives"):
        signatures(name, getattr(sitk, name))


def test_descriptions_are_the_docstrings_without_declarations() -> None:
    text = description("SmoothingRecursiveGaussian", sitk.SmoothingRecursiveGaussian)
    assert text.startswith("Computes the smoothing of an image by convolution with the Gaussian")
    assert "procedural" not in text
    source = description("GaussianSource", sitk.GaussianSource)
    assert source == "Generate an n-dimensional image of a Gaussian."


def test_where_a_function_says_nothing_its_class_does() -> None:
    text = description("Median", sitk.Median, sitk.MedianImageFilter.__doc__)
    assert text.startswith("Applies a median filter to an image.\n\n")
    assert "Median(Image" not in text
    assert "procedural" not in text
    assert description("Median", sitk.Median) == "Median, as SimpleITK has it."


@pytest.mark.parametrize(
    ("name", "parameter", "default"),
    [
        ("Median", "radius", "[1, 1, 1]"),
        ("StochasticFractalDimension", "neighborhoodRadius", "[2, 2, 2]"),
        ("ChangeLabel", "changeMap", "[]"),
        ("DICOMOrient", "desiredCoordinateOrientation", '"LPS"'),
        ("BinaryThreshold", "upperThreshold", "255.0"),
        ("GrayscaleDilate", "kernelType", "sitkBall"),
        ("ShotNoise", "seed", "1"),
    ],
)
def test_defaults_are_written_as_programs_write_them(
    name: str, parameter: str, default: str
) -> None:
    for each in signatures(name, getattr(sitk, name)):
        (found,) = [one for one in each.arguments if one.name == parameter]
        assert found.default == default
