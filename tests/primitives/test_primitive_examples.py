"""The examples in the documentation of every primitive hold."""

import pytest

from tests.primitives.reference import applied
from voxgpu.image import Grid
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.examples import DEFAULT_SHAPE, argument_values, examples, plain

PRIMITIVES = standard_primitives()


def runnable():
    for primitive in PRIMITIVES:
        for example in examples(primitive.doc):
            values = argument_values(example, primitive)
            if values is not None:
                yield pytest.param(primitive, example, values, id=f"{primitive.name} {example}")


@pytest.mark.parametrize(("primitive", "example", "values"), list(runnable()))
def test_example_holds(primitive, example, values):
    result = applied(primitive, values, Grid.regular(DEFAULT_SHAPE))
    assert plain(result) == example.expected


@pytest.mark.parametrize("doc", sorted({each.doc for each in PRIMITIVES}), ids=lambda doc: doc[:40])
def test_every_example_is_for_some_overload_under_its_own_name(doc):
    found = list(examples(doc))
    overloads = [each for each in PRIMITIVES if each.doc == doc]
    assert found
    for example in found:
        fitting = [each for each in overloads if argument_values(example, each) is not None]
        assert fitting
        assert any(example.name in each.names for each in fitting)
