"""Single values that the page asks for, and the images among them as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxgpu.compile import Options
from voxgpu.diagnostics import ImgqlError
from voxgpu.image import Image
from voxgpu.primitives.sequence import shown
from voxgpu.types import ImageOf
from voxgpu.viewer.checking import Program, as_json
from voxgpu.viewer.compute_thread import Job
from voxgpu.viewer.named_value import value_of
from voxgpu.viewer.problem import Problem
from voxgpu.viewer.volumes import SUFFIX, write_nifti

#: Files of values that are kept; older ones are made again if they are asked for.
KEPT_VALUES = 64


class WrongProgram(Exception):
    """A program, or a name in it, that has no value; has the diagnostics as plain data."""

    def __init__(self, diagnostics: list[dict[str, Any]]) -> None:
        super().__init__("the program has errors")
        self.diagnostics = diagnostics


class Values:
    """The values that were asked for.

    folder  takes the files of images
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Path] = {}

    def compute(
        self, program: Program, name: str, line: int | None, options: Options, job: Job
    ) -> Mapping[str, Any]:
        """Compute a value, as plain data with the address of an image. Raises WrongProgram."""
        try:
            found = value_of(program, name, line, options, job.session)
        except ImgqlError as error:
            raise WrongProgram(
                as_json(error.diagnostics, program.text, program.source, line or 1)
            ) from None
        if found.diagnostics:
            raise WrongProgram(as_json(found.diagnostics, program.text, program.source, line or 1))
        match found.value:
            case Image() as image:
                self._keep(found.id, image)
                kind = found.type.element if isinstance(found.type, ImageOf) else ""
                return {
                    "kind": "image",
                    "url": f"api/values/{found.id}",
                    "type": f"image of {kind or image.element.name}",
                    "mask": found.is_region,
                    "label": name,
                }
            case bool() as truth:
                return {"kind": "boolean", "value": truth, "label": name}
            case float() | int() as number:
                return {"kind": "number", "value": _number(number), "label": name}
            case str() as text:
                return {"kind": "string", "value": text, "label": name}
            case tuple() as items:
                return {"kind": "string", "value": shown(items), "label": name}
            case _:
                text = f"{found.type}: ask for one of them, such as {name}[0]"
                return {"kind": "string", "value": text, "label": name}

    def path(self, id: str) -> Path:
        """The file of an image. Raises Problem, 404."""
        path = self._files.get(id)
        if path is None or not path.exists():
            raise Problem(404, "this value is not kept any more", "ask for it again")
        return path

    def _keep(self, id: str, image: Image) -> None:
        path = self._files.pop(id, self._folder / f"{id}{SUFFIX}")
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            write_nifti(path, image)
        self._files[id] = path
        while len(self._files) > KEPT_VALUES:
            self._files.pop(next(iter(self._files))).unlink(missing_ok=True)


def _number(value: float) -> float | str:
    """A number for JSON, which has no NaN and no infinities."""
    return value if value - value == 0 else str(value)
