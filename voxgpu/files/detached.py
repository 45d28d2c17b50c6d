"""MetaImage and NRRD headers: which files hold the voxels, at which offset, how compressed.

Both formats begin with lines of text, which may name other files that hold the voxels:
https://itk.org/Wiki/MetaIO/Documentation and https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.files.paths import beginning, describe_non_image, existing_path, file_size
from voxgpu.frozen import frozen

#: Headers are searched up to this many bytes; only headers that list files are longer.
_HEADER_BYTES = 1 << 20

#: MetaIO reserves room for this many dimensions and does not check that there are no more.
_MOST_DIMENSIONS = 10

#: A line of a MetaImage header. MetaIO also accepts `:` for `=`, which no tool writes.
_METAIMAGE_LINE = re.compile(r"([^\s=:]{1,200})[ \t]*=[ \t]*(.{0,4000}?)[ \t]*")

#: A list of file names, optionally with the number of dimensions of each file.
_LIST = re.compile(r"LIST([ \t]+\d)?")

#: Patterns of numbered files, in the syntax of C's printf.
_PATTERN = re.compile(r"[^%~\\]+%0?\d?d[^%\\]*|%0?\d?d[^%\\]*")

#: Names that some readers do not look up beside the header: homes, standard input, variants.
_ELSEWHERE = re.compile(r"~|-$|list|local$", re.IGNORECASE)

#: The largest number of bytes to skip in compressed voxels: skipping means decompressing.
_MOST_SKIPPED = 1 << 28

_ENDLESS = "its header does not end within 1 MB"
_NO_DATA_FILE = "its MetaImage header does not say where its voxels are (`ElementDataFile`)"

_NRRD_PACKINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip"}


@frozen(slots=True)
class Packing:
    """The files that hold the voxels, and how.

    files    every file that contributes to the image: the header, then the files it names, if any
    offset   bytes before the voxels in the file (in each file, if there are several); -1 if the
             voxels are the last bytes of the file
    packing  ``raw``, ``gzip``, ``zlib``, or ``other`` if sizes are not known in advance (text)
    """

    files: tuple[str, ...]
    offset: int
    packing: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The files that hold voxels."""
        return self.files[1:] or self.files


def packing_of(path: str) -> Packing | None:
    """Parse the header of the file at ``path``; None if it is neither MetaImage nor NRRD.

    Raises FileError if a file that the header names does not exist.
    """
    header = beginning(path, _HEADER_BYTES)
    if header.startswith(b"NRRD000"):
        return _nrrd(path, header)
    suffix = Path(path).suffix.lower()
    if suffix in (".mha", ".mhd") or header.startswith((b"ObjectType", b"NDims")):
        return _metaimage(path, header)
    return None


def check_sizes(packing: Packing, voxel_bytes: int) -> None:
    """Raise FileError if uncompressed files hold fewer than ``voxel_bytes`` bytes."""
    if packing.packing != "raw":
        return
    held = sum(file_size(path) - max(packing.offset, 0) for path in packing.sources)
    if held < voxel_bytes:
        before = len(packing.sources) * max(packing.offset, 0)
        raise FileError(
            packing.sources[0],
            f"truncated: header promises {voxel_bytes + before:,} bytes, "
            f"file has {held + before:,}",
        )


def _metaimage(path: str, header: bytes) -> Packing | None:
    """Parse a MetaImage header as MetaIO does; refuse what MetaIO might read differently."""
    fields: dict[str, str] = {}
    at = 0
    for line in header.split(b"\n"):
        at += len(line) + 1
        text = _text(path, line)
        if not text:
            continue
        match = _METAIMAGE_LINE.fullmatch(text)
        if match is None:
            if not fields and (looks := describe_non_image(path)):
                raise FileError(path, looks)
            raise _odd(path, text, "no line of the form `Name = value`")
        key, value = match[1], match[2]
        if key.lower() in {each.lower() for each in fields}:
            raise _odd(path, text, "a second value of one field")
        fields[key] = value
        if key == "NDims" and not 1 <= _integer(value) <= _MOST_DIMENSIONS:
            raise FileError(
                path, f"its header is damaged: it says that the image has {value} dimensions"
            )
        if key == "ElementDataFile":
            break
    named = fields.get("ElementDataFile", "")
    if not named:
        reason = _ENDLESS if len(header) == _HEADER_BYTES else _NO_DATA_FILE
        raise FileError(path, (not header and describe_non_image(path)) or reason)
    if not _is_true(fields.get("BinaryData", "True")):
        packing = "other"
    else:
        packing = "zlib" if _is_true(fields.get("CompressedData", "False")) else "raw"
    if named in ("LOCAL", "Local", "local"):
        return Packing((path,), at, packing)
    skipped = _integer(fields.get("HeaderSize", "0"))
    return Packing((path, *_named_files(path, named, header[at:])), skipped, packing)


