"""Selection of the device for a plan: the requested one, or the one expected to be faster."""

from __future__ import annotations

from collections.abc import Callable

from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.backends.thread_pool import ThreadPool, usable_cores
from voxgpu.device_spec import DeviceSpec, parse_device
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.frozen import frozen
from voxgpu.plan.node import Plan


@frozen(slots=True)
class Selection:
    """A choice of a backend, with its reason."""

    name: str
    reason: str


class BackendSelector:
    """Creates backends when they are needed, and keeps them until it is closed.

    device   what ``--device`` says
    threads  of the CPU; None: as many as there are cores to use
    memory   bytes that may be taken of a GPU; None: 70 % of what is free
    tell     called with each new selection

    Raises ValueError where there is no such device, ImgqlError where a GPU is asked for and none
    can be used.
    """

    def __init__(
        self,
        device: str = "auto",
        threads: int | None = None,
        memory: int | None = None,
        tell: Callable[[Selection], None] = lambda _: None,
    ) -> None:
        self._request = parse_device(device)
        self._threads = threads
        self._memory = memory
        self._tell = tell
        self._made: dict[DeviceSpec, Backend] = {}
        self._last: Selection | None = None
        if self._request.kind == "cuda":
            _check(self._request.ordinals)

    def of(self, plan: Plan) -> Backend:
        """Returns the backend for a plan that was pruned to what remains to compute."""
        request, reason = self._chosen(plan)
        if request not in self._made:
            self._made[request] = self._make(request)
        backend = self._made[request]
        chosen = Selection(backend.name, reason)
        if chosen != self._last:
            self._last = chosen
            self._tell(chosen)
        return backend

    def use_cpu(self) -> None:
        """Returns the CPU for all further plans; other sessions learn that a GPU was lost."""
        from voxgpu.backends.cuda import detect

        self._request = DeviceSpec("cpu")
        detect.probe_again()

    def close(self) -> None:
        """Ends the threads, and frees the memory of GPUs."""
        for backend in self._made.values():
            backend.close()
        self._made.clear()

    def _chosen(self, plan: Plan) -> tuple[DeviceSpec, str]:
        if self._request.kind != "auto":
            return self._request, "it was asked for"
        from voxgpu.backends.cuda import detect

        cpu, gpu = DeviceSpec("cpu"), DeviceSpec("cuda", (0,))
        problem = detect.driver_problem()
        if problem:
            return cpu, problem
        from voxgpu.backends.cost_model import estimate

        guess = estimate(plan, self._threads or usable_cores(), gpu in self._made)
        if not guess.prefers_gpu:
            return cpu, str(guess)
        # Only now: starting a GPU takes longer than most small programs.
        count, problem = detect.detect_gpus()
        return (gpu, str(guess)) if count else (cpu, problem)

    def _make(self, request: DeviceSpec) -> Backend:
        if request.kind == "reference":
            return ReferenceBackend()
        if request.kind == "cuda":
            from voxgpu.backends.cuda.create import open_gpus

            return open_gpus(request.ordinals, self._memory, self._workers())
        from voxgpu.backends.cpu.backend import Cpu

        return Cpu(self._threads)

    def _workers(self) -> ThreadPool:
        # Reading and writing beside the GPU; with one thread alone nothing would overlap.
        return ThreadPool(max(2, self._threads or usable_cores()))


def _check(ordinals: tuple[int, ...]) -> None:
    from voxgpu.backends.cuda.detect import detect_gpus

    for each in ordinals:
        count, problem = detect_gpus((each,))
        if each >= count:
            message = f"cuda:{each} cannot be used: "
            message += problem or f"there are {count} GPUs, cuda:0 to cuda:{count - 1}"
            hint = "voxgpu doctor tells what this computer has; --device cpu needs no GPU"
            raise ImgqlError([Diagnostic("E501", message, help=hint)])


class FixedBackend:
    """One backend for every plan."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def of(self, plan: Plan) -> Backend:
        """The backend."""
        return self._backend

    def use_cpu(self) -> None:
        """Returns the CPU for all further plans."""
        from voxgpu.backends.cpu.backend import Cpu

        self._backend.close()
        self._backend = Cpu(None)

    def close(self) -> None:
        """Closes it."""
        self._backend.close()
