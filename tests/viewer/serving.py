"""A viewer that is served on this computer, and requests to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from voxgpu.compile import Options
from voxgpu.session_settings import SessionSettings

if TYPE_CHECKING:
    from voxgpu.store.open import StoreOptions
    from voxgpu.viewer.server import Listening
    from voxgpu.viewer.viewer import Viewer

PROGRAM = 'load v = "$CASE/${NAME}_v.nii.gz"\nprint "most" max(v)\nsave "high.nii.gz" v > 50\n'

#: A filter that takes minutes; lowering tries it on a small image first, which is quick.
LONG = (
    'load v = "$CASE/${NAME}_v.nii.gz"\nlet long = simpleitk.CurvatureFlow(v, 0.01, 3000)\n'
    'print "first" 1\nprint "a" avg(long, v > 0)\n'
)


@dataclass(frozen=True)
class Answer:
    """A response of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Server-sent events, as kind and data."""
        found = []
        for block in self.body.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found


@dataclass(frozen=True)
class Served:
    """A viewer, and how to ask it."""

    viewer: Viewer
    listening: Listening

    def raw(
        self, method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None
    ) -> Answer:
        """Send a request with a path as it is; a header that is None is left out."""
        given: dict[str, str | None] = {"Host": f"127.0.0.1:{self.listening.port}"}
        if method != "GET":
            given |= {"X-Voxgpu": "1", "Content-Type": "application/json"}
        given |= headers or {}
        connection = http.client.HTTPConnection("127.0.0.1", self.listening.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        response = connection.getresponse()
        answer = Answer(
            response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        )
        connection.close()
        return answer

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request with the token; underscores in names of headers are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.raw(method, f"/{self.listening.token}/{path}", body, {**named})

    def run(self, text: str, *cases: str, **more: Any) -> str:
        """Begin a run; return its id."""
        answer = self.ask("POST", "api/runs", {"text": text, "file": None, "cases": cases, **more})
        assert answer.status == 201, answer.body
        return str(answer.json["run"])

    def events(self, run: str) -> list[tuple[str, dict[str, Any]]]:
        """All events of a run, when it has ended."""
        return self.ask("GET", f"api/runs/{run}/events").events

    def value(self, text: str, name: str, case: str, line: int | None = None) -> Answer:
        """Ask for a value."""
        body = {"text": text, "file": None, "case": case, "name": name, "line": line}
        return self.ask("POST", "api/values", body)


@contextmanager
def serving(
    names: Sequence[Path | str], folder: Path, store: StoreOptions | None = None
) -> Iterator[Served]:
    """Serve what is named; ``folder`` is temporary."""
    from voxgpu.viewer.opened import opened
    from voxgpu.viewer.server import Server, listen
    from voxgpu.viewer.viewer import Viewer

    dataset = opened([str(each) for each in names], store.folder if store else None, (), {})
    viewer = Viewer(dataset, Options(), SessionSettings(threads=2, store=store), folder)
    listening = listen()
    server = Server(viewer, listening)
    server.start()
    try:
        yield Served(viewer, listening)
    finally:
        server.stop()
        server.wait()
        viewer.close()


def write_case(folder: Path, *layers: str, size: int = 12) -> Path:
    """Write a folder with images ``NAME_LAYER.nii.gz`` of 0 to 99."""
    folder.mkdir(parents=True)
    for number, layer in enumerate(layers):
        voxels = (np.arange(size**3) * (number + 1) % 100).astype(np.int16).reshape((size,) * 3)
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing((1.0, 2.0, 3.0))
        sitk.WriteImage(image, str(folder / f"{folder.name}_{layer}.nii.gz"))
    return folder
