"""The cache of GPU code: code is found again, and damaged files never give wrong results."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from voxgpu.codegen import nvrtc
from voxgpu.codegen.cubin_cache import Cubins
from voxgpu.codegen.object_cache import ObjectCache

TEXT = 'extern "C" __global__ void k(float* x) { x[threadIdx.x] *= 2.0f; }\n'


@pytest.fixture(autouse=True)
def _compiler() -> None:
    if nvrtc.missing():
        pytest.skip(f"needs NVIDIA's compiler: {nvrtc.missing()}")


def _cubins(folder: Path | None, architecture: int = 80) -> Cubins:
    return Cubins(ObjectCache(folder, ".cubin"), architecture)


def test_what_was_compiled_is_found(tmp_path: Path) -> None:
    first, second = _cubins(tmp_path), _cubins(tmp_path)
    code = first.cubin(TEXT)
    assert code[:4] == b"\x7fELF" and first.compiled == 1
    assert second.cubin(TEXT) == code and second.compiled == 0
    assert second.build(TEXT) is None


def test_another_text_architecture_or_compiler_is_another_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cubins = _cubins(tmp_path)
    key = cubins.key(TEXT)
    assert key != cubins.key(TEXT + " ") and key != _cubins(tmp_path, 90).key(TEXT)
    monkeypatch.setattr(nvrtc, "version", lambda: "99.9")
    assert key != cubins.key(TEXT)


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "renamed"])
def test_damaged_files_are_made_again(tmp_path: Path, damage: str) -> None:
    expected = _cubins(tmp_path).cubin(TEXT)
    (file,) = tmp_path.glob("*.cubin")
    data = bytearray(file.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    if damage == "renamed":
        other = _cubins(tmp_path)
        other.cubin(TEXT.replace("2.0f", "3.0f"))
        (wrong,) = (each for each in tmp_path.glob("*.cubin") if each != file)
        data = bytearray(wrong.read_bytes())
    cut = {"empty": 0, "truncated": len(data) // 2}.get(damage, len(data))
    file.write_bytes(bytes(data[:cut]))
    again = _cubins(tmp_path)
    assert again.cubin(TEXT) == expected and again.compiled == 1
    assert _cubins(tmp_path).cubin(TEXT) == expected


def test_nothing_is_kept_where_nothing_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file"):
        cubins = _cubins(folder)
        assert cubins.cubin(TEXT) and cubins.compiled == 1


def _compile(folder: Path) -> bytes:
    return _cubins(folder).cubin(TEXT)


def test_several_processes_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        codes = pool.map(_compile, [tmp_path] * 8)
    assert len(set(codes)) == 1
    assert [each.name for each in tmp_path.iterdir()] == [f"{_cubins(tmp_path).key(TEXT)}.cubin"]
