"""A backend that is held to the reference: silent where it is right, exact where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu
from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.emulated_cli import Cubins
from tests.backends.cuda.programs import EVERYTHING, assert_same, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.cpu import backend as cpu_backend
from voxgpu.backends.cpu import gradient
from voxgpu.backends.cuda import create
from voxgpu.backends.equality import same_values
from voxgpu.backends.validate import ValidatingBackend, difference
from voxgpu.compile import Options
from voxgpu.diagnostics import ImgqlError, Source
from voxgpu.execution.events import Event, Finished
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import NodeStep
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.session import Result, open_session
from voxgpu.session_settings import SessionListeners, SessionSettings

#: Values that turn out not to exist, in kernels with others that do.
UNDEFINED = EVERYTHING + (
    'print "none" avg(v, v > 1e9)\nsave "below.nii" v - avg(v, v > 1e9)\n'
    'print "sum" avg(v, v > 1e9) + 1\nprint "some" volume(v > avg(v, v > 1e9))\n'
    'print "many" for k in range(0, 50) do volume(v > max(v) / 30 * k)\n'
    'print "ranks" volume(percentiles(v, v > 5, 0.5) > 0.9)\n'
    'let k = argmax([volume(v > 9), max(v)])\nprint "x" max(extract(x(v), [5, 4, 1], [0, 0, k]))\n'
)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_image(tmp_path / "v.nii")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(
    text: str, device: str, validate: bool = True, listeners: SessionListeners | None = None
) -> Result:
    settings = SessionSettings(device, 2, validate=validate)
    with open_session(settings, listeners) as session:
        return session.execute(session.compile(Source("p.imgql", text), None, Options(output=None)))


def _refused(text: str, device: str) -> tuple[str, list[str]]:
    """The error of a program that is validated, and what it printed before."""
    printed: list[str] = []
    listeners = SessionListeners(on_print=lambda each: printed.append(str(each)))
    with pytest.raises(ImgqlError) as error:
        _run(text, device, listeners=listeners)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E306"
    return str(diagnostic), printed


@contextmanager
def _computer(device: str) -> Iterator[None]:
    """A computer with this device."""
    if device.startswith("cuda"):
        requires_emulation()
    with emulated_machine(2) if device.startswith("cuda") else nullcontext():
        yield


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "reference", "cuda:0", "cuda:0,cuda:1"])
def test_a_right_backend_is_left_alone_and_all_of_it_is_looked_at(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: set[str] = set()
    computed: set[str] = set()
    compare = ValidatingBackend._compare

    def note(self: ValidatingBackend, id: Any, *rest: Any) -> None:
        compared.add(id)
        compare(self, id, *rest)

    def observe(event: Event) -> None:
        if isinstance(event, Finished):
            step = event.task.step
            if not (isinstance(step, NodeStep) and step.node.primitive in (CONSTANT, LOAD)):
                computed.update(event.task.outputs)

    with _computer(device):
        expected = _run(UNDEFINED, device, validate=False)
        monkeypatch.setattr(ValidatingBackend, "_compare", note)
        found = _run(UNDEFINED, device, listeners=SessionListeners(observe=observe))
    assert_same(found, expected)
    assert [each.code for each in found.errors] == ["E301"]
    # What needs a value that does not exist is computed on a GPU, and is no value either.
    assert len(compared) >= 30 and (device.startswith("cuda") or computed <= compared)


def test_a_voxel_of_a_hand_written_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gradient.kernel

    def wrong(*name: str) -> Any:
        def magnitude(first: int, last: int, *rest: Any) -> None:
            right(*name)(first, last, *rest)
            rest[-1][3, 4, 5] = -7.25

        return magnitude

    monkeypatch.setattr(gradient, "kernel", wrong)
    text = 'load v = "v.nii"\nprint "before" max(v)\nlet g = gradient(v)\nprint "after" max(g)\n'
    message, printed = _refused(text, "cpu")
    expected = _run('load v = "v.nii"\nsave "g" gradient(v)\n', "reference", False).saved[0].image
    assert expected is not None
    lines = message.splitlines()
    assert lines[0] == (
        "error[E306]: `gradient` on cpu is -7.25 at voxel (5, 4, 3), "
        f"and {expected.array[3, 4, 5]!s} by the reference"
    )
    assert lines[1].strip() == "┌─ p.imgql:3:9"
    assert "  note: 1 of 594 voxels differ" in lines
    assert len(printed) == 1 and printed[0].startswith("before=")


@pytest.mark.parametrize("number", [False, True])
def test_a_kernel_of_several_nodes(number: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    right = cpu_backend.run_kernel

    def wrong(*given: Any) -> Any:
        images, reductions = right(*given)
        if number and reductions:
            reductions = [reductions[0] + 1, *reductions[1:]]
        elif not number and images:
            images[0][1, 2, 3] = ~images[0][1, 2, 3]
        return images, reductions

    monkeypatch.setattr(cpu_backend, "run_kernel", wrong)
    text = 'load v = "v.nii"\nlet a = v * 2 > 60\nprint "n" volume(a)\nsave "a" a\n'
    message, _ = _refused(text, "cpu")
    first = message.splitlines()[0]
    if number:
        value = _run(text, "reference", False).prints[0].value
        assert isinstance(value, float)
        what, place = f"`volume` on cpu is {value + 1}, and {value}", "p.imgql:3:11"
    else:
        what, place = "`>` on cpu is false at voxel (3, 2, 1), and true", "p.imgql:2:9"
    assert first == f"error[E306]: {what} by the reference" and place in message
    assert "it was computed together with others: `*`, `>`, `volume`" in message


def test_a_number_that_decides_how_the_program_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cpu_backend.run_kernel

    def wrong(*given: Any) -> Any:
        images, reductions = right(*given)
        return images, [each + 1 for each in reductions]

    monkeypatch.setattr(cpu_backend, "run_kernel", wrong)
    text = 'load v = "v.nii"\nprint "n" for k in range(0, max(v)) do k\n'
    message, printed = _refused(text, "cpu")
    assert "`max` on cpu is " in message and "p.imgql:2:29" in message and not printed


def test_where_a_gpu_is_short_of_memory() -> None:
    write_image(Path("v.nii"), (20, 30, 40))
    with _computer("cuda:0"):
        found = []
        for validate in (False, True):
            settings = SessionSettings("cuda:0", 2, device_memory=600_000, validate=validate)
            with open_session(settings) as session:
                source = Source("p.imgql", EVERYTHING)
                compiled = session.compile(source, None, Options(output=None))
                found.append(session.execute(compiled))
    assert_same(found[1], found[0])
    assert {each.code for each in found[0].errors} == {"E302"}


def test_a_voxel_of_a_kernel_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Cubins):
        """Compiles a kernel with a bug."""

        def cubin(self, text: str) -> bytes:
            old = "finite ? (float)sqrt(total)"
            bug = f"{old} + (x == 5 && y == 4 && z == 3 ? 1024.0f : 0.0f)"
            return super().cubin(text.replace(old, bug))

    text = 'load v = "v.nii"\nlet g = gradient(v)\nsave "near" near(g > 30)\n'
    with _computer("cuda:0"):
        monkeypatch.setattr(create, "cubins_for", Wrong)
        message, _ = _refused(text, "cuda:0")
    assert "`gradient` on cuda:0 is 10" in message and "at voxel (5, 4, 3), and " in message
    assert "p.imgql:2:9" in message and "1 of 594 voxels differ" in message


def test_what_the_optimizer_made_has_the_place_of_what_it_stands_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compare = ValidatingBackend._compare

    def wrong(self: ValidatingBackend, id: Any, primitive: Any, result: Any, *rest: Any) -> None:
        is_made = id not in self._plan.origins
        compare(self, id, primitive, -5.0 if is_made else result, *rest)

    monkeypatch.setattr(ValidatingBackend, "_compare", wrong)
    text = 'load v = "v.nii"\nprint "a" 1\nprint "d" volume(dt(v > 60) < 3)\n'
    settings = SessionSettings("cpu", validate=True)
    with open_session(settings) as session:
        compiled = session.compile(Source("p.imgql", text), None, Options(output=None))
        try:
            session.execute(compiled)
        except ImgqlError as error:
            (diagnostic,) = error.diagnostics
            assert diagnostic.span is not None and str(diagnostic.span).startswith("p.imgql:3:")


def test_a_primitive_that_is_not_the_same_each_time(desk: Path) -> None:
    (desk / "mine.py").write_text(
        "import itertools\nfrom voxgpu.primitives.define import *\n"
        "from voxgpu.primitives.define import scalar\nCOUNT = itertools.count()\n"
        '@scalar()\ndef next_number(x: NumberValue) -> NumberValue:\n    """Counts.\n\n'
        '    >>> next_number(1) > -1\n    true\n    """\n    return x + next(COUNT)\n'
    )
    text = 'load v = "v.nii"\nprint "n" next_number(max(v))\n'
    with pytest.raises(voxgpu.ImgqlError, match="nothing random, no state"):
        voxgpu.run(text, device="cpu", primitives=["mine.py"], validate=True)
    assert voxgpu.run(text, device="cpu", primitives=["mine.py"]).ok


