"""Components by size compared with those of SciPy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import label

from tests.strategies import law
from voxgpu.image import Grid, Image
from voxgpu.primitives.catalogue import catalogue, standard_primitives

NAMES = catalogue(standard_primitives())
MASKS = st.sampled_from([(1, 1), (5, 7), (4, 5, 6), (1, 8, 3)]).flatmap(
    lambda shape: arrays.arrays(bool, shape)
)


def _of(name: str, b: np.ndarray) -> object:
    grid = Grid.regular(b.shape)
    (primitive,) = NAMES[name]
    return primitive.reference([Image(b, grid)], grid if name == "ranked_components" else None)


@given(b=MASKS)
@law(100)
def test_ranks_are_sizes_in_descending_order(b: np.ndarray) -> None:
    labels, count = label(b, np.ones((3,) * b.ndim))
    assert _of("component_count", b) == count
    ranked = _of("ranked_components", b)
    assert isinstance(ranked, Image)
    assert ranked.array.dtype == np.int32
    assert np.array_equal(ranked.array > 0, b)
    sizes = [np.count_nonzero(ranked.array == rank) for rank in range(1, count + 1)]
    assert sizes == sorted(sizes, reverse=True)
    seen = []
    for rank in range(1, count + 1):
        (here,) = np.unique(labels[ranked.array == rank])
        seen.append(here)
        assert np.count_nonzero(labels == here) == sizes[rank - 1]
    assert sorted(seen) == list(range(1, count + 1))
    for first, second in zip(range(count), range(1, count), strict=False):
        if sizes[first] == sizes[second]:
            places = [np.flatnonzero(ranked.array == rank + 1)[0] for rank in (first, second)]
            assert places[0] < places[1]
