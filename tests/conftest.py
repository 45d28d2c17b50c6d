"""What all tests share: where the data lies, and how hypothesis searches."""

import locale
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests start hundreds of interpreters: without bytecode each compiles voxgpu anew, for 0.6 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Tests say themselves when results are to outlive a run.
os.environ["VOXGPU_STORE"] = "none"

# Background jobs of shells ignore SIGINT, and so would all processes that tests interrupt.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile(
    "voxgpu",
    deadline=None,  # a busy machine is not a failure
    derandomize=bool(os.environ.get("CI")),
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
# For interpreters besides the one that runs all tests: see .ci/interpreters.
settings.register_profile("core", settings.get_profile("voxgpu"), max_examples=3)
settings.load_profile("voxgpu")


@pytest.fixture(autouse=True)
def process_restored() -> Iterator[None]:
    """Undoes what a test changes for the process: the environment, such as dask's variables for its
    workers, and the locale, which is "C" after SimpleITK has written DICOM."""
    with _process_restored():
        yield


@pytest.fixture(autouse=True, scope="module")
def process_restored_after_module() -> Iterator[None]:
    """Undoes what fixtures of a module change for the process."""
    with _process_restored():
        yield


@contextmanager
def _process_restored() -> Iterator[None]:
    before, place = dict(os.environ), locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        if locale.setlocale(locale.LC_ALL) != place:
            locale.setlocale(locale.LC_ALL, place)
        if os.environ != before:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real cases, which is no part of the repository; skips where it is missing."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the real images of {folder}, which are not here")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden texts anew instead of comparing"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden texts are rewritten."""
    return bool(request.config.getoption("--update-golden"))
