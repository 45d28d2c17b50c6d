"""What is in a folder?"""

from __future__ import annotations

from pathlib import Path

from voxgpu.files.problem import FileProblem
from voxgpu.files.roots import Roots


def listing(folder: Path, pattern: str, recursive: bool, whole: bool, roots: Roots) -> list[str]:
    """The names of what is in a folder, sorted; raises FileProblem where it cannot be read.

    pattern    which names, as in a shell: ``*_flair.nii.gz``
    recursive  look into folders within, too
    whole      paths that can be opened from here instead of names within the folder
    """
    roots.check_read(folder)
    if not folder.is_dir():
        raise FileProblem(str(folder), "not a folder", "relative ones are looked for from here")
    if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        reason = f"`{pattern}` is not a pattern of names within a folder"
        raise FileProblem(str(folder), reason, "try `*`")
    try:
        found = sorted(folder.rglob(pattern) if recursive else folder.glob(pattern))
    except OSError as error:
        raise FileProblem(str(folder), error.strerror or str(error)) from error
    return [str(each) if whole else each.relative_to(folder).as_posix() for each in found]
