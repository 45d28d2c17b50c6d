"""Use of an existing cluster, which must run the same versions as this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.cohorts.clusters.libraries import cluster_error, configured, distributed
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.session_settings import SessionSettings
from voxgpu.version import __version__

_START = "start workers with: dask worker {} --nthreads 1 --memory-limit 0"


@contextmanager
def joined_cluster(
    settings: SessionSettings, scheduler: str, wait: float, tell: Callable[[str], None]
) -> Iterator[Joined]:
    """The cluster of a scheduler that runs already, with at least one worker.

    The settings have no threads and no memory unless they are asked for: a worker takes those that
    it was started with.

    scheduler  its address, or the file that it wrote
    wait       seconds to wait for it, and for a first worker

    Raises ImgqlError if it is not reached, has no worker in time, or runs other versions.
    """
    library = distributed()
    address = _address(scheduler)
    with configured(settings.threads):
        try:
            _check_form(address)
            client = library.Client(address, timeout=wait, name="voxgpu", set_as_default=False)
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            hint = "is it the address that `dask scheduler` prints, and does it run the same dask?"
            raise cluster_error(f"no scheduler answers at `{address}`", error, hint) from None
        with client:
            _await_worker(client, address, wait, tell)
            check_versions(client, address)
            yield Joined(client, settings, where=address, hint=_START.format(address))


def _address(text: str) -> str:
    """The address of a scheduler, perhaps from the file that it wrote. Raises ImgqlError."""
    if "://" in text:
        return text
    path = Path(text)
    if path.suffix != ".json" and not path.exists():
        return f"tcp://{text}"
    try:
        found = json.loads(path.read_text("utf-8"))
        return str(found["address"])
    except OSError as error:
        hint = "dask scheduler --scheduler-file FILE.json writes it"
        message = f"cannot read the file of a scheduler `{text}`: {error.strerror or error}"
        raise ImgqlError([Diagnostic("E502", message, help=hint)]) from None
    except (ValueError, KeyError, TypeError):
        hint = "dask scheduler --scheduler-file FILE.json writes one"
        message = f"`{text}` is no file of a dask scheduler: it has no address"
        raise ImgqlError([Diagnostic("E502", message, help=hint)]) from None


def _check_form(address: str) -> None:
    """Raises ValueError for an invalid address: a client of it could not even be closed."""
    scheme, _, place = address.partition("://")
    import_module("distributed.comm.registry").get_backend(scheme)
    if scheme in ("tcp", "tls"):
        import_module("distributed.comm.addressing").parse_host_port(place)


def _await_worker(client: Any, address: str, wait: float, tell: Callable[[str], None]) -> None:
    if client.scheduler_info(n_workers=-1)["workers"]:
        return
    tell(f"no worker has joined {address} yet; waiting up to {wait:.0f} s")
    try:
        client.wait_for_workers(1, timeout=wait)
    except TimeoutError:
        message = f"no worker has joined {address} in {wait:.0f} s"
        hint = _START.format(address)
        raise ImgqlError([Diagnostic("E502", message, help=hint)]) from None


def check_versions(client: Any, address: str) -> None:
    """Raises ImgqlError where the scheduler or a worker runs other versions than this process."""
    found = client.get_versions(check=False)
    own = _of_packages(found["client"])
    others = {"the scheduler": _of_packages(found["scheduler"])}
    others |= {f"worker {name}": _of_packages(each) for name, each in found["workers"].items()}
    wrong = [_difference(who, theirs, own) for who, theirs in others.items()]
    if not any(wrong):
        # Only now: code travels between equal versions of Python.
        own = {"voxgpu": __version__}
        workers = client.run(_probe(), on_error="return")
        wrong = [_difference(f"worker {name}", each, own) for name, each in workers.items()]
    wrong = [each for each in wrong if each]
    if wrong:
        more = f", and {len(wrong) - 3} more" if wrong[3:] else ""
        message = f"{address} runs other versions: {'; '.join(wrong[:3])}{more}"
        hint = "install the same versions there as here, or here as there"
        raise ImgqlError([Diagnostic("E502", message, help=hint)])


def _of_packages(found: Mapping[str, Any] | str) -> dict[str, str]:
    """The versions that must agree, of what ``get_versions`` tells of a process."""
    if not isinstance(found, Mapping):
        return {}
    packages = found.get("packages", {})
    python = ".".join(str(packages.get("python", "")).split(".")[:2])
    return {"Python": python, **{n: str(packages.get(n)) for n in ("dask", "distributed")}}


def _difference(who: str, theirs: object, own: Mapping[str, str]) -> str:
    """What another process runs in other versions, for people; empty if nothing."""
    if not isinstance(theirs, Mapping):
        return f"{who} does not say which ({type(theirs).__name__})"
    found = [
        f"{name} {theirs.get(name) or 'missing'} (here {version})"
        for name, version in own.items()
        if theirs.get(name) != version
    ]
    return f"{who} has {', '.join(found)}" if found else ""


def _probe() -> Callable[[], dict[str, str]]:
    """A function that travels as code, also to where voxgpu is not installed."""

    def versions() -> dict[str, str]:
        try:
            from voxgpu.version import __version__ as found
        except ImportError:
            found = ""
        return {"voxgpu": found}

    versions.__module__ = "__main__"
    return versions
