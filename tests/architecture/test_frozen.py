"""Classes made by ``frozen`` behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import pytest

from voxgpu.frozen import frozen


@dataclass(frozen=True)
class Plain:
    """A class as dataclasses make it."""

    a: int
    b: tuple[int, ...] = ()
    c: list[int] = field(default_factory=list, compare=False, repr=False)


@frozen
class Ours:
    """The same, and a cached property."""

    a: int
    b: tuple[int, ...] = ()
    c: list[int] = field(default_factory=list, compare=False, repr=False)

    @cached_property
    def double(self) -> int:
        return 2 * self.a


@frozen(slots=True)
class Slots:
    """The same with slots."""

    a: int
    b: tuple[int, ...] = ()
    c: list[int] = field(default_factory=list, compare=False, repr=False)


@frozen(slots=True)
class More(Slots):
    """One with a field of its own."""

    d: str = "d"

    def __post_init__(self) -> None:
        if not self.d:
            raise ValueError("empty")


@frozen
class One:
    """One with one field."""

    a: float


@frozen
class Other:
    """Another with one field."""

    a: float


@frozen
class Empty:
    """One with none."""


@frozen(eq=False, repr=False)
class Itself:
    """One that is only equal to itself."""

    a: int


@pytest.mark.parametrize("cls", [Ours, Slots], ids=lambda cls: cls.__name__)
def test_it_is_made_shown_and_compared_as_a_dataclass(cls: Any) -> None:
    assert inspect.signature(cls).parameters.keys() == inspect.signature(Plain).parameters.keys()
    first, again, third = cls(1, (2,), [3]), cls(b=(2,), a=1), cls(2)
    plain, plain_again = Plain(1, (2,), [3]), Plain(2)
    assert first == again and first != third and first != plain and first is not again
    assert hash(first) == hash(again) == hash(plain)
    assert repr(first) == repr(plain).replace("Plain", cls.__name__)
    assert third.c == [] and third.c is not cls(2).c
    assert asdict(first) == asdict(plain) and asdict(third) == asdict(plain_again)
    assert [each.name for each in fields(cls)] == ["a", "b", "c"] and is_dataclass(cls)
    assert replace(first, a=5) == cls(5, (2,)) and cls.__match_args__ == Plain.__match_args__
    for copied in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert copied == first and copied.c == [3]
    for wrong in ({}, {"a": 1, "x": 2}):
        with pytest.raises(TypeError):
            cls(**wrong)


@pytest.mark.parametrize("cls", [Ours, Slots, More], ids=lambda cls: cls.__name__)
def test_it_cannot_be_changed(cls: Any) -> None:
    made = cls(1)
    with pytest.raises(FrozenInstanceError, match="a"):
        made.a = 2
    with pytest.raises(FrozenInstanceError, match="a"):
        del made.a
    assert made.a == 1


def test_inherited_fields_come_first() -> None:
    assert More(1, (2,), [3], "e") == More(1, (2,), d="e") != More(1, (2,))
    assert repr(More(1)) == "More(a=1, b=(), d='d')" and More(1) != Slots(1)
    with pytest.raises(ValueError, match="empty"):
        More(1, d="")
    assert pickle.loads(pickle.dumps(More(1))) == More(1)


def test_classes_of_few_fields() -> None:
    assert One(1.0) == One(1.0) != Other(1.0) and hash(One(0.0)) == hash(One(-0.0))
    nan = One(float("nan"))
    assert nan == One(nan.a) and nan != One(float("nan"))
    assert Empty() == Empty() and hash(Empty()) == hash(Empty()) and repr(Empty()) == "Empty()"


def test_options_leave_methods_out() -> None:
    one = Itself(1)
    assert one == one and one != Itself(1) and len({one, Itself(1)}) == 2
    assert "Itself(a=1)" not in repr(one)


def test_cached_properties_are_kept() -> None:
    made = Ours(4)
    assert made.double == 8 and "double" in made.__dict__
