"""The catalogue finds every primitive, and rejects invalid definitions."""

import pytest

from voxgpu.primitives import logic
from voxgpu.primitives.catalogue import FAMILIES, catalogue, primitives_of, standard_primitives
from voxgpu.primitives.define import Bool, Voxel, voxelwise, whole_image
from voxgpu.primitives.primitive import AccessPattern

PRIMITIVES = standard_primitives()


def test_names_and_meanings_are_unique():
    names = [each.name for each in PRIMITIVES]
    assert len(set(names)) == len(names)


def test_equal_meanings_are_equal_operations():
    by_meaning = {}
    for each in PRIMITIVES:
        if each.shape is AccessPattern.WHOLE_IMAGE:
            assert by_meaning.setdefault(each.meaning, each) is each


def test_every_family_is_there():
    assert {each.family for each in PRIMITIVES} == set(FAMILIES)


@pytest.mark.parametrize("name", ["lcc", "Lcc", "maxvol", "dt", "crossCorrelation", "N", "&&"])
def test_programs_find(name):
    assert name in catalogue(PRIMITIVES)


def test_overloads_are_told_apart_by_types():
    found = catalogue(PRIMITIVES)
    assert [str(each.parameters[0].type) for each in found["intensity"]] == [
        "image of numbers",
        "image of colors",
    ]
    assert len(found["extract"]) == 3


def test_channels_of_grey_images_are_type_errors():
    for name in ("red", "green", "blue"):
        (only,) = catalogue(PRIMITIVES)[name]
        assert str(only.parameters[0].type) == "image of colors"


def test_colors_know_their_channels():
    found = catalogue(PRIMITIVES)
    assert found["rgb"][0].channels == 3
    assert found["rgba"][0].channels == 4


def test_the_same_name_and_types_twice_are_refused():
    negation = list(logic.negation.overloads)
    with pytest.raises(ValueError, match=r"`not\(image of true/false\)` is defined twice"):
        catalogue(negation + negation)


def test_a_dialect_replaces_the_general_overload():
    general = catalogue(PRIMITIVES)["/"]
    dialect = catalogue(PRIMITIVES, "imgql1")["/"]
    assert len(general) == len(dialect)
    assert {each.name for each in general} != {each.name for each in dialect}


def test_a_primitive_without_documentation_is_refused():
    with pytest.raises(TypeError, match="`undocumented` needs a docstring with an example"):

        @voxelwise()
        def undocumented(b: Bool) -> Bool:
            return b


def test_a_primitive_without_an_example_is_refused():
    with pytest.raises(TypeError, match="`told` needs a docstring with an example"):

        @whole_image()
        def told(b: Bool) -> Bool:
            """A docstring without an example."""
            return b


def test_a_parameter_without_type_is_refused():
    with pytest.raises(TypeError, match="`v` of primitive `untyped` has no type of the language"):

        @voxelwise()
        def untyped(v) -> Voxel:
            """The same.

            >>> untyped([1])
            [1]
            """
            return v


def test_a_module_gives_only_what_it_defines():
    assert {each.family for each in primitives_of(logic)} == {"logic"}
