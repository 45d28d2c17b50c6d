"""The store on the command line: reuse by runs, and maintenance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu

PROGRAM = """load v = "v.nii.gz"
let wide = near(v > $T)
print "voxels" volume(wide)
save "wide.nii.gz" wide
save "far.nii.gz" dt(wide)
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    voxels = np.arange(24 * 20 * 16, dtype=np.int16).reshape(16, 20, 24) % 101
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    os.utime(tmp_path / "v.nii.gz", (10**9, 10**9))
    (tmp_path / "p.imgql").write_text(PROGRAM)
    return tmp_path


def _run(desk: Path, *more: object, threshold: int = 90) -> dict[str, object]:
    arguments = ("-D", f"T={threshold}", "-o", "out", "--store", "kept", "--json", *more)
    ended = voxgpu("run", "p.imgql", *arguments, cwd=desk)
    assert ended.status == 0, ended.err
    found = ended.json
    found["unchanged"] = [each.pop("unchanged") for each in found["saved"]]
    return found  # type: ignore[no-any-return]


def _states(desk: Path) -> list[tuple[str, int]]:
    return [(path.name, path.stat().st_mtime_ns) for path in sorted((desk / "out").iterdir())]


def test_a_second_run_delivers_and_computes_nothing(desk: Path) -> None:
    first = _run(desk)
    files = _states(desk)
    second = _run(desk)
    assert first["computed"] and not second["computed"]
    assert (first["unchanged"], second["unchanged"]) == ([False, False], [True, True])
    assert first["print"] == second["print"] and first["saved"] == second["saved"]
    assert _states(desk) == files
    forced = _run(desk, "--force-save")
    assert forced["unchanged"] == [False, False] and not forced["computed"]
    assert _states(desk) != files


def test_files_that_are_gone_or_other_ones_are_written_again(desk: Path) -> None:
    _run(desk)
    whole = (desk / "out/wide.nii.gz").read_bytes()
    (desk / "out/wide.nii.gz").unlink()
    assert _run(desk)["unchanged"] == [False, True]
    assert (desk / "out/wide.nii.gz").read_bytes() == whole
    (desk / "out/wide.nii.gz").write_bytes(whole[:-1])
    assert _run(desk)["unchanged"] == [False, True]
    assert (desk / "out/wide.nii.gz").read_bytes() == whole
    (desk / "out/far.nii.gz").write_bytes(whole)
    assert _run(desk)["unchanged"] == [True, False]


def test_only_what_depends_on_a_change_is_computed(desk: Path) -> None:
    text = PROGRAM + 'save "whole.nii.gz" dt(v > 50)\n'
    (desk / "p.imgql").write_text(text)
    first = _run(desk)
    second = _run(desk, threshold=91)
    assert 0 < second["computed"] < first["computed"]  # type: ignore[operator]
    assert second["unchanged"] == [False, False, True]


def test_without_a_store_nothing_is_kept(desk: Path) -> None:
    for _ in range(2):
        assert _run(desk, "--store", "none")["computed"]
    assert not (desk / "kept").exists()
    for _ in range(2):
        assert _run(desk, "--keep", "none", "--force-save")["computed"]


@pytest.mark.slow
def test_the_folder_is_that_of_the_variable_or_in_the_cache(desk: Path) -> None:
    for variables, folder in (
        ({"VOXGPU_STORE": str(desk / "a")}, desk / "a"),
        ({"VOXGPU_STORE": "", "VOXGPU_CACHE": str(desk / "c")}, desk / "c" / "store"),
    ):
        ended = voxgpu("store", "path", cwd=desk, variables=variables)
        assert ended.out.strip() == str(folder)
        voxgpu("run", "p.imgql", "-D", "T=90", "-o", "out", cwd=desk, variables=variables)
        assert (folder / "STORE").is_file()
    ended = voxgpu("store", "info", cwd=desk, variables={"VOXGPU_STORE": "none"})
    assert ended.status == 2 and "there is no store" in ended.err


def test_a_shared_folder_serves_another_computer(desk: Path) -> None:
    _run(desk, "--store-shared", "shared")
    found = _run(desk, "--store", "elsewhere", "--store-shared", "shared", "--force-save")
    assert not found["computed"] and found["reused"]


def test_a_folder_of_other_files_is_a_mistake(desk: Path) -> None:
    (desk / "kept").mkdir()
    (desk / "kept" / "thesis.txt").write_text("years")
    ended = voxgpu("run", "p.imgql", "-D", "T=9", "-o", "out", "--store", "kept", cwd=desk)
    assert ended.status == 1 and "E401" in ended.err and "holds other files" in ended.err
    for command in ("clear", "verify", "gc"):
        arguments = ["--yes"] if command == "clear" else []
        ended = voxgpu("store", command, "--store", "kept", *arguments, cwd=desk)
        assert ended.status == 1 and "E401" in ended.err
    assert [each.name for each in (desk / "kept").iterdir()] == ["thesis.txt"]


