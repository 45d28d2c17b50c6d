"""Executors by name: each is one file in ``executors/``, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from voxgpu.backends.base import Backend
from voxgpu.execution import executors
from voxgpu.execution.executor import Executor

#: The name that stands for the executor that suits the backend.
AUTO = "auto"


def executor_names() -> tuple[str, ...]:
    """Returns the names of the executors that there are, ``auto`` first."""
    return (AUTO, *sorted(each.name for each in iter_modules(executors.__path__)))


def create_executor(name: str, backend: Backend) -> Executor:
    """Create an executor that performs the tasks of one run on a backend.

    name  ``auto`` takes the backend's threads where it has any; else a module of ``executors/``,
          whose function ``create(backend)`` makes the executor

    Raises ValueError where there is no such executor, or the backend cannot be used with it.
    """
    if name == AUTO:
        name = "serial" if backend.workers is None else "threads"
    else:
        check_executor(name)
    executor: Executor = import_module(f"{executors.__name__}.{name}").create(backend)
    return executor


def check_executor(name: str) -> None:
    """Raises ValueError where there is no executor of that name."""
    if name not in executor_names():
        known = ", ".join(executor_names())
        raise ValueError(f"there is no executor {name!r}; there are {known}")
