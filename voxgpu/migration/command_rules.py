"""Rules about commands: binding, loading, importing, printing and saving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from voxgpu.language.ast import Let, Load, Print, Save, TextLiteral
from voxgpu.language.ir import Apply, LoadFile
from voxgpu.migration.rule import Found, Kind, rule
from voxgpu.migration.view import View
from voxgpu.types import (
    BOOLEAN_IMAGE,
    Boolean,
    Content,
    ImageOf,
    Number,
    SequenceOf,
    innermost,
)

_IMAGE = "// file: v.nii.gz int16 4 4 3\n"


@rule(
    "let",
    Kind.REFUSED_THERE,
    (1,),
    'a = 3\nprint "n" a\n',
    'let a = 3\nprint "n" a\n',
)
def _let(view: View, version: int) -> Iterator[Found]:
    for each in view.commands:
        if isinstance(each, Let) and each.span.start == each.declared.start:
            yield Found(
                each.declared,
                "binds a name without `let`, too",
                "needs `let`",
                f"write let {each.name}",
            )


@rule(
    "load",
    Kind.REFUSED_THERE,
    (2,),
    f'load v = "v.nii.gz"\nprint "n" max(v)\n{_IMAGE}',
    f'import "simpleitk"\nlet v = ReadImage("v.nii.gz")\nprint "n" max(v)\n{_IMAGE}',
)
def _load(view: View, version: int) -> Iterator[Found]:
    for each in view.commands:
        if isinstance(each, Load):
            path = each.path.span.source.text[each.path.span.start : each.path.span.stop]
            yield Found(
                each.span,
                "loads a file",
                "has no command `load`",
                f'write import "simpleitk", and let {each.name} = ReadImage({path})',
            )


@rule(
    "computed-label",
    Kind.REFUSED_THERE,
    (1, 2),
    'let name = "n"\nprint (name) 3\n',
    'print "n" 3\n',
)
def _computed_label(view: View, version: int) -> Iterator[Found]:
    for each in view.commands:
        if isinstance(each, Print | Save) and not isinstance(each.target, TextLiteral):
            what = "label" if isinstance(each, Print) else "file name"
            yield Found(
                each.target.span,
                f"computes the {what}",
                f"takes a {what} that is a string in double quotes",
                f'write the {what} in quotes; for many images save a sequence: save "m.nii.gz" xs',
            )


@rule(
    "import",
    Kind.REFUSED_THERE,
    (1, 2),
    'import "simpleitk"\nimport "RegionCalculus"\nprint "n" 3\n',
    'import "stdlib"\nprint "n" 3\n',
)
def _import(view: View, version: int) -> Iterator[Found]:
    unknown = ("simpleitk", "vox1", "strings", "default") if version == 1 else ("RegionCalculus",)
    for name, span in view.imports:
        if name.removesuffix(".imgql") in unknown:
            remedy = (
                "leave it out where VoxLogicA 1 reads the program"
                if version == 1
                else "define the relations that are used, see `voxgpu primitives ec`"
            )
            yield Found(span, "has this library", "has no such library", remedy)


@rule(
    "import-place",
    Kind.VALUE,
    (1,),
    'import "parts"\nprint "n" part\n// text: parts.imgql let part = 1\n'
    "// text: program/parts.imgql let part = 2\n// program: program/main.imgql\n",
    'import "parts"\nprint "n" part\n// text: parts.imgql let part = 1\n',
)
def _import_place(view: View, version: int) -> Iterator[Found]:
    for name, span in view.imports:
        beside = _program_file(Path(span.source.name).parent, name)
        current = _program_file(Path(), name)
        if beside and current and not beside.samefile(current):
            yield Found(
                span,
                f"reads `{beside}`, beside the importing program",
                f"reads `{current}`, from the current folder",
                "give the files different names",
            )


def _program_file(folder: Path, name: str) -> Path | None:
    found = [each for each in (folder / name, folder / f"{name}.imgql") if each.is_file()]
    return found[0] if found else None


@rule(
    "printed-text",
    Kind.FORM,
    (1, 2),
    'print "n" 3\nprint "b" true\n',
    'print "s" "text"\n',
)
def _printed_text(view: View, version: int) -> Iterator[Found]:
    for each, _, fact in view.goals("print"):
        inside = innermost(fact.type)
        if isinstance(inside, Boolean):
            here, there = "prints true or false", "prints True or False"
        elif isinstance(inside, Number):
            here = "prints the shortest text of the number: 3, 0.1, 1e+22, inf"
            there = (
                "prints the text of .NET: 3, 0.1, 1E+22, ∞"
                if version == 1
                else "prints the text of Python: 3.0, 0.1, 1e+22, inf; 3 for counts"
            )
        else:
            continue
        yield Found(
            each.span, here, there, "compare numbers, not texts: voxgpu run --json gives numbers"
        )


@rule(
    "order-of-prints",
    Kind.FORM,
    (1,),
    'print "a" 1\nprint "b" 2\n',
    'print "a" 1\n',
)
def _order(view: View, version: int) -> Iterator[Found]:
    prints = [each for each in view.commands if isinstance(each, Print)]
    for each in prints[1:]:
        yield Found(
            each.span,
            "prints in the order of the program",
            "prints each value as soon as it is computed, in any order",
            "tell values apart by their labels",
        )


_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
_SAVED_BY_1 = (".nii", ".nii.gz", ".png", ".jpg", "bmp")


@rule(
    "saved-format",
    Kind.REFUSED_THERE,
    (1,),
    f'load v = "v.nii.gz"\nsave "v.mha" v >. 3\n{_IMAGE}',
    f'load v = "v.nii.gz"\nsave "m.nii.gz" v >. 3\n{_IMAGE}',
)
def _saved_format(view: View, version: int) -> Iterator[Found]:
    for each, goal, _ in view.goals("save"):
        if isinstance(each.target, TextLiteral) and not goal.label.lower().endswith(_SAVED_BY_1):
            yield Found(
                each.target.span,
                "writes this format",
                "writes .nii, .nii.gz, .png, .jpg and .bmp",
                "save it as .nii.gz",
            )


@rule(
    "saved-picture",
    Kind.VALUE,
    (1, 2),
    'load v = "v.png"\nsave "w.png" v *. 2\nsave "m.png" v >. 3\n// file: v.png uint8 5 4\n',
    'load v = "v.png"\nsave "w.nii.gz" v *. 2\nsave "m.nii.gz" v >. 3\n// file: v.png uint8 5 4\n',
)
def _saved_picture(view: View, version: int) -> Iterator[Found]:
    for each, goal, fact in view.goals("save"):
        inside = innermost(fact.type)
        if not goal.label.lower().endswith(_PICTURES) or not isinstance(inside, ImageOf):
            continue
        remedy = "save it as .nii.gz"
        if inside == BOOLEAN_IMAGE and version == 2:
            there = "writes 1 where it is true, which looks black"
            yield Found(each.span, "writes 255 where it is true, else 0", there, remedy)
        elif inside.content is Content.NUMBER:
            there = (
                "cuts off fractions, and wraps numbers below 0 and above 255"
                if version == 1
                else "cannot write fractions as a picture; integers it writes as they are"
            )
            yield Found(each.span, "rounds to whole numbers and clips to 0 … 255", there, remedy)


@rule(
    "saved-element",
    Kind.FORM,
    (1, 2),
    'load v = "v.nii.gz"\nsave "v2.nii.gz" v\nsave "l.nii.gz" lcc(v >. 3)\n'
    'save "w.nii.gz" v *. 2\n' + _IMAGE,
    f'load v = "v.nii.gz"\nsave "m.nii.gz" v >. 3\n{_IMAGE}',
)
def _saved_element(view: View, version: int) -> Iterator[Found]:
    remedy = "compare the voxels as numbers, whatever their type in the file"
    for each, goal, fact in view.goals("save"):
        inside = innermost(fact.type)
        if not isinstance(inside, ImageOf) or inside.content is not Content.NUMBER:
            continue
        if goal.label.lower().endswith(_PICTURES):
            continue
        step = view.program.main.steps[goal.step]
        if isinstance(step, LoadFile):
            if version == 1 and fact.element not in ("", "float32"):
                here = f"writes the type of the file, {fact.element}"
                yield Found(each.span, here, "writes float32", remedy)
        elif isinstance(step, Apply) and "lcc" in step.primitive.names:
            yield Found(each.span, "writes labels as uint16, or int32", "writes float32", remedy)
        elif version == 2 and fact.element not in ("", "float32"):
            there = f"writes {fact.element}, the type of the file that was read"
            yield Found(each.span, "writes float32", there, remedy)


@rule(
    "saved-sequence",
    Kind.REFUSED_THERE,
    (2,),
    f'load v = "v.nii.gz"\nsave "m.nii.gz" [v > 1, v > 2]\n{_IMAGE}',
    f'load v = "v.nii.gz"\nsave "m.nii.gz" v > 1\n{_IMAGE}',
)
def _saved_sequence(view: View, version: int) -> Iterator[Found]:
    for each, _, fact in view.goals("save"):
        if isinstance(fact.type, SequenceOf):
            yield Found(
                each.span,
                "writes a file for each image, with its index in the name",
                "writes one image with `save`",
                "save the images one by one; in a loop, WriteImage(v, path) is the path it wrote",
            )


@rule(
    "saved-number",
    Kind.REFUSED_HERE,
    (2,),
    'save "n.nii.gz" 3\n',
    f'load v = "v.nii.gz"\nsave "m.nii.gz" v > 1\n{_IMAGE}',
)
def _saved_number(view: View, version: int) -> Iterator[Found]:
    for each in view.diagnostics:
        if each.message.startswith("`save` writes images") and each.span:
            yield Found(
                each.span,
                "refuses to save what is not an image",
                "writes the text of a Python object into the file",
                'print it: print "label" n; or run with --json',
            )