def test_the_store_is_left_out(desk: Path) -> None:
    text = 'load v = "v.nii"\nprint "n" volume(near(v > 60))\n'
    stored = {"store": "store", "keep": "all", "device": "cpu"}
    assert voxgpu.run(text, **stored).reused == 0  # type: ignore[arg-type]
    assert voxgpu.run(text, **stored).reused > 0  # type: ignore[arg-type]
    assert voxgpu.run(text, validate=True, **stored).reused == 0  # type: ignore[arg-type]


def _image(*values: float, element: str = "float32") -> Image:
    array = np.array([values], element)
    return Image(array, Grid.regular(array.shape))


def test_nan_is_nan_and_zeros_have_signs() -> None:
    odd = np.array([[0x7FC12345, 0x3F800000]], np.uint32).view(np.float32)
    assert same_values(Image(odd, Grid.regular(odd.shape)), _image(np.nan, 1.0))
    assert not same_values(_image(0.0), _image(-0.0))
    assert not same_values(_image(1.0), _image(1, element="int16"))
    assert not same_values(_image(1.0), 1.0) and not same_values(1.0, _image(1.0))
    assert same_values((1.0, float("nan")), (1.0, float("nan"))) and not same_values((1,), (1, 2))
    assert same_values(UndefinedValueError("a"), UndefinedValueError("a"))
    assert not same_values(UndefinedValueError("a"), 0.0)


@pytest.mark.parametrize(
    ("found", "expected", "text"),
    [
        (1.0, 2.0, "is 1.0, and 2.0 by the reference"),
        (True, False, "is true, and false by the reference"),
        (_image(1, 0.1), _image(1, 3), "is 0.1 at voxel (1, 0), and 3.0 by the reference"),
        (
            _image(1, 2),
            _image(1, element="int16"),
            "is an image of float32, 2 × 1 voxels, and an image of int16, 1 × 1 voxels by the "
            "reference",
        ),
        (
            UndefinedValueError("nothing there"),
            3.0,
            "has no value (nothing there), and 3.0 by the reference",
        ),
        (3.0, UndefinedValueError("a"), "is 3.0, and has no value (a) by the reference"),
        ((1.0, 2.0), (1.0, 3.0), "has an item 1 that is 2.0, and 3.0 by the reference"),
    ],
)
def test_what_differs_is_said(found: Any, expected: Any, text: str) -> None:
    assert difference(found, expected) == text
