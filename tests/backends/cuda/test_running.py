"""Programs on a GPU: no unnecessary waits, and late errors are reported like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import EVERYTHING, assert_same, compiled, run, told, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.select import BackendSelector
from voxgpu.session import Session

pytestmark = pytest.mark.usefixtures("desk")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_image(Path("v.nii"))


@pytest.fixture
def double() -> Iterator[Any]:
    with emulated_machine() as cupy:
        yield cupy.testing_double


def test_everything_at_once(double: Any) -> None:
    found = run(EVERYTHING, "cuda:0")
    assert not found.errors
    assert_same(found, run(EVERYTHING, "reference"))


def test_nobody_waits_for_a_node(double: Any) -> None:
    """A chain of a hundred kernels and numbers waits only for what is printed and saved."""
    lines = ['load v = "v.nii"', "let a0 = v"]
    lines += [f"let a{n} = (a{n - 1} + v) - max(a{n - 1} *. 0.5)" for n in range(1, 60)]
    text = "\n".join([*lines, 'save "a.nii" near(a59 > 0)', 'print "m" max(a59)'])
    double.reset()
    found = run(text, "cuda:0")
    counters = double.counters
    assert counters.host_to_device.count == 1, "the image is copied once"
    assert counters.device_to_host.count == 2, "the image that is saved, and the number printed"
    assert counters.synchronizations <= 2 + 3, "one for each, and at the end"
    assert not counters.pageable_copies
    assert_same(found, run(text, "reference"))


def test_numbers_are_printed_in_order_however_long_others_take(double: Any) -> None:
    text = 'load v = "v.nii"\n' + "\n".join(
        f'print "{n}" volume(near(v > {n}))' if n % 2 else f'print "{n}" {n}' for n in range(20)
    )
    found = run(text, "cuda:0")
    assert [each.label for each in found.prints] == [str(n) for n in range(20)]
    assert told(found) == told(run(text, "reference"))


def test_a_number_that_does_not_exist_fails_what_depends_on_it(double: Any) -> None:
    text = (
        'load v = "v.nii"\nlet m = avg(v, v > 9999)\nlet above = v > (m .+. 1)\n'
        'save "above.nii" near(above)\nprint "n" volume(above)\nprint "fine" volume(v > 20)\n'
        'print "twice" m .*. 2\nprint "list" [m, 1]\nsave "fine.nii" v > 20\n'
    )
    found, expected = run(text, "cuda:0"), run(text, "reference")
    (error,) = found.errors  # one cause is reported once, with all affected goals
    assert "`mask` has no true voxel" in str(error)
    assert_same(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        'save "o.nii" otsu(v, v > 9999, 20)',
        'save "c.nii" crossCorrelation(1, v, v, v > 20, max(v), min(v), 5)',
        'print "d" dice(v > 9999, v > 9999)',
        'print "j" jaccard(v > 9999, v > 99999) .+. 1',
        'print "s" volume(v > sensitivity(v > 0, v > 9999))',
        'print "h" hd(v > 20, v > 9999)',
        'save "e.nii" extract(v, [3, 4, 2], [1, 0, 2])',
        'save "z.nii" simpleitk.Median(near(v > 20))',
        'print "i" (if volume(v > 20) > 3 then 1 else avg(v, v > 9999))',
        'print "r" length(range(0, volume(v > 60)))',
        'print "f" format_string("{} of {}", volume(v > 60), max(v))',
        'print "b" (volume(v > 60) > 3) && (max(v) < 5)',
        'print "k" argmax([volume(v > 60), volume(v > 20)])',
    ],
)
def test_what_is_found_out_late(double: Any, text: str) -> None:
    text = f'import "simpleitk"\nload v = "v.nii"\n{text}\nprint "fine" 1\n'
    assert_same(run(text, "cuda:0"), run(text, "reference"))


def test_a_file_that_cannot_be_read(double: Any) -> None:
    write_image(Path("w.nii"), seed=2)
    text = 'load v = "v.nii"\nload w = "w.nii"\nprint "v" max(v)\nprint "w" max(w)\n'
    devices = BackendSelector("cuda:0", 2)
    with Session(None, backend=devices) as session:
        program = compiled(text, session)
        Path("w.nii").unlink()
        found = session.execute(program)
    assert [each.label for each in found.prints] == ["v"]
    assert [each.code for each in found.errors] == ["E201"]


def test_elements_that_files_have(double: Any) -> None:
    import SimpleITK as sitk

    random = np.random.default_rng(3)
    for number, element in enumerate(
        ["uint8", "int8", "uint16", "int32", "uint32", "float32", "float64"]
    ):
        voxels = random.integers(0, 99, (4, 5, 6)).astype(element)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), f"e{number}.nii")
    loads = "\n".join(f'load e{n} = "e{n}.nii"\nsave "s{n}.nii" e{n} > 40' for n in range(7))
    text = f'{loads}\nsave "sum.nii" {" + ".join(f"e{n}" for n in range(7))}\n'
    text += "\n".join(f'print "{n}" volume(otsu(e{n}, e{n} > 3, 9))' for n in range(7))
    assert_same(run(text, "cuda:0"), run(text, "reference"))


def test_colors(double: Any) -> None:
    import SimpleITK as sitk

    voxels = np.random.default_rng(4).integers(0, 255, (7, 9, 3)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(voxels, isVector=True), "c.png")
    text = (
        'load c = "c.png"\nsave "i.nii" intensity(c)\nsave "r.nii" red(c) - blue(c)\n'
        'save "a.nii" alpha(c)\nsave "j.nii" rgb(green(c), red(c), blue(c))\n'
    )
    assert_same(run(text, "cuda:0"), run(text, "reference"))


def test_items_of_a_printed_sequence_that_fail_leave_the_others(double: Any) -> None:
    text = """load v = "v.nii"
    let none = v > 1e9
    print "w" [max(v), avg(v, none), min(v) + 1]
    print "nested" [[avg(v, none), 1], [2, avg(v, none) + max(v)]]
    print "texts" ["x", format_string("{}", avg(v, none))]
    print "all" [avg(v, none), avg(v, none)]
    print "n" volume(none)
    """
    found = run(text, "cuda:0")
    assert [each.failed for each in found.prints] == [((1,),), ((0, 0), (1, 1)), ((1,),), ()]
    other = run(text, "reference")
    assert [str(each) for each in found.prints] == [str(each) for each in other.prints]
    assert [each.message for each in found.errors] == [each.message for each in other.errors]
    assert len(found.errors) == 1  # one cause is reported once


def test_more_sums_than_are_accumulated_at_once(double: Any) -> None:
    """One launch computes them, in groups; images and other reductions are beside them."""
    lines = ['load v = "v.nii"', "let w = v * 2", 'save "w.nii" w', 'print "max" max(w)']
    lines += [f'print "{n}" avg(w + x * {n}, w > {20 * n})' for n in range(5)]
    double.reset()
    found = run("\n".join(lines), "cuda:0")
    assert len(double.counters.launches) == 1
    assert_same(found, run("\n".join(lines), "reference"))
