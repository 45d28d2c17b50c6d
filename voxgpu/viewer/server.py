"""The server: a socket of the loopback interface, uvicorn, and an orderly end."""

from __future__ import annotations

import errno
import secrets
import socket
import threading

import uvicorn

from voxgpu.frozen import frozen
from voxgpu.viewer.application import application_of
from voxgpu.viewer.guard import Guard
from voxgpu.viewer.viewer import Viewer

#: The only address that is listened on: other computers cannot connect to it.
ADDRESS = "127.0.0.1"

#: Seconds that connections have to end when the server does.
_GRACE = 2


class PortInUse(Exception):
    """Raised for a port that another process has."""


@frozen
class Listening:
    """A socket that listens, with the token without which nothing is answered.

    ticket  leads to the page once: all users of a computer can see how a browser was started
    """

    socket: socket.socket
    token: str
    ticket: str

    @property
    def port(self) -> int:
        """The number of its port."""
        number: int = self.socket.getsockname()[1]
        return number

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.port}/{self.token}/"

    @property
    def url_for_once(self) -> str:
        """An address that leads to the page once."""
        return f"http://{ADDRESS}:{self.port}/{self.ticket}"


def listen(port: int = 0) -> Listening:
    """Listen on a port of the loopback interface; 0 is one that is free. Raises PortInUse."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where reuse means to share
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUse(error.strerror or str(error)) from None
        raise
    return Listening(listening, secrets.token_urlsafe(24), secrets.token_urlsafe(24))


class Server:
    """Serves a viewer on a thread of its own, until it is told to stop."""

    def __init__(self, viewer: Viewer, listening: Listening) -> None:
        self._viewer, self._listening = viewer, listening
        application = application_of(viewer)
        guarded = Guard(application, listening.token, listening.port, listening.ticket)
        config = uvicorn.Config(
            guarded,
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
            ws="none",
        )
        self._uvicorn = uvicorn.Server(config)
        # Only on the main thread would uvicorn take the signals, which are ours.
        self._thread = threading.Thread(target=self._serve, name="server")

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until the server has ended."""
        self._thread.join()

    def stop(self) -> None:
        """Cancel what runs and tell the server to end; called on any thread."""
        self._viewer.runs.cancel_all()
        self._uvicorn.should_exit = True

    def _serve(self) -> None:
        self._uvicorn.run(sockets=[self._listening.socket])