def test_a_store_of_another_version_is_only_a_pity(desk: Path) -> None:
    _run(desk)
    (desk / "kept" / "STORE").write_text("voxgpu store 99\n")
    arguments = ("-D", "T=90", "-o", "out", "--store", "kept")
    ended = voxgpu("run", "p.imgql", *arguments, cwd=desk)
    assert ended.status == 0 and "W401" in ended.err and "left as it is" in ended.err
    assert voxgpu("store", "info", "--store", "kept", cwd=desk).status == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["info"], ["list"], ["list", "-n", "1"], ["verify"], ["verify", "--repair"],
        ["gc", "--max-bytes", "20G", "--max-age", "30d"], ["gc"], ["rebuild"], ["path"],
        ["clear", "--yes"],
    ],
)  # fmt: skip
def test_every_command_tells_people_and_programs(desk: Path, command: list[str]) -> None:
    _run(desk)
    ended = voxgpu("store", *command, "--store", "kept", cwd=desk)
    assert ended.status == 0 and ended.out.strip() and not ended.err
    _run(desk)
    ended = voxgpu("store", *command, "--store", "kept", "--json", cwd=desk)
    assert ended.status == 0 and isinstance(json.loads(ended.out), dict)


def test_info_counts(desk: Path) -> None:
    _run(desk)
    _run(desk, "--force-save")
    found = voxgpu("store", "info", "--store", "kept", "--json", cwd=desk).json
    assert found["objects"] == sum(each["objects"] for each in found["by_primitive"].values())
    assert found["hits"] == 3 and found["misses"] > 0 and 0 < found["hit_rate"] < 1
    assert 0 < found["bytes"] < found["budget"] <= 20e9


@pytest.mark.slow
def test_damage_is_found_and_repaired(desk: Path) -> None:
    _run(desk)
    path = next(path for path in (desk / "kept/objects").rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1])
    ended = voxgpu("store", "verify", "--store", "kept", cwd=desk)
    assert ended.status == 1 and "damaged" in ended.out and "--repair" in ended.out
    assert voxgpu("store", "verify", "--repair", "--store", "kept", cwd=desk).status == 0
    assert voxgpu("store", "verify", "--store", "kept", cwd=desk).out.endswith("clean\n")
    assert _run(desk, "--force-save")["print"] == _run(desk)["print"]


@pytest.mark.slow
def test_a_miss_says_what_differs(desk: Path) -> None:
    _run(desk)
    show = ("show", "p.imgql", "--store", "kept", "--why")
    ended = voxgpu(*show, "wide.nii.gz", "-D", "T=90", cwd=desk)
    assert "is in the store" in ended.out
    ended = voxgpu(*show, "far.nii.gz", "-D", "T=91", cwd=desk)
    assert "p.imgql:2:21: 90 became 91" in ended.out
    id = voxgpu(*show, "far.nii.gz", "-D", "T=91", "--format", "json", cwd=desk).json["why"][0][
        "id"
    ]
    assert "90 became 91" in voxgpu(*show, id, "-D", "T=91", cwd=desk).out
    voxels = np.zeros((16, 20, 24), np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(desk / "v.nii.gz"))
    ended = voxgpu(*show, "far.nii.gz", "-D", "T=90", cwd=desk)
    assert "the content of" in ended.out and "has changed" in ended.out
    ended = voxgpu(*show, "fra.nii.gz", "-D", "T=90", cwd=desk)
    assert ended.status == 1 and "did you mean `far.nii.gz`" in ended.err


def test_a_changed_file_whose_date_lies_is_found(desk: Path) -> None:
    before = _run(desk)
    path = desk / "v.nii.gz"
    status = path.stat()
    image = sitk.ReadImage(str(path))
    sitk.WriteImage(image * 0 + 99, str(desk / "w.nii.gz"))
    packed = (desk / "w.nii.gz").read_bytes()
    assert len(packed) <= status.st_size
    data = packed + bytes(status.st_size - len(packed))
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = _run(desk)["print"]
    assert after != before["print"]
    assert _run(desk, "--verify-inputs")["print"] == after


def test_results_are_the_same_with_little_memory(desk: Path) -> None:
    expected = _run(desk, "--store", "none", "-o", "one")
    for store in ("none", "kept"):
        found = _run(desk, "--store", store, "-o", "two", "--memory", "1M")
        assert found["print"] == expected["print"]
    for name in ("wide.nii.gz", "far.nii.gz"):
        assert (desk / "one" / name).read_bytes() == (desk / "two" / name).read_bytes()


@pytest.mark.parametrize("size", ["x", "20Q", "-5G", "1.5iB", ""])
def test_sizes_that_are_none(desk: Path, size: str) -> None:
    ended = voxgpu("store", "gc", "--max-bytes", size, "--store", "kept", cwd=desk)
    assert ended.status == 2 and "500M" in ended.err


KNOWN = """
import sys
from voxgpu.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
heavy = {"numba", "SimpleITK", "llvmlite", "scipy"} & {name.split(".")[0] for name in sys.modules}
print(sorted(heavy))
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [True, False])
def test_what_is_known_loads_nothing_heavy(desk: Path, is_there: bool) -> None:
    _run(desk)
    arguments = ["run", "p.imgql", "-D", "T=90", "-o", "out" if is_there else "new"]
    command = [sys.executable, "-c", KNOWN, *arguments, "--store", "kept"]
    ended = subprocess.run(command, cwd=desk, capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1] == "[]", ended.stdout + ended.stderr


@pytest.mark.slow
def test_the_repl_goes_on_from_the_store(desk: Path) -> None:
    lines = 'load v = "v.nii.gz"\nvolume(near(v > 90))\n'
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-m", "voxgpu", "repl", "--store", "kept"],
            cwd=desk, input=lines, capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
    found = voxgpu("store", "info", "--store", "kept", "--json", cwd=desk).json
    assert found["hits"] >= 1