def _is_true(value: str) -> bool:
    return value[:1].upper() in ("T", "1")


def _nrrd(path: str, header: bytes) -> Packing:
    """Parse an NRRD header as ITK's reader does; refuse what it might read differently."""
    fields: dict[str, str] = {}
    at, ended = 0, False
    for line in header.split(b"\n"):
        at += len(line) + 1
        text = _text(path, line)
        if not text:
            ended = True
            break
        if text.startswith(("#", "NRRD")):
            continue
        key, _, value = text.partition(":")
        name = key.strip().lower().replace(" ", "")
        if value.startswith("=") and ": " not in text:
            continue
        if name in fields or text[0].isspace():
            raise _odd(path, text, "a second value of one field, or indented")
        fields[name] = value.strip()
        if fields.get("datafile", "").startswith("LIST"):
            ended = True
            break
    if not ended and len(header) == _HEADER_BYTES:
        raise FileError(path, _ENDLESS)
    encoding = fields.get("encoding", "raw").lower()
    if encoding in ("bzip2", "bz2"):
        raise FileError(
            path,
            "its voxels are packed with bzip2, which is not read",
            f"pack it with gzip: unu save -f nrrd -e gzip -i {shlex.quote(path)} -o packed.nrrd",
        )
    packing = _NRRD_PACKINGS.get(encoding, "other")
    if _integer(fields.get("lineskip", "0")) > 0:
        packing = "other"
    skipped = _integer(fields.get("byteskip", "0"))
    if packing != "raw" and not 0 <= skipped <= _MOST_SKIPPED:
        raise FileError(path, f"its header skips {skipped:,} bytes of packed voxels")
    if "datafile" in fields:
        named = _named_files(path, fields["datafile"], header[at:])
        return Packing((path, *named), skipped, packing)
    return Packing((path,), at + skipped if skipped >= 0 else -1, packing)


def _text(path: str, line: bytes) -> str:
    """Decode a header line without its end; refuse control characters other than tabs."""
    text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
    if any(letter < " " and letter != "\t" for letter in text):
        raise _odd(path, repr(text)[1:-1], "a line with control characters")
    return text if text.strip() else ""


def _odd(path: str, line: str, what: str) -> FileError:
    shown = line if len(line) <= 60 else line[:59] + "…"
    return FileError(
        path, f"its header is damaged or ambiguous: `{shown}` is {what}", "save the image again"
    )


def _integer(text: str) -> int:
    return int(text) if text.removeprefix("-").isdecimal() else 0


def _named_files(path: str, named: str, following: bytes) -> list[str]:
    """List the files that a header names: one file, a list that follows, or a numbered pattern."""
    words = named.split()
    if not words:
        raise FileError(path, "its header does not say where its voxels are")
    names: Iterable[str]
    if _LIST.fullmatch(named):
        if len(following) + len(named) >= _HEADER_BYTES // 2:
            raise FileError(path, _ENDLESS)
        lines = following.decode("utf-8", "surrogateescape").split("\n")
        names = [line.removesuffix("\r") for line in lines if line.strip()]
    elif "%" in named:
        if len(words) not in (3, 4, 5) or not _PATTERN.fullmatch(words[0]):
            raise FileError(path, f"`{named}` is no pattern of file names")
        names = _numbered(path, words)
    else:
        names = [named]
    for name in names if isinstance(names, list) else ():
        if _ELSEWHERE.match(name) or name != name.strip() or "\\" in name:
            raise FileError(path, f"its voxels lie in `{name}`, a name that readers differ on")
    return [_beside(path, name) for name in names]


def _numbered(path: str, words: list[str]) -> Iterator[str]:
    """Yield the file names of a pattern such as ``slice%03d.raw 1 20 1`` (first, last, step)."""
    pattern, first, last, step = (*words, "1")[:4]
    end = _integer(last) + (1 if _integer(step) > 0 else -1)
    for number in range(_integer(first), end, _integer(step) or 1):
        try:
            yield pattern % number
        except (TypeError, ValueError):
            raise FileError(path, f"`{pattern}` is no pattern of file names") from None


def _beside(path: str, name: str) -> str:
    file = Path(path).parent / name
    try:
        return existing_path(file, exact=True)  # readers do not normalize names
    except FileError as problem:
        raise FileError(
            path, f"its voxels should be in `{file}`: {problem.reason}", problem.help
        ) from None
