"""What is recorded of a saved image, and its form as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from voxgpu.frozen import frozen

#: The key of sidecars under which voxgpu writes; files without it are not of voxgpu.
KEY = "Voxgpu"

#: The version of the form of what is under that key.
FORM = 1

#: What digests of saved files are computed with.
DIGEST = "xxh3-128"


class NotOfVoxgpu(ValueError):
    """JSON that is no record of voxgpu."""


@frozen
class Input:
    """An image that was loaded.

    path    the file, or the folder of a DICOM series; of an image in memory its name
    sha256  of its content, see ``voxgpu.files.digest``
    files   number of files that it consists of; 0 for an image in memory
    """

    path: str
    sha256: str
    files: int = 1


@frozen
class TextFile:
    """A text that determines what a program means: an imported program, or defined primitives."""

    path: str
    sha256: str


@frozen
class Line:
    """A line of a program, or of one that it imports.

    path  of the imported program; empty for the program itself
    """

    number: int
    text: str
    path: str = ""


@frozen
class Provenance:
    """How a saved image came about.

    file         the name of the image file
    digest       of its bytes, in hexadecimal: xxh3-128
    values       the ids of its values: one, or one for each volume
    label        the name that the program gives the file
    expression   the text of the saved expression
    lines        the commands that it depends on, in program order
    program      the path of the program; empty for a text
    sha256       of the program
    text         of the program
    imports      programs that it imports
    primitives   Python files with further primitives
    definitions  program variables
    options      options that affect the meaning, by their names on the command line
    folder       the current folder, in which relative paths of the program begin; empty: unknown
    place        the folder that the image was saved in; empty: unknown
    inputs       the images that the value is computed from
    others       further images that the program reads, if what it computes depends on values: any
                 of them may have decided that
    versions     of voxgpu and of what it computes with
    device       the device that was computed on; empty if nothing had to be computed
    seconds      of running, until the image was saved
    date         when it was saved, in UTC, as ISO 8601 has it
    """

    file: str
    digest: str
    values: tuple[str, ...]
    label: str
    expression: str = ""
    lines: tuple[Line, ...] = ()
    program: str = ""
    sha256: str = ""
    text: str = ""
    imports: tuple[TextFile, ...] = ()
    primitives: tuple[TextFile, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    place: str = ""
    inputs: tuple[Input, ...] = ()
    others: tuple[Input, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    seconds: float = 0.0
    date: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The paths of the images that the value is computed from, without those in memory."""
        return tuple(each.path for each in self.inputs if each.files)

    def as_json(self) -> dict[str, Any]:
        """Plain data, as it stands under ``Voxgpu`` in a sidecar; what is empty is left out."""
        found: dict[str, Any] = {
            "Form": FORM,
            "File": self.file,
            "Digest": f"{DIGEST}:{self.digest}",
            "Values": list(self.values),
            "Label": self.label,
            "Expression": self.expression,
            "Lines": [
                {
                    "Line": each.number,
                    "Text": each.text,
                    **({"Path": each.path} if each.path else {}),
                }
                for each in self.lines
            ],
            "Program": {
                "Path": self.program,
                "SHA256": self.sha256,
                "Text": self.text,
                "Imports": _plain_texts(self.imports),
                "Primitives": _plain_texts(self.primitives),
            },
            "Definitions": dict(self.definitions),
            "Options": dict(self.options),
            "Folder": self.folder,
            "Place": self.place,
            "Inputs": _plain_inputs(self.inputs),
            "OtherInputs": _plain_inputs(self.others),
            "Versions": dict(self.versions),
            "Device": self.device,
            "Seconds": round(self.seconds, 3),
            "Date": self.date,
        }
        found["Program"] = {name: each for name, each in found["Program"].items() if each}
        return {name: each for name, each in found.items() if each not in ("", [], {})}

    @staticmethod
    def from_json(data: Any) -> Provenance:
        """The record of plain data. Raises NotOfVoxgpu if it is none, or of a later version."""
        try:
            if int(data["Form"]) > FORM:
                raise NotOfVoxgpu("it was written by a later version of voxgpu")
            program = data.get("Program", {})
            kind, _, digest = str(data["Digest"]).partition(":")
            if kind != DIGEST:
                raise NotOfVoxgpu(f"its digest is of an unknown kind, `{kind}`")
            return Provenance(
                file=str(data["File"]),
                digest=digest,
                values=tuple(map(str, data["Values"])),
                label=str(data["Label"]),
                expression=str(data.get("Expression", "")),
                lines=tuple(
                    Line(int(each["Line"]), str(each["Text"]), str(each.get("Path", "")))
                    for each in data.get("Lines", ())
                ),
                program=str(program.get("Path", "")),
                sha256=str(program.get("SHA256", "")),
                text=str(program.get("Text", "")),
                imports=_texts(program.get("Imports", ())),
                primitives=_texts(program.get("Primitives", ())),
                definitions={str(n): str(x) for n, x in data.get("Definitions", {}).items()},
                options=dict(data.get("Options", {})),
                folder=str(data.get("Folder", "")),
                place=str(data.get("Place", "")),
                inputs=_inputs(data.get("Inputs", ())),
                others=_inputs(data.get("OtherInputs", ())),
                versions={str(n): str(x) for n, x in data.get("Versions", {}).items()},
                device=str(data.get("Device", "")),
                seconds=float(data.get("Seconds", 0.0)),
                date=str(data.get("Date", "")),
            )
        except NotOfVoxgpu:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotOfVoxgpu(f"it is damaged: {error!r}") from None


def _plain_texts(files: Sequence[TextFile]) -> list[dict[str, Any]]:
    return [{"Path": each.path, "SHA256": each.sha256} for each in files]


def _plain_inputs(inputs: Sequence[Input]) -> list[dict[str, Any]]:
    return [
        {
            "Path": each.path,
            "SHA256": each.sha256,
            **({"Files": each.files} if each.files != 1 else {}),
        }
        for each in inputs
    ]


def _texts(data: Any) -> tuple[TextFile, ...]:
    return tuple(TextFile(str(each["Path"]), str(each["SHA256"])) for each in data)


def _inputs(data: Any) -> tuple[Input, ...]:
    return tuple(
        Input(str(each["Path"]), str(each["SHA256"]), int(each.get("Files", 1))) for each in data
    )
