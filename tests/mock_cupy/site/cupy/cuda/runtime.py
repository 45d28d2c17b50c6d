"""CUDA's runtime calls: device queries and copies, by numbers alone."""

# The names are CuPy's, and thus CUDA's.
# ruff: noqa: N802, N803, N816
from __future__ import annotations

from typing import Any

from cupy import _limits
from cupy._copies import copy, fill
from cupy._errors import (
    INVALID_DEVICE,
    PEER_ALREADY_ENABLED,
    PEER_UNSUPPORTED,
    CUDARuntimeError,
)
from cupy._machine import machine

__all__ = [
    "CUDARuntimeError",
    "deviceCanAccessPeer",
    "deviceEnablePeerAccess",
    "deviceSynchronize",
    "driverGetVersion",
    "getDevice",
    "getDeviceCount",
    "getDeviceProperties",
    "hostAllocDefault",
    "hostAllocPortable",
    "memGetInfo",
    "memcpy",
    "memcpyAsync",
    "memcpyDefault",
    "memcpyDeviceToDevice",
    "memcpyDeviceToHost",
    "memcpyHostToDevice",
    "memcpyHostToHost",
    "memcpyPeerAsync",
    "memsetAsync",
    "runtimeGetVersion",
    "setDevice",
    "streamDefault",
    "streamLegacy",
    "streamNonBlocking",
    "streamSynchronize",
]

memcpyHostToHost = 0
memcpyHostToDevice = 1
memcpyDeviceToHost = 2
memcpyDeviceToDevice = 3
memcpyDefault = 4

streamDefault = 0
streamNonBlocking = 1
streamLegacy = 1

hostAllocDefault = 0
hostAllocPortable = 1


def getDeviceCount() -> int:
    return len(machine.gpus)


def getDevice() -> int:
    return machine.current


def setDevice(device: int) -> None:
    machine.use(device)


def getDeviceProperties(device: int) -> dict[str, Any]:
    gpu = machine.gpu(device)
    major, minor = gpu.version
    return {
        "name": b"Double of a GPU",
        "major": major,
        "minor": minor,
        "totalGlobalMem": gpu.total,
        "multiProcessorCount": _limits.MULTIPROCESSORS,
        "sharedMemPerBlock": _limits.SHARED_OF_BLOCK,
        "sharedMemPerBlockOptin": _limits.SHARED_OF_BLOCK_AT_MOST,
        "maxThreadsPerBlock": _limits.MOST_THREADS_OF_BLOCK,
        "regsPerBlock": 65536,
        "warpSize": 32,
        "l2CacheSize": 50 << 20,
        "memoryBusWidth": 5120,
        "pciBusID": gpu.physical + 1,
    }


def memGetInfo() -> tuple[int, int]:
    """Free and total bytes of the current device."""
    gpu = machine.gpu()
    return gpu.total - gpu.used, gpu.total


def runtimeGetVersion() -> int:
    return 12090


def driverGetVersion() -> int:
    return 12090


def deviceCanAccessPeer(device: int, peerDevice: int) -> int:
    machine.gpu(device)
    machine.gpu(peerDevice)
    return int(machine.can_reach_peers and device != peerDevice)


def deviceEnablePeerAccess(peerDevice: int) -> None:
    gpu = machine.gpu()
    if peerDevice == gpu.ordinal:
        raise CUDARuntimeError(INVALID_DEVICE)
    if not deviceCanAccessPeer(gpu.ordinal, peerDevice):
        raise CUDARuntimeError(PEER_UNSUPPORTED)
    if peerDevice in gpu.peers:
        raise CUDARuntimeError(PEER_ALREADY_ENABLED)
    gpu.peers.add(peerDevice)


def deviceSynchronize() -> None:
    with machine.turn:
        machine.wait_for_device(machine.gpu())


def streamSynchronize(stream: int) -> None:
    with machine.turn:
        machine.wait(machine.queue(stream).last)


def memcpyAsync(dst: int, src: int, size: int, kind: int, stream: int) -> None:
    with machine.turn:
        copy(dst, src, size, kind, machine.queue(stream))


def memcpy(dst: int, src: int, size: int, kind: int) -> None:
    """Copies on the null stream, and waits."""
    memcpyAsync(dst, src, size, kind, 0)
    streamSynchronize(0)


def memcpyPeerAsync(
    dst: int, dstDevice: int, src: int, srcDevice: int, size: int, stream: int
) -> None:
    machine.gpu(dstDevice)
    machine.gpu(srcDevice)
    memcpyAsync(dst, src, size, memcpyDeviceToDevice, stream)


def memsetAsync(ptr: int, value: int, size: int, stream: int) -> None:
    with machine.turn:
        fill(ptr, value, size, machine.queue(stream))
