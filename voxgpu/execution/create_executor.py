"""Executors by name: each is one module in ``executors/``, imported on demand."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from voxgpu.backends.base import Backend
from voxgpu.execution import executors
from voxgpu.execution.executor import Executor

#: The name that selects the executor by backend.
AUTO = "auto"


def executor_names() -> tuple[str, ...]:
    """Returns the names of all executors, ``auto`` first."""
    return (AUTO, *sorted(each.name for each in iter_modules(executors.__path__)))


def create_executor(name: str, backend: Backend) -> Executor:
    """Creates an executor that performs the tasks of one run on a backend.

    name  a module of ``executors/``, whose function ``create(backend)`` makes the executor;
          ``auto``
          uses the backend's threads if it has any

    Raises ValueError for an unknown executor, or if it does not support the backend.
    """
    if name == AUTO:
        name = "serial" if backend.workers is None else "threads"
    else:
        check_executor(name)
    executor: Executor = import_module(f"{executors.__name__}.{name}").create(backend)
    return executor


def check_executor(name: str) -> None:
    """Raises ValueError if there is no executor with this name."""
    if name not in executor_names():
        known = ", ".join(executor_names())
        raise ValueError(f"there is no executor {name!r}; there are {known}")
