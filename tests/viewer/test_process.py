"""``voxgpu view`` as a process: its address, its end, and what it says where it cannot begin."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra view is not installed")

from tests.cli.command import COMMAND, check_text, voxgpu
from tests.cli.test_shutdown import OWN
from tests.viewer.serving import write_case


class _Process:
    """A viewer in a process of its own."""

    def __init__(self, root: Path, temporary: Path, *options: object) -> None:
        temporary.mkdir(exist_ok=True)
        command = [*COMMAND, "view", root, "--no-browser", "--store", "none", *options]
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            pytest.fail(self.process.communicate()[1])
        self.port = int(self.url.split(":")[2].split("/")[0])

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"X-Voxgpu": "1", "Content-Type": "application/json"}
        address = "/" + self.url.split("/", 3)[3] + path
        connection.request(method, address, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        found = response.status, response.read()
        connection.close()
        return found

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        check_text(errors)
        return self.process.returncode, errors


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a case and a primitive that never ends."""
    found = write_case(tmp_path / "study" / "a", "v").parent
    (found / "own.py").write_text(OWN)
    return found


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals here")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_what_runs_and_its_files(
    root: Path, tmp_path: Path, number: int
) -> None:
    temporary = tmp_path / "temporary"
    viewer = _Process(root, temporary, "--primitives", root / "own.py", "--threads", "2")
    assert viewer.url.startswith(f"http://127.0.0.1:{viewer.port}/")
    assert viewer.ask("GET", "api/dataset")[0] == 200
    (folder,) = temporary.glob("voxgpu-view-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    text = 'load v = "$CASE/a_v.nii.gz"\nsave "s.nii" endless(v)\n'
    body = {"text": text, "file": None, "cases": ["0/a"]}
    status, answer = viewer.ask("POST", "api/runs", body)
    assert status == 201, answer
    while not (root / "begun").exists():
        time.sleep(0.01)
    # Nothing that computes keeps the server from answering.
    assert viewer.ask("GET", "api/volume/0/a/a_v.nii.gz")[0] == 200
    returned, errors = viewer.end(number)
    assert returned == 128 + number
    assert errors.splitlines()[-1].endswith("the viewer has ended")
    assert not list(temporary.glob("voxgpu-*"))


@pytest.mark.slow
def test_a_killed_viewer_leaves_files_that_the_next_one_removes(root: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    first = _Process(root, temporary)
    first.process.kill()
    first.process.communicate()
    (left,) = temporary.glob("voxgpu-view-*")
    second = _Process(root, temporary)
    assert not left.exists() and len(list(temporary.glob("voxgpu-view-*"))) == 1
    second.end(signal.SIGTERM)


def test_a_port_in_use(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = voxgpu("view", root, "--port", port, "--no-browser", cwd=root)
    assert ended.status == 1 and not ended.out
    assert f"port {port}" in ended.err and "--port" in ended.err


def test_other_computers_cannot_connect(root: Path, tmp_path: Path) -> None:
    from tests.viewer.serving import serving

    with serving([root], tmp_path / "files") as served:
        assert served.listening.socket.getsockname()[0] == "127.0.0.1"


def test_what_cannot_be_opened(root: Path) -> None:
    ended = voxgpu("view", "nothing", "--no-browser", "--store", "none", cwd=root)
    assert ended.status == 1 and "`nothing`" in ended.err and not ended.out


def test_a_missing_server_is_named_with_what_installs_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from voxgpu.cli import view
    from voxgpu.diagnostics import ImgqlError

    monkeypatch.setattr(view, "find_spec", lambda name: None)
    ended = CliRunner().invoke(view.command, [str(root), "--no-browser"])
    assert isinstance(ended.exception, ImgqlError)
    (found,) = ended.exception.diagnostics
    assert "starlette" in found.message and "uvicorn" in found.message
    assert found.help == "pip install 'voxgpu[view]'"


def test_browsers_with_a_window_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    from voxgpu.cli.view import _open

    opened: list[str] = []
    for kind in (webbrowser.GenericBrowser, webbrowser.BackgroundBrowser, webbrowser.Mozilla):
        monkeypatch.setattr(kind, "open", lambda self, url: opened.append(type(self).__name__))
        monkeypatch.setattr(webbrowser, "get", lambda kind=kind: kind("browser"))
        _open("http://127.0.0.1:1/x")

    def none() -> None:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", none)
    _open("http://127.0.0.1:1/x")
    assert opened == ["BackgroundBrowser", "Mozilla"]
