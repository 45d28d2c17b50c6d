"""Ctrl-C, SIGTERM and a closed terminal: fast, clean, and reported in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import COMMAND, check_text

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such signals here")

#: A primitive that never ends, and reports when it has begun.
OWN = '''
import hashlib
from pathlib import Path
from voxgpu.primitives.define import NumberImage, whole_image


@whole_image(version=1)
def endless(v: NumberImage) -> NumberImage:
    """Takes an hour.

    >>> endless([1])
    [1]
    """
    Path("begun").touch()
    # Unlike `sleep`, this does not come back for a signal.
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    return v
'''

ENDLESS = """
load v = "v.nii"
print "a" max(v)
save "first.nii.gz" v + max(v)
save "last.nii.gz" endless(v + max(v + 1))
"""

LINES = {
    signal.SIGINT: "stopping…\ninterrupted: what was delivered is whole, nothing else was left\n",
    signal.SIGTERM: "terminated: what was delivered is whole, nothing else was left\n",
    signal.SIGHUP: "hung up: what was delivered is whole, nothing else was left\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an image and a primitive that never ends."""
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii"))
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def _ended(
    folder: Path,
    number: int,
    text: str,
    *arguments: str,
    begun: tuple[str, ...] = ("begun", "out/first.nii.gz"),
) -> tuple[int, str, str]:
    """Run a program, send a signal when files exist, and return how it ended."""
    (folder / "p.imgql").write_text(text)
    with subprocess.Popen(
        [*COMMAND, "run", "p.imgql", "--primitives", "own.py", "-o", "out", "-q", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"VOXGPU_STORE": "none"},
    ) as process:
        while not all((folder / each).exists() for each in begun) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate()
    check_text(err)
    return process.returncode, out, err


@pytest.mark.slow
@pytest.mark.parametrize("number", LINES)
@pytest.mark.parametrize("threads", ["1", "3"])
def test_what_was_delivered_stays_and_nothing_else(
    folder: Path, number: signal.Signals, threads: str
) -> None:
    # With one thread, it is the main thread that runs code which does not return.
    begun = ("begun", "out/first.json")
    status, out, err = _ended(folder, number, ENDLESS, "--threads", threads, begun=begun)
    assert (status, out, err) == (128 + number, "a=59\n", LINES[number])
    names = sorted(each.name for each in (folder / "out").iterdir())
    assert names == ["first.json", "first.nii.gz"]
    first = sitk.ReadImage(str(folder / "out" / "first.nii.gz"))
    assert sitk.GetArrayFromImage(first).max() == 118


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_json_is_an_object_that_says_so(folder: Path, number: signal.Signals) -> None:
    status, out, err = _ended(folder, number, ENDLESS, "--json")
    found = json.loads(out)
    assert (status, err) == (128 + number, LINES[number])
    assert found["interrupted"] is True
    assert [(each["label"], each["value"]) for each in found["print"]] == [("a", 59.0)]
    assert [each["label"] for each in found["saved"]] == ["first.nii.gz"]


@pytest.mark.slow
def test_json_of_a_run_that_ends_by_itself_says_so_too(folder: Path) -> None:
    status, out, _ = _ended(folder, 0, 'print "a" 1 + 1\n', "--json", begun=())
    assert (status, json.loads(out)["interrupted"]) == (0, False)


@pytest.mark.slow
def test_what_is_being_written_is_removed(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 30000, (160, 400, 400), np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(folder / "v.nii"))
    program = 'load v = "v.nii"\nsave "a.nii.gz" v\n'
    (folder / "p.imgql").write_text(program)
    with subprocess.Popen(
        [*COMMAND, "run", "p.imgql", "-q", "-o", "out"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"VOXGPU_STORE": "none"},
    ) as process:
        out = folder / "out"
        while process.poll() is None and not (out.exists() and list(out.glob("*.part*"))):
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert (process.returncode, err) == (143, LINES[signal.SIGTERM])
    assert list(out.iterdir()) == []


def test_values_that_wait_on_the_disk_are_removed(folder: Path) -> None:
    spills = folder / "spills"
    spills.mkdir()
    (folder / "p.imgql").write_text("")
    code = (
        "import os, time; from pathlib import Path\n"
        "from voxgpu.cli import shutdown, main\n"
        "from voxgpu.temporary_files import new_folder\n"
        "def work(*_, **__):\n"
        "    (new_folder('spill', Path('spills')).path / 'value').touch()\n"
        "    Path('begun').touch()\n"
        "    time.sleep(3600)\n"
        "main.voxgpu.main = work\n"
        "main.main()\n"
    )
    with subprocess.Popen([COMMAND[0], "-c", code], cwd=folder) as process:
        while not (folder / "begun").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
    assert list(spills.iterdir()) == []


def test_what_is_ignored_stays_ignored(folder: Path) -> None:
    text = 'load v = "v.nii"\nprint "a" max(v)\n'
    (folder / "p.imgql").write_text(text)
    # As nohup does.
    with subprocess.Popen(
        ["sh", "-c", f'trap "" HUP INT; exec {COMMAND[0]} -m voxgpu run p.imgql'],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for _ in range(5):
            time.sleep(0.05)
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert (process.returncode, out) == (0, "a=59\n")


def test_processes_of_tests_are_interrupted_where_signals_are_ignored() -> None:
    """As in a background job of a shell, whose children ignore SIGINT."""
    code = (
        "import signal, subprocess, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "import tests.conftest\n"
        "child = 'import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)'\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
