"""The session of lazy values outside ``with`` blocks of sessions, opened at its first use."""

from __future__ import annotations

import atexit
import threading
from typing import Any

from voxgpu.forking import renew_in_child
from voxgpu.python.session import Session, current_session


class _Default:
    """A session for the whole process, and the settings with which it is opened."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}
        self.after_fork()
        renew_in_child(self)
        atexit.register(self.close)

    def after_fork(self) -> None:
        """Forget the session in a forked process: its threads are those of the parent."""
        self._lock = threading.Lock()
        self._session: Session | None = None

    def get(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = Session(**self._settings)
            return self._session

    def configure(self, settings: dict[str, Any]) -> None:
        session = Session(**settings)
        with self._lock:
            before, self._session, self._settings = self._session, session, settings
        if before is not None:
            before.close()

    def close(self) -> None:
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()


_DEFAULT = _Default()


def session_of(session: Session | None) -> Session:
    """The session that lazy values are computed in: this one, the current one, or the default."""
    if session is not None and not isinstance(session, Session):
        raise TypeError(f"session is a voxgpu.Session, not {type(session).__name__}")
    return session or current_session() or _DEFAULT.get()


def configure(**settings: Any) -> None:
    """Choose the session in which lazy values are computed outside ``with`` blocks of sessions.

        vx.configure(device="cuda:0", memory="8G", store="default")

    The parameters are those of ``voxgpu.Session``; without any, the session is a new one with the
    usual settings. What an earlier one kept in memory is released. Raises what ``voxgpu.Session``
    raises; the session is then the one before.
    """
    _DEFAULT.configure(settings)
