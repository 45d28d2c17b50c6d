"""An editor: it starts ``voxgpu lsp`` and speaks with it over standard input and output."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_LONG = 60


class Editor:
    """A connection to a server that has been initialized, unless ``greet`` is false."""

    def __init__(self, folder: Path, *options: str, greet: bool = True) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "voxgpu", "lsp", *options]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        self._received: queue.Queue[dict[str, Any]] = queue.Queue()
        self._kept: list[dict[str, Any]] = []
        self._number = 0
        self.errors: list[bytes] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()
        if greet:
            self.capabilities = self.ask("initialize", self.greeting)["capabilities"]
            self.tell("initialized", {})

    @property
    def greeting(self) -> dict[str, Any]:
        return {"processId": None, "rootUri": self.folder.as_uri(), "capabilities": {}}

    def send(self, raw: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(raw)
        self.process.stdin.flush()

    def _message(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def tell(self, method: str, params: Any) -> None:
        self._message(method=method, params=params)

    def ask(self, method: str, params: Any) -> Any:
        """The result of a request. Raises RuntimeError with the server's error."""
        self._number += 1
        self._message(id=self._number, method=method, params=params)
        reply = self.wait(lambda each: each.get("id") == self._number and "method" not in each)
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        return reply["result"]

    def wait(self, wanted: Any) -> dict[str, Any]:
        """The first message that is wanted; others are kept for later."""
        for number, each in enumerate(self._kept):
            if wanted(each):
                return self._kept.pop(number)
        while True:
            message = self._received.get(timeout=_LONG)
            assert message, b"".join(self.errors).decode()
            if wanted(message):
                return message
            self._kept.append(message)

    def open(self, name: str, text: str, version: int = 1) -> str:
        uri = (self.folder / name).as_uri()
        document = {"uri": uri, "languageId": "imgql", "version": version, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": uri, "version": version}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """The next diagnostics of a document."""
        message = self.wait(
            lambda each: (
                each.get("method") == "textDocument/publishDiagnostics"
                and each["params"]["uri"] == uri
            )
        )
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def at(self, method: str, uri: str, line: int, character: int) -> Any:
        position = {"line": line, "character": character}
        return self.ask(
            f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": position}
        )

    def close(self) -> int:
        """Ends the server as the protocol says; returns its exit status."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        return self.process.wait(_LONG)

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while True:
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                assert name.lower() in (b"content-length", b"content-type"), line
                length = int(value) if name.lower() == b"content-length" else length
            if not line:
                self._received.put({})
                return
            self._received.put(json.loads(stream.read(length)))

    def _read_errors(self) -> None:
        assert self.process.stderr
        self.errors.extend(self.process.stderr)
