"""Where is a store, how large may it become, and is a folder one?"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.caches.location import place as cache_place

#: The first line of the file that shows that a folder is a store.
_MARK = "voxgpu store"

#: The second line, of folders that several computers share.
_SHARED = "shared: objects only, no index"

#: Of the folder as a whole. A store of another version is left alone.
LAYOUT = 1

#: A store of which nothing else is said takes no more than this, nor more than a part of what
#: is free.
_LARGEST_DEFAULT = 20_000_000_000
_SHARE_OF_FREE = 0.1

#: File systems that several computers share, on which a database is not safe.
_SHARED_FILE_SYSTEMS = {
    "nfs", "nfs4", "lustre", "cifs", "smb3", "gpfs", "beegfs", "ceph", "afs", "fuse.sshfs",
    "fuse.glusterfs", "9p", "panfs", "orangefs", "pvfs2", "wekafs",
}  # fmt: skip


class StoreError(Exception):
    """Why a store cannot be used.

    help        what to do
    is_mistake  the folder is something else than what it was given as: nobody should go on
    is_network  it lies where several computers write, which an index does not bear
    """

    def __init__(
        self, reason: str, help: str = "", is_mistake: bool = False, is_network: bool = False
    ) -> None:
        super().__init__(reason)
        self.help = help
        self.is_mistake = is_mistake
        self.is_network = is_network


def objects_of(folder: Path) -> Path:
    """Where the files of values lie."""
    return folder / "objects"


def index_of(folder: Path) -> Path:
    """The database."""
    return folder / "index.sqlite"


def default_folder() -> Path | None:
    """The store of somebody who says nothing: where caches lie; None: nowhere."""
    own = cache_place().folder
    return own / "store" if own is not None else None


def default_budget(folder: Path, taken: int = 0) -> int:
    """20 GB, or a tenth of what is free (``taken`` by the store itself included)."""
    try:
        free = shutil.disk_usage(nearest_ancestor(folder.absolute())).free
    except OSError:
        return _LARGEST_DEFAULT
    return min(_LARGEST_DEFAULT, int((free + taken) * _SHARE_OF_FREE))


def open_folder(folder: Path, with_index: bool = True) -> None:
    """Makes a folder a store where it is new or empty; raises StoreError where it is another.

    Only the owner may look into a new one: its values are made of somebody's images. A folder that
    is there to be shared (``with_index`` false) keeps its mode.
    """
    mark = folder / "STORE"
    try:
        if not mark.exists():
            _refuse_what_is_no_store(folder)
            if with_index:
                _refuse_shared(folder)
            is_new = not folder.exists()
            objects_of(folder).mkdir(parents=True, exist_ok=True)
            mode = 0o700 if is_new or with_index else folder.stat().st_mode & 0o777
            with suppress(OSError):
                folder.chmod(mode)
                objects_of(folder).chmod(mode)
            _write_mark(mark, with_index)
        text = mark.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or error
        raise StoreError(f"the store `{folder}` cannot be used: {reason}") from None
    first, _, second = text.partition("\n")
    name, _, version = first.rpartition(" ")
    if name != _MARK or version != str(LAYOUT):
        raise StoreError(
            f"the store `{folder}` is of another voxgpu: `{first[:60]}`, "
            f"this one reads `{_MARK} {LAYOUT}`",
            "use another folder with --store DIR; this one is left as it is",
        )
    if with_index and second == _SHARED:
        raise StoreError(
            f"`{folder}` is a folder that several computers share, which has no index",
            "give it with --store-shared DIR",
            is_mistake=True,
        )


def is_store(folder: Path) -> bool:
    """Whether a folder is a store, of whatever version."""
    return os.path.isfile(folder / "STORE")  # noqa: PTH113 (Path raises in forbidden folders)


def is_without_index(folder: Path) -> bool:
    """Whether a store is a folder of objects alone, as those are that several computers share."""
    return is_store(folder) and not index_of(folder).exists()


def _write_mark(mark: Path, with_index: bool) -> None:
    unfinished = mark.with_name(f".STORE-{os.getpid()}")
    text = f"{_MARK} {LAYOUT}\n"
    unfinished.write_text(text if with_index else f"{text}{_SHARED}\n", "utf-8")
    unfinished.replace(mark)


def _refuse_what_is_no_store(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StoreError(f"`{folder}` is a file, not the folder of a store", is_mistake=True)
    # Another process may be making the store at this moment.
    others = [each.name for each in folder.iterdir() if not each.name.startswith(".STORE")]
    if set(others) - {"objects", "STORE", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm"}:
        raise StoreError(
            f"`{folder}` holds other files and is no store of voxgpu",
            "give a new or an empty folder with --store DIR",
            is_mistake=True,
        )


def _refuse_shared(folder: Path) -> None:
    system = file_system(folder)
    if system in _SHARED_FILE_SYSTEMS:
        raise StoreError(
            f"`{folder}` lies on {system}, where the index of a store is not safe",
            "keep the store on a local disk with --store DIR; give this folder with "
            "--store-shared DIR, which needs no index",
            is_network=True,
        )


def file_system(folder: Path) -> str:
    """The kind of file system that a folder lies on, or would; empty where it cannot be told."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    place = os.path.realpath(folder)
    best, kind = "", ""
    for line in lines:
        _, mount, system, *_ = line.split(" ")
        point = mount.replace("\\040", " ").rstrip("/")
        if (place == point or place.startswith(point + "/")) and len(point) >= len(best):
            best, kind = point, system
    return kind
