"""NVTX ranges: each span of a run on a GPU is one, begun and ended on its thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.cuda_emulator.module import requires_emulation
from voxgpu import spans
from voxgpu.backends.cuda import create
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.image import Grid, Image
from voxgpu.session import open_session
from voxgpu.session_settings import SessionSettings
from voxgpu.spans import Recorder, recording, show_spans_to, span


class _Ranges:
    """Ranges as NVTX has them: a stack for each thread."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._open: dict[int, list[str]] = {}

    def push(self, name: str) -> None:
        self.begun.append(name)
        self._open.setdefault(threading.get_ident(), []).append(name)

    def pop(self) -> None:
        self._open[threading.get_ident()].pop()

    def left(self) -> list[str]:
        return [name for names in self._open.values() for name in names]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = spans._ranges
    yield
    show_spans_to(before)


def test_ranges_are_ended_whatever_is_raised() -> None:
    ranges = _Ranges()
    show_spans_to(ranges)
    with recording(Recorder()), pytest.raises(KeyboardInterrupt), span("computing", "a"):
        with pytest.raises(ZeroDivisionError), span("reading", "b"):
            _ = 1 / 0
        with span("writing", "c"):
            pass
        raise KeyboardInterrupt
    assert ranges.begun == ["a", "b", "c"] and not ranges.left()


def test_a_span_ends_what_it_began() -> None:
    """A GPU is opened, and a session ends, while a span goes on."""
    ranges = _Ranges()
    show_spans_to(None)
    with recording(Recorder()), span("compiling", "before"):
        show_spans_to(ranges)
        with span("computing", "shown"):
            show_spans_to(None)
    assert ranges.begun == ["shown"] and not ranges.left()


def test_nothing_is_shown_while_nobody_records() -> None:
    ranges = _Ranges()
    show_spans_to(ranges)
    with span("computing", "a"):
        pass
    assert not ranges.begun


def test_spans_of_a_run_on_a_gpu_are_ranges(tmp_path: Path) -> None:
    requires_emulation()
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    options = Options(output=tmp_path, images={"v": Image(voxels, Grid.regular(voxels.shape))})
    text = 'load v = "v"\nprint "n" volume(v > 7)\nprint "mean" avg(v, v > 500)\n'
    recorder = Recorder()
    settings = SessionSettings(device="cuda:0", output=tmp_path)
    with emulated_machine(1) as cupy, recording(recorder):
        with open_session(settings) as session:
            compiled = session.compile(Source("p", text), None, options)
            assert not compiled.errors, compiled.errors
            result = session.execute(compiled)
        assert [each.value for each in result.prints] == [112] and result.errors
        nvtx = cupy.cuda.nvtx
        names = [name for _, name in nvtx.LOG if name is not None]
        assert not nvtx.open_ranges() and len(nvtx.LOG) == 2 * len(names)
        computing = {s.name for s in recorder.spans if s.category == "computing"}
        assert computing <= {*names}
    devices = {each.details.get("device") for each in recorder.spans if "task" in each.details}
    assert "cuda:0" in devices


def test_a_cupy_without_nvtx_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        """As ``_UnavailableModule`` of CuPy: any name is an error."""

        class Unavailable:
            def __getattr__(self, name: str) -> object:
                raise RuntimeError("cupy.cuda.nvtx is not available")

        nvtx = Unavailable()

    class Cupy:
        cuda = Cuda()

    monkeypatch.setattr(create, "cupy", Cupy)
    assert create._nvtx() is None
