"""Work runs in the order of streams and events, and no earlier; missing events are detected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.mock_cupy.fixture import double, installed

__all__ = ["double"]

SEVENS = np.full(8, 7, np.float32)


def pinned(cupy: Any, values: np.ndarray) -> np.ndarray:
    """A copy in pinned memory."""
    memory = cupy.cuda.alloc_pinned_memory(values.nbytes)
    made = np.frombuffer(memory, values.dtype, values.size)
    made[:] = values
    return made


@pytest.fixture
def sevens(double: Any) -> np.ndarray:
    """Sevens in pinned memory, which lives as long as the test."""
    return pinned(double, SEVENS)


def two_streams(cupy: Any) -> tuple[Any, Any]:
    return tuple(cupy.cuda.Stream(non_blocking=True) for _ in range(2))


def test_nothing_runs_before_somebody_waits(double: Any, sevens: np.ndarray) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    array, host = double.empty(8, np.float32), pinned(double, np.zeros(8, np.float32))
    array.set(sevens, stream=stream)
    array.get(stream=stream, out=host, blocking=False)
    assert not host.any()
    assert not stream.done
    stream.synchronize()
    assert (host == 7).all()
    assert stream.done


def test_pinned_memory_is_read_when_the_copy_runs(double: Any, sevens: np.ndarray) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    array = double.empty(8, np.float32)
    array.set(sevens, stream=stream)
    sevens[:] = 9
    assert (array.get(stream=stream) == 9).all()


def test_pageable_memory_is_read_at_once_and_counted(double: Any) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    array, source = double.empty(8, np.float32), SEVENS.copy()
    array.set(source, stream=stream)
    source[:] = 9
    assert double.testing_double.counters.pageable_copies == 1
    assert (array.get(stream=stream) == 7).all()


def test_missing_event_is_an_error_where_it_is_missing(double: Any, sevens: np.ndarray) -> None:
    first, second = two_streams(double)
    array, host = double.empty(8, np.float32), sevens
    array.set(host, stream=first)
    with pytest.raises(double.testing_double.StreamOrderError, match="no event"):
        array.get(stream=second, out=host, blocking=False)
    first.synchronize()


def test_missing_event_shows_stale_data_where_it_is_no_error(
    double: Any, sevens: np.ndarray
) -> None:
    double.testing_double.check_order(False)
    first, second = two_streams(double)
    array, host = double.empty(8, np.float32), pinned(double, np.zeros(8, np.float32))
    array.set(sevens, stream=first)
    array.get(stream=second, out=host)
    assert (host.view(np.uint8) == 0xCD).all()
    first.synchronize()


def test_event_orders_streams(double: Any, sevens: np.ndarray) -> None:
    first, second = two_streams(double)
    array, host = double.empty(8, np.float32), pinned(double, np.zeros(8, np.float32))
    array.set(sevens, stream=first)
    second.wait_event(first.record())
    array.get(stream=second, out=host)
    assert (host == 7).all()


def test_waiting_for_one_stream_runs_only_what_its_order_needs(
    double: Any, sevens: np.ndarray
) -> None:
    first, second = two_streams(double)
    arrays = [double.zeros(8, np.float32) for _ in range(3)]
    double.cuda.Device(0).synchronize()
    hosts = [pinned(double, np.zeros(8, np.float32)) for _ in range(3)]
    arrays[0].set(sevens, stream=first)
    event = first.record()
    arrays[1].set(sevens, stream=first)
    second.wait_event(event)
    arrays[0].get(stream=second, out=hosts[0], blocking=False)
    second.synchronize()
    assert (hosts[0] == 7).all()
    assert event.done
    assert not first.done
    first.synchronize()


def test_event_stands_for_what_was_queued_when_it_was_recorded(
    double: Any, sevens: np.ndarray
) -> None:
    first, second = two_streams(double)
    array, host = double.zeros(8, np.float32), pinned(double, np.zeros(8, np.float32))
    double.cuda.Device(0).synchronize()
    event = first.record()
    array.set(sevens, stream=first)
    second.wait_event(event)
    with pytest.raises(double.testing_double.StreamOrderError):
        array.get(stream=second, out=host, blocking=False)
    first.synchronize()


def test_order_is_known_through_a_third_stream(double: Any, sevens: np.ndarray) -> None:
    first, second = two_streams(double)
    third = double.cuda.Stream(non_blocking=True)
    array = double.empty(8, np.float32)
    array.set(sevens, stream=first)
    second.wait_event(first.record())
    third.wait_event(second.record())
    assert (array.get(stream=third) == 7).all()


def test_two_streams_may_read_the_same_and_neither_may_then_write_it(
    double: Any, sevens: np.ndarray
) -> None:
    first, second = two_streams(double)
    array = double.zeros(8, np.float32)
    double.cuda.Device(0).synchronize()
    hosts = [pinned(double, np.ones(8, np.float32)) for _ in range(2)]
    for stream, host in zip((first, second), hosts, strict=True):
        array.get(stream=stream, out=host, blocking=False)
    with pytest.raises(double.testing_double.StreamOrderError, match="writes"):
        array.set(sevens, stream=first)
    double.cuda.Device(0).synchronize()
    assert not hosts[0].any() and not hosts[1].any()


def test_parts_of_memory_are_told_apart(double: Any, sevens: np.ndarray) -> None:
    first, second = two_streams(double)
    array = double.empty(16, np.float32)
    array[:8].set(sevens, stream=first)
    array[8:].set(sevens, stream=second)
    with pytest.raises(double.testing_double.StreamOrderError):
        array[7:9].set(sevens[:2], stream=second)
    double.cuda.Device(0).synchronize()
    assert (array.get() == 7).all()


def test_null_stream_and_blocking_streams_wait_for_each_other(
    double: Any, sevens: np.ndarray
) -> None:
    blocking, free = double.cuda.Stream(), double.cuda.Stream(non_blocking=True)
    array = double.empty(8, np.float32)
    array.set(sevens, stream=blocking)
    assert (array.get(stream=double.cuda.Stream.null) == 7).all()
    array.data.memset_async(0, array.nbytes, double.cuda.Stream.null)
    with pytest.raises(double.testing_double.StreamOrderError):
        array.get(stream=free)
    assert not array.get(stream=blocking).any()


def test_long_chains_of_events_run(double: Any, sevens: np.ndarray) -> None:
    first, second = two_streams(double)
    array = double.zeros(8, np.float32)
    double.cuda.Device(0).synchronize()
    for _ in range(3000):
        array.set(sevens, stream=first)
        second.wait_event(first.record())
        first, second = second, first
    assert (array.get(stream=first) == 7).all()


def test_synchronizations_are_counted_and_questions_are_not(
    double: Any, sevens: np.ndarray
) -> None:
    counters = double.testing_double.counters
    stream = double.cuda.Stream(non_blocking=True)
    array = double.empty(8, np.float32)
    array.set(sevens, stream=stream)
    event = stream.record()
    assert not event.done
    assert counters.synchronizations == 0
    event.synchronize()
    assert event.done
    stream.synchronize()
    double.cuda.Device(0).synchronize()
    double.cuda.runtime.streamSynchronize(stream.ptr)
    assert counters.synchronizations == 4


def test_who_asks_for_long_sees_work_done(double: Any, sevens: np.ndarray) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    array = double.empty(8, np.float32)
    array.set(sevens, stream=stream)
    event = stream.record()
    assert any(event.done for _ in range(1000))


def test_time_between_events(double: Any) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    first, second = stream.record(), stream.record()
    with pytest.raises(double.cuda.runtime.CUDARuntimeError, match="NotReady"):
        double.cuda.get_elapsed_time(first, second)
    stream.synchronize()
    assert double.cuda.get_elapsed_time(first, second) >= 0
    untimed = double.cuda.Event(disable_timing=True)
    untimed.record(stream)
    stream.synchronize()
    with pytest.raises(double.cuda.runtime.CUDARuntimeError, match="InvalidResourceHandle"):
        double.cuda.get_elapsed_time(first, untimed)


def test_current_stream_is_of_thread_and_device(double: Any) -> None:
    cuda = double.cuda
    stream = cuda.Stream(non_blocking=True)
    assert cuda.get_current_stream() == cuda.Stream.null
    with stream:
        assert cuda.get_current_stream() is stream
        with cuda.Device(1):
            assert cuda.get_current_stream() == cuda.Stream.null
            with pytest.raises(RuntimeError, match="does not match"):
                stream.use()
    assert cuda.get_current_stream() == cuda.Stream.null
    assert stream.use() is stream
    assert cuda.get_current_stream() is stream


def test_errors_of_work_come_out_of_whoever_waits(double: Any) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    kernel = double.RawModule(code=TAKES_FLOAT).get_function("takes_float")
    array = double.empty(1, np.float64)
    kernel((1,), (1,), (array,), stream=stream)
    with pytest.raises(TypeError) as caught:
        stream.synchronize()
    assert "takes_float" in "".join(caught.value.__notes__)


TAKES_FLOAT = 'extern "C" __global__ void takes_float(float* target) { target[0] = 1; }\n'


def test_streams_that_are_gone_still_end_their_work() -> None:
    with installed() as cupy:
        array, sevens = cupy.empty(8, np.float32), pinned(cupy, SEVENS)
        array.set(sevens, stream=cupy.cuda.Stream(non_blocking=True))
        cupy.cuda.Device(0).synchronize()
        assert (array.get() == 7).all()
