"""Every callable function of SimpleITK returns SimpleITK's own result."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.image import Grid, Image
from voxgpu.itk.images import to_itk
from voxgpu.primitives.primitive import Parameter, Primitive, UndefinedValueError
from voxgpu.primitives.simpleitk import SimpleITKNamespace
from voxgpu.types import ANY_IMAGE, COLOR_IMAGE, NUMBER, Content, ImageOf

NAMESPACE = SimpleITKNamespace()
NAMES = [name for name in NAMESPACE if name[0].isupper() and NAMESPACE[name][0].parameters != ()]
GRID = Grid((9, 10, 11), (1.5, 1.0, 0.75), (1.0, -2.0, 3.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def _images() -> list[Image]:
    """A non-constant image of each kind."""
    z, y, x = np.indices(GRID.shape)
    ball = (z - 4) ** 2 + (y - 5) ** 2 + (x - 5) ** 2
    smooth = (100 * np.exp(-ball / 20)).astype(np.float32) + x.astype(np.float32)
    return [
        Image(smooth, GRID),
        Image(smooth.astype(np.uint8), GRID),
        Image((ball < 9).astype(np.uint8), GRID),
    ]


def _defaulted(name: str) -> list[Primitive]:
    """The overloads that require images only."""
    return [
        primitive
        for primitive in NAMESPACE[name]
        if all(each.optional or each.type == ANY_IMAGE for each in primitive.parameters)
        and primitive.makes_image
    ]


def _runs() -> list[tuple[str, Primitive]]:
    return [(name, primitive) for name in NAMES for primitive in _defaulted(name)[:1]]


RUNS = _runs()


def _applied(primitive: Primitive, name: str) -> tuple[list[Image], Any, Any] | None:
    """The first kind of image that SimpleITK accepts: arguments, its result, and ours.

    SimpleITK runs with one thread, as our filters do if their result depends on it.
    """
    needed = sum(not each.optional for each in primitive.parameters)
    for image in _images():
        arguments = [image] * needed
        threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        try:
            theirs = getattr(sitk, name)(*[to_itk(each) for each in arguments])
        except RuntimeError:
            continue
        finally:
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        try:
            return arguments, theirs, primitive.reference(list(arguments), None)
        except UndefinedValueError as problem:
            return arguments, theirs, problem
    return None


@pytest.mark.slow
@pytest.mark.parametrize(("name", "primitive"), RUNS, ids=[name for name, _ in RUNS])
def test_filters_give_what_simpleitk_gives(name: str, primitive: Primitive) -> None:
    applied = _applied(primitive, name)
    if applied is None:
        # SimpleITK itself has no value for such images; ours must raise an error, too.
        with pytest.raises(UndefinedValueError):
            needed = sum(not each.optional for each in primitive.parameters)
            primitive.reference([_images()[0]] * needed, None)
        return
    arguments, theirs, ours = applied
    if isinstance(ours, UndefinedValueError):
        assert "which the language does not have" in str(ours) or "channels" in str(ours)
        return
    expected = sitk.GetArrayFromImage(theirs)
    assert ours.array.dtype == expected.dtype
    if name not in ("AdditiveGaussianNoise", "SaltAndPepperNoise", "ShotNoise", "SpeckleNoise"):
        assert np.array_equal(ours.array, expected, equal_nan=expected.dtype.kind == "f")
    assert primitive.infer is not None
    types = [ImageOf(Content.NUMBER, str(a.element), 1, a.grid) for a in arguments]
    told = primitive.infer(types, [None] * len(types))
    if told is not None:
        assert isinstance(told, ImageOf)
        assert (told.element, told.channels) == (str(ours.element), ours.channels)
        assert told.grid is ours.grid


@pytest.mark.slow
def test_most_filters_run_and_tell_their_type_before() -> None:
    ran = told = 0
    for name, primitive in RUNS:
        applied = _applied(primitive, name)
        if applied is None or not isinstance(applied[2], Image):
            continue
        ran += 1
        assert primitive.infer is not None
        types = [ImageOf(Content.NUMBER, str(a.element), 1, a.grid) for a in applied[0]]
        told += primitive.infer(types, [None] * len(types)) is not None
    assert ran >= 180
    assert told >= 150


def test_every_function_says_what_it_does() -> None:
    assert len(NAMES) >= 250
    for name in NAMES:
        for primitive in NAMESPACE[name]:
            assert primitive.doc.strip()
            assert "C++ includes" not in primitive.doc
            assert primitive.signature.startswith(f"simpleitk.{name}(")


def test_versions_and_signatures_are_in_the_meaning() -> None:
    meanings = [p.meaning for name in NAMES for p in NAMESPACE[name]]
    version = sitk.Version.VersionString().encode()
    assert all(version in meaning for meaning in meanings)


def test_numbers_for_every_axis_or_one_for_all() -> None:
    both = {str(p.parameters[1].type): p for p in NAMESPACE["Median"]}
    image = _images()[0]
    one = both["number"].reference([image, 2.0], None)
    each = both["sequence of number"].reference([image, (2.0, 2.0, 2.0)], None)
    assert isinstance(one, Image)
    assert isinstance(each, Image)
    assert np.array_equal(one.array, each.array)


def test_sequences_of_numbers_come_back() -> None:
    (primitive,) = NAMESPACE["MinimumMaximum"]
    image = _images()[0]
    assert primitive.reference([image], None) == (
        float(image.array.min()),
        float(image.array.max()),
    )


@pytest.mark.parametrize(("value", "reason"), [(1.5, "whole number"), (300.0, "0 to 255")])
def test_numbers_that_do_not_fit(value: float, reason: str) -> None:
    (primitive,) = NAMESPACE["BinaryThreshold"]
    with pytest.raises(UndefinedValueError, match=reason):
        primitive.reference([_images()[0], 0.0, 1.0, value], None)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        # Each returns all of the small image of the trial call, but not of this one.
        ("Slice", [(0.0, 0.0, 0.0), (60.0, 60.0, 60.0)]),
        ("RegionOfInterest", [(13.0, 11.0, 9.0)]),
        ("Extract", [(13.0, 11.0, 9.0)]),
    ],
)
def test_parts_do_not_claim_the_grid_of_the_whole(name: str, given: list[Any]) -> None:
    grid = Grid.regular((70, 71, 72))
    image = Image(np.zeros(grid.shape, np.uint8), grid)
    primitive = NAMESPACE[name][-2]
    kind = ImageOf(Content.NUMBER, "uint8", 1, grid)
    assert primitive.infer is not None
    assert (
        primitive.infer([kind, *[each.type for each in primitive.parameters[1:]]], [None, *given])
        is None
    )
    part = primitive.reference([image, *given], None)
    assert isinstance(part, Image)
    assert part.grid.voxels < grid.voxels


NOISES = ["AdditiveGaussianNoise", "SaltAndPepperNoise", "ShotNoise", "SpeckleNoise"]


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_the_same_in_every_run(name: str) -> None:
    primitive = NAMESPACE[name][-1]
    image = _images()[0]
    process = sitk.ProcessObject
    threads = process.GetGlobalDefaultNumberOfThreads()
    results = []
    try:
        for count in (1, 5):
            process.SetGlobalDefaultNumberOfThreads(count)
            results.append(primitive.reference([image], None))
            assert process.GetGlobalDefaultNumberOfThreads() == count
    finally:
        process.SetGlobalDefaultNumberOfThreads(threads)
    first, second = results
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    assert np.array_equal(first.array, second.array)
    assert not np.array_equal(first.array, image.array)


def test_seeds_choose_the_noise_and_the_clock_does_not() -> None:
    primitive = NAMESPACE["AdditiveGaussianNoise"][-1]
    assert primitive.parameters[-1].default == "1"
    image = _images()[0]
    one, other = (primitive.reference([image, 2.0, 0.0, seed], None) for seed in (1.0, 2.0))
    assert isinstance(one, Image)
    assert isinstance(other, Image)
    assert not np.array_equal(one.array, other.array)
    with pytest.raises(UndefinedValueError, match="time of day"):
        primitive.reference([image, 2.0, 0.0, 0.0], None)


def test_maps_are_sequences_of_pairs() -> None:
    (primitive,) = NAMESPACE["ChangeLabel"]
    image = _images()[2]
    changed = primitive.reference([image, ((1.0, 5.0), (0.0, 2.0))], None)
    assert isinstance(changed, Image)
    assert np.array_equal(changed.array, np.where(image.array == 1, 5, 2))
    with pytest.raises(UndefinedValueError, match="pairs"):
        primitive.reference([image, ((1.0, 5.0, 6.0),)], None)


def _colors(element: str) -> Image:
    image = _images()[0]
    array = np.stack([image.array, image.array + 1, image.array * 2], axis=-1).astype(element)
    return Image(array, image.grid)


def _colored(name: str) -> Image | None:
    """Our result of an overload of colors, if all images but masks have colors."""
    primitive = next(p for p in NAMESPACE[name] if any(q.type == COLOR_IMAGE for q in p.parameters))
    needed = [each for each in primitive.parameters if not each.optional]
    for element in ("float32", "float64"):  # displacement fields have float64
        arguments = [_fitting(each, element) for each in needed]
        try:
            result = primitive.reference(arguments, None)
        except UndefinedValueError:
            continue
        assert isinstance(result, Image)
        return result
    return None


def _fitting(parameter: Parameter, element: str) -> Any:
    if isinstance(parameter.type, ImageOf):
        return _images()[2] if "mask" in parameter.name.lower() else _colors(element)
    return float(sitk.sitkVectorFloat32)


KEEPING = [n for n in NAMES if any(p.type == COLOR_IMAGE for p in NAMESPACE[n][0].parameters)]


@pytest.mark.slow
@pytest.mark.parametrize("name", KEEPING)
def test_functions_said_to_keep_colors_do(name: str) -> None:
    assert NAMESPACE[name][0].result == COLOR_IMAGE
    result = _colored(name)
    assert result is not None
    assert result.channels == 3


def test_gradients_are_colors() -> None:
    (primitive,) = NAMESPACE["Gradient"]
    assert primitive.result == COLOR_IMAGE
    result = primitive.reference([_images()[0]], None)
    assert isinstance(result, Image)
    assert result.channels == 3


def test_constants_and_vectors() -> None:
    (linear,) = NAMESPACE["sitkLinear"]
    assert linear.reference([], None) == sitk.sitkLinear
    (vector,) = NAMESPACE["vector_uint32"]
    assert vector.reference([(1.0, 2.0)], None) == (1.0, 2.0)
    assert linear.result == NUMBER


def test_refusals_say_why() -> None:
    assert "Transform" in (NAMESPACE.refusal("Resample") or "")
    assert "Transform" in (NAMESPACE.refusal("TransformGeometry") or "")
    assert "label map" in (NAMESPACE.refusal("LabelImageToLabelMap") or "")
    assert "complex" in (NAMESPACE.refusal("ForwardFFT") or "")
    assert NAMESPACE.refusal("NoSuchThing") is None
    assert "NoSuchThing" not in NAMESPACE


def test_one_name_is_looked_up_alone() -> None:
    program = (
        "import sys\n"
        "from voxgpu.primitives.simpleitk import SimpleITKNamespace\n"
        "names = SimpleITKNamespace()\n"
        "assert 'SimpleITK' not in sys.modules\n"
        "names['Abs']\n"
        "assert list(names._found) == ['Abs']\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
