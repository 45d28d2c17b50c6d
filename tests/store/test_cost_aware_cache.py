"""A cache too small for all values keeps the most valuable ones."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from tests.store.values import id_of, image
from tests.strategies import law
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.primitives.primitive import Value
from voxgpu.store.cost_aware_cache import GreedyDualSizeCache
from voxgpu.store.tier import bytes_of

ONE = image((10, 10, 10)).array.nbytes


def _memory(count: float, spilled: list[ValueId] | None = None) -> GreedyDualSizeCache:
    out = [] if spilled is None else spilled
    return GreedyDualSizeCache(
        int(ONE * count), bytes_of, lambda id, value, seconds: out.append(id)
    )


def _image() -> Image:
    return image((10, 10, 10))


def test_what_was_not_used_for_longest_goes_first() -> None:
    spilled: list[ValueId] = []
    memory = _memory(2, spilled)
    for number in range(3):
        memory.add(id_of(number), _image(), 1.0)
    assert spilled == [id_of(0)] and id_of(2) in memory
    memory = _memory(2)
    memory.add(id_of(0), _image(), 1.0)
    memory.add(id_of(1), _image(), 1.0)
    memory.add(id_of(2), _image(), 1.0)
    assert memory[id_of(1)] is not None
    memory.add(id_of(3), _image(), 1.0)
    assert id_of(1) in memory and id_of(2) not in memory


def test_what_takes_long_stays() -> None:
    memory = _memory(2)
    memory.add(id_of(0), _image(), 3600.0)
    for number in range(1, 50):
        memory.add(id_of(number), _image(), 0.01)
    assert id_of(0) in memory and id_of(49) in memory and len(memory) == 2


def test_what_is_not_used_goes_in_the_end_however_long_it_took() -> None:
    memory = _memory(2)
    memory.add(id_of(0), _image(), 10.0)
    for number in range(1, 60):
        memory.add(id_of(number), _image(), 1.0)
    assert id_of(0) not in memory


def test_numbers_take_nothing_and_what_is_too_large_is_spilled() -> None:
    spilled: list[ValueId] = []
    memory = _memory(0.5, spilled)
    memory.add(id_of(0), 1.5)
    memory.add(id_of(1), _image())
    assert dict(memory) == {id_of(0): 1.5} and spilled == [id_of(1)] and not memory.bytes
    memory.clear()
    assert not memory and spilled == [id_of(1)]


_STEPS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["add", "use"]), st.floats(0, 5)),
    max_size=60,
)


@given(steps=_STEPS)
@law(150)
def test_the_budget_is_held_and_nothing_is_lost_unseen(
    steps: list[tuple[int, str, float]],
) -> None:
    there: dict[ValueId, Value] = {}

    def spill(id: ValueId, value: Value, seconds: float) -> None:
        del there[id]

    memory = GreedyDualSizeCache(ONE * 3, bytes_of, spill)
    for number, action, seconds in steps:
        id = id_of(number)
        if action == "add" and id not in there:
            there[id] = _image()
            memory.add(id, there[id], seconds)
        elif action == "use" and id in there:
            assert memory[id] is there[id]
        assert dict(memory) == there and memory.bytes == len(there) * ONE
        assert memory.bytes <= ONE * 3
