"""Ids cover everything that a value depends on, and nothing else."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution.result import Result
from voxgpu.files.digest import Digests
from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.ids import meaning_of
from voxgpu.plan.node import Node
from voxgpu.store.disk import DiskStore
from voxgpu.store.explain_miss import explain
from voxgpu.store.history import History
from voxgpu.store.input_file_cache import SeenFiles
from voxgpu.store.open import open_disk


def _save(path: Path, voxels: np.ndarray, old: bool = True) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    if old:  # files that could be rewritten within one clock tick are not remembered
        os.utime(path, (time.time() - 100, time.time() - 100))
        time.sleep(0.06)
    return path


def _run(text: str, store: Path, **more: object) -> Result:
    result = voxgpu.run(text + "\n", store=store, **more)  # type: ignore[arg-type]
    assert not result.errors
    return result


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_p1_the_grid_is_part_of_the_id(tmp_path: Path, store: Path) -> None:
    for size in (5, 10):
        path = _save(tmp_path / f"{size}.nii", np.ones((size,) * 3, np.uint8))
        text = f'load v = "{path}"\nprint "all" volume(tt & (v >= 0))'
        for _ in range(2):
            assert _run(text, store).values == {"all": size**3}


def test_p2_an_overwritten_file_is_another_file(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "v.nii"
    text = f'load v = "{path}"\nprint "max" max(v)'
    for value in (1, 2, 3):
        _save(path, np.full((3, 3, 3), value, np.uint8))
        assert _run(text, store).values == {"max": value}


def test_p3_an_image_comes_back_as_an_image_and_the_program_goes_on(
    tmp_path: Path, store: Path
) -> None:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    path = _save(tmp_path / "v.nii", voxels)
    text = f'load v = "{path}"\nlet d = dt(v > 20)\nsave "d.nii" d'
    first, second = _run(text, store), _run(text, store)
    assert (second.computed, second.reused) == (0, 1)
    assert np.array_equal(first.saved[0].image.array, second.saved[0].image.array)
    assert first.saved[0].image.grid == second.saved[0].image.grid
    more = _run(text + '\nprint "far" max(d)\nprint "near" volume(near(v > 20))', store)
    assert more.reused >= 1
    assert more.values["far"] == first.saved[0].image.array.max()


def test_p4_without_a_store_nothing_is_computed_twice(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.ones((4, 4, 4), np.uint8))
    lines = [f'load v = "{path}"', "let a0 = v + 1"]
    lines += [f"let a{n} = a{n - 1} + a{n - 1}" for n in range(1, 21)]
    text = "\n".join([*lines, 'print "sum" max(a20)'])
    without = voxgpu.run(text)
    assert without.values == {"sum": 2.0**21}
    assert _run(text, store).computed == without.computed <= 30


def test_p7_each_value_is_written_once(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.arange(27, dtype=np.uint8).reshape(3, 3, 3))
    text = f'load v = "{path}"\nsave "a.nii" dt(v > 5)\nsave "b.nii" dt(v > 5)\nsave "c.nii" v > 5'
    _run(text, store, output=tmp_path / "out")
    objects = [each for each in (store / "objects").rglob("*") if each.is_file()]
    assert len(objects) == 2


def test_p9_long_strings_and_sequences_come_back_whole(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.arange(27, dtype=np.uint8).reshape(3, 3, 3))
    text = (
        f'load v = "{path}"\n'
        "let xs = for t in range(0, 400) do volume(v > t)\n"
        'print "all" xs\nprint "one" xs[3]\nprint "many" length(xs)'
    )
    first, second = _run(text, store), _run(text, store)
    assert repr(first.values) == repr(second.values)
    assert len(first.values["all"]) == 400 and first.values["one"] == 23  # type: ignore[arg-type]


def test_a_touched_file_is_no_miss(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.arange(27, dtype=np.uint8).reshape(3, 3, 3))
    text = f'load v = "{path}"\nprint "far" max(dt(v > 5))'
    _run(text, store)
    os.utime(path)
    copy = tmp_path / "copy.nii"
    copy.write_bytes(path.read_bytes())
    for each in (path, copy):
        assert _run(text.replace(str(path), str(each)), store).computed == 0


def test_a_changed_file_with_its_old_date_is_another_file(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.zeros((3, 3, 3), np.uint8))
    disk = open_disk(store)
    seen = SeenFiles(disk.index)
    header = read_header(path)
    before = Digests(seen).of(header)
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(FileError, match="changed while it was read"):
        Digests(seen).of(header)  # the header belongs to the previous file
    changed = read_header(path)
    after = Digests(seen, verify=True).of(changed)
    assert after != before
    assert Digests(seen).of(changed) == after


def test_digests_are_remembered_and_files_not_read_again(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = read_header(_save(tmp_path / "v.nii", np.zeros((3, 3, 3), np.uint8)))
    disk = open_disk(store)
    expected = Digests(SeenFiles(disk.index)).of(header)
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
    assert Digests(SeenFiles(disk.index)).of(header) == expected
    disk.close()
    again = DiskStore(store, 10**9)
    assert Digests(SeenFiles(again.index)).of(header) == expected


def test_headers_are_remembered_as_long_as_files_are_the_same(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.zeros((3, 4, 5), np.int16))
    seen = SeenFiles(open_disk(store).index)
    header = read_header(path)
    assert seen.header(str(path)) is None
    seen.note_header(str(path), header)
    assert seen.header(str(path)) == header
    _save(path, np.zeros((3, 4, 6), np.int16))
    assert seen.header(str(path)) is None
    path.unlink()
    assert seen.header(str(path)) is None


def test_what_a_primitive_means_is_in_the_id(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edited primitive gives its values, and all that derive from them, new ids."""
    path = _save(tmp_path / "v.nii", np.arange(27, dtype=np.uint8).reshape(3, 3, 3))
    text = f'load v = "{path}"\nprint "n" volume(near(v > 5))\nprint "m" max(v)\n'
    compiled = compile_program(Source("p", text), None, Options())
    _run(text, store)
    disk = open_disk(store)
    near = next(
        node.primitive for node in compiled.plan.nodes.values() if node.primitive.names[0] == "near"
    )
    edited = replace(near, meaning=near.meaning + meaning_of("edited"))
    changed = {}
    ids = {}
    for id, node in compiled.plan.nodes.items():
        inputs = tuple(ids[each] for each in node.inputs)
        primitive = edited if node.primitive is near else node.primitive
        new = Node(primitive, inputs, node.parameters)
        ids[id] = new.id
        changed[new.id] = new
    nodes = {ids[id]: kind for id, kind in compiled.plan.types.items()}
    goals = tuple(replace(goal, value=ids[goal.value]) for goal in compiled.plan.goals)
    files = {ids[id]: header for id, header in compiled.plan.files.items()}
    plan = replace(compiled.plan, nodes=changed, types=nodes, goals=goals, files=files)
    n, m = (goal.value for goal in plan.goals)
    assert disk.has(m) and not disk.has(n)
    found = explain(plan, n, History(disk.index), disk.has)
    assert [each.text for each in found.differences] == [
        f"`{near.name}` computes something else since voxgpu was changed"
    ]


def test_an_edited_file_of_primitives_is_a_miss(tmp_path: Path, store: Path) -> None:
    path = _save(tmp_path / "v.nii", np.arange(27, dtype=np.uint8).reshape(3, 3, 3))
    primitives = tmp_path / "mine.py"
    text = f'load v = "{path}"\nprint "x" times(max(v))'
    for factor in (2, 3):
        primitives.write_text(_TIMES.replace("FACTOR", str(factor)))
        for computed in (True, False):
            result = _run(text, store, primitives=[primitives])
            assert result.values == {"x": 26.0 * factor}
            assert (result.computed > 0) is computed


_TIMES = '''
from voxgpu.primitives.define import *

@scalar()
def times(x: NumberValue) -> NumberValue:
    """So many times as much.

    >>> times(1)
    FACTOR
    """
    return FACTOR * x
'''
