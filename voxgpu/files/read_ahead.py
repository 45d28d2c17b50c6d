"""Images that are read before a program asks for them, while another one is computed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from threading import Lock

from voxgpu.files.header import Header
from voxgpu.files.read import read_with_warning
from voxgpu.files.state import are_settled, check_unchanged
from voxgpu.image import Image
from voxgpu.spans import span

#: What a file is, and from which states of its files its voxels come.
_Key = tuple[object, ...]

_Read = tuple[Image, str]


class ReadAhead:
    """Images that were read ahead, each for one reader.

    An image is handed out only for a header with the same states of all files, and if they are in
    these states still: then reading it now would give the same voxels.

    hits  how many images were handed out
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._images: dict[_Key, tuple[Future[_Read], int, object]] = {}
        self.hits = 0

    @property
    def bytes(self) -> int:
        """Bytes that images take which were read ahead, or are being read."""
        with self._lock:
            return sum(size for _, size, _ in self._images.values())

    def read(self, header: Header) -> _Read:
        """Return the image with a warning or '', as `read_with_warning`, perhaps read ahead."""
        with self._lock:
            found = self._images.pop(_key(header), None)
        if found is None or found[0].cancel():
            return read_with_warning(header)
        try:
            result = found[0].result()
        except Exception:
            return read_with_warning(header)  # which tells what is wrong now
        check_unchanged(header.states)
        self.hits += 1
        return result

    def fetch(self, headers: Iterable[Header], owner: object) -> None:
        """Read these images on this thread.

        A file that was written a moment ago is left out: it might be written again, and its state
        would not tell.

        owner  for whom they are, see `forget`
        """
        todo: list[tuple[Header, Future[_Read]]] = []
        for header in headers:
            if not header.states or not are_settled(header.states):
                continue
            with self._lock:
                if _key(header) not in self._images:
                    future: Future[_Read] = Future()
                    self._images[_key(header)] = future, header.bytes, owner
                    todo.append((header, future))
        for header, future in todo:
            if not future.set_running_or_notify_cancel():
                continue  # its reader has come first
            try:
                with span("reading", f"ahead: {header.path}"):
                    future.set_result(read_with_warning(header))
            except Exception as error:
                future.set_exception(error.with_traceback(None))

    def forget(self, owner: object) -> None:
        """Drop what was read for an owner and not asked for."""
        with self._lock:
            self._images = {k: each for k, each in self._images.items() if each[2] is not owner}


def _key(header: Header) -> _Key:
    return header.path, header.volume, header.reading, header.states
