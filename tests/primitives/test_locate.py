"""Primitives are pickled as a reference by which another process finds them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from tests.primitives.simpleitk_calls import NAMESPACE
from voxgpu.diagnostics import ImgqlError
from voxgpu.primitives import internal, sequence, source
from voxgpu.primitives.catalogue import primitives_of, standard_primitives
from voxgpu.primitives.extension import from_file
from voxgpu.primitives.primitive import Primitive

SINGLE = [each for module in (sequence, source) for each in vars(module).values()]
OWN = [
    *standard_primitives(),
    *primitives_of(internal),
    *(each for each in SINGLE if isinstance(each, Primitive)),
]

MINE = '''
from voxgpu.primitives.define import *
from voxgpu.primitives.define import scalar

@scalar()
def twice(x: NumberValue) -> NumberValue:
    """Two of it.

    >>> twice(2)
    4
    """
    return 2 * x

@voxelwise()
def tripled(v: Voxel) -> Voxel:
    """Three of it.

    >>> tripled([1, 2, 3])
    [3, 6, 9]
    """
    return v * 3.0
'''


def test_each_of_voxgpu_is_the_one_that_is_here() -> None:
    assert len(OWN) > 180 and {"sequence", "source", "internal"} < {each.family for each in OWN}
    assert all(found is each for found, each in zip(_sent(OWN), OWN, strict=True))
    assert max(len(pickle.dumps(each)) for each in OWN) < 350


def test_each_of_simpleitk_means_the_same() -> None:
    every = [each for overloads in NAMESPACE.values() for each in overloads]
    assert len(every) > 300
    for found, each in zip(_sent(every), every, strict=True):
        assert (found.name, found.meaning, found.parameters) == (
            each.name,
            each.meaning,
            each.parameters,
        )


def test_of_a_file_they_are_imported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    mine = from_file(Path("mine.py"))
    monkeypatch.chdir("/")
    found = _sent(list(mine))
    assert [each.meaning for each in found] == [each.meaning for each in mine]
    assert found[0].reference([4.0], None) == 8.0
    assert [id(each) for each in _sent(list(mine))] == [id(each) for each in found]
    assert [id(each) for each in _sent(found)] == [id(each) for each in found]


@pytest.mark.parametrize("place", [0, 1])
def test_a_file_that_has_changed_is_refused(tmp_path: Path, place: int) -> None:
    """Also where the changed function is another one: the text is the file's."""
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    text = pickle.dumps(from_file(path)[place])
    path.write_text(MINE.replace("2 * x", "2 * x + 0"))
    with pytest.raises(ImgqlError, match=r"mine\.py` differ from the sender's: the file has cha"):
        pickle.loads(text)
    path.unlink()
    with pytest.raises(ImgqlError, match=r"cannot read the primitives in .*mine\.py`: No such"):
        pickle.loads(text)
    path.write_text(MINE)
    pickle.loads(text)


def test_what_a_file_imports_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    first = from_file(path)[0]
    other = replace(first, meaning=first.meaning + b"another version of a library")
    with pytest.raises(ImgqlError, match="import differs from what the sender imports"):
        _sent([other])


def test_a_package_that_is_not_here_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    first = from_file(path)[0]
    assert first.extension is not None
    packaged = replace(first, extension=replace(first.extension, file="", entry="lab.filters"))
    with pytest.raises(
        ImgqlError, match=r"no installed package has the entry point `lab\.filters`"
    ):
        _sent([packaged])


def test_what_no_other_process_could_find_is_not_sent() -> None:
    with pytest.raises(pickle.PicklingError, match="where another process could find it"):
        pickle.dumps(replace(OWN[0], name="mine"))
    with pytest.raises(pickle.PicklingError, match="where another process could find it"):
        pickle.dumps(replace(OWN[0], meaning=b"other"))


def test_one_of_another_version_is_refused() -> None:
    text = pickle.dumps(OWN[0])
    name = OWN[0].name.encode()
    assert name in text
    other = text.replace(name, bytes(len(name) * [ord("x")]))
    with pytest.raises(pickle.UnpicklingError, match="are of another version here"):
        pickle.loads(other)


def _sent(primitives: list[Primitive]) -> list[Primitive]:
    found: list[Primitive] = pickle.loads(pickle.dumps(primitives))
    return found
