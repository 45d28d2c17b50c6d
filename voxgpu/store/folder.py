"""Folders of stores: default location and budget, creation, and detection."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.caches.location import place as cache_place

#: The first line of the file that marks a folder as a store.
_MARK = "voxgpu store"

#: The second line of that file, in folders that several computers share.
_SHARED = "shared: objects only, no index"

#: Version of the folder's layout. A store of another version is left alone.
LAYOUT = 1

#: The default budget of a store: at most this, and at most a fraction of the free space.
_LARGEST_DEFAULT = 20_000_000_000
_SHARE_OF_FREE = 0.1

#: Network file systems, on which a database is not safe.
_SHARED_FILE_SYSTEMS = {
    "nfs", "nfs4", "lustre", "cifs", "smb3", "gpfs", "beegfs", "ceph", "afs", "fuse.sshfs",
    "fuse.glusterfs", "9p", "panfs", "orangefs", "pvfs2", "wekafs",
}  # fmt: skip


class StoreError(Exception):
    """A store cannot be used.

    help        what to do
    is_mistake  the folder is not a store although the user named it: the command should stop
    is_network  the folder is on a network file system, which is not safe for an index
    """

    def __init__(
        self, reason: str, help: str = "", is_mistake: bool = False, is_network: bool = False
    ) -> None:
        super().__init__(reason)
        self.help = help
        self.is_mistake = is_mistake
        self.is_network = is_network


def objects_of(folder: Path) -> Path:
    """The folder of the object files."""
    return folder / "objects"


def index_of(folder: Path) -> Path:
    """The path of the database."""
    return folder / "index.sqlite"


def default_folder() -> Path | None:
    """The default store, in the cache folder; None if there is none."""
    own = cache_place().folder
    return own / "store" if own is not None else None


def default_budget(folder: Path, taken: int = 0) -> int:
    """20 GB, or a tenth of the free space (which includes the store's own ``taken`` bytes)."""
    try:
        free = shutil.disk_usage(nearest_ancestor(folder.absolute())).free
    except OSError:
        return _LARGEST_DEFAULT
    return min(_LARGEST_DEFAULT, int((free + taken) * _SHARE_OF_FREE))


def open_folder(folder: Path, with_index: bool = True) -> None:
    """Turn a new or empty folder into a store; raises StoreError for other folders.

    Only the owner can access a new store: its values derive from private images. A folder that
    exists to be shared (``with_index`` false) keeps its mode.
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
    """Whether a folder is a store, of any version."""
    return os.path.isfile(folder / "STORE")  # noqa: PTH113 (Path raises in forbidden folders)


def is_without_index(folder: Path) -> bool:
    """Whether a store has object files only, as those shared by several computers do."""
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
    # Another process may be creating the store at this moment.
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
    """The type of the file system that holds a folder, or would; empty if unknown."""
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
