"""Rules about values of voxels and numbers: elements, division, comparisons, rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator

from voxgpu.migration.facts import WHOLE_ELEMENTS, Fact, Use
from voxgpu.migration.rule import Found, Kind, rule
from voxgpu.migration.view import View
from voxgpu.types import Content, ImageOf, Number

_INT16 = "// file: v.nii.gz int16 4 4 3\n"
_FLOAT = "// file: v.nii.gz float32 4 4 3\n"

_ADD = ("+", "+.", ".+", "-", "-.", ".-", "*", "*.", ".*")
_DIVIDE = ("/", "/.", "./")
_COMPARE = (
    *("<", "<=", ">", ">=", "==", "!=", "<.", "<=.", ">.", ">=.", "=."),
    *(".<", ".<=", ".>", ".>=", ".=", "between", "eq_sv", "leq_sv", "geq_sv"),
)
_AS_FLOAT = "make float32 of it first: let v = intensity(image), for an image of one channel"


def _is_image(fact: Fact) -> bool:
    return isinstance(fact.type, ImageOf)


def _whole(use: Use) -> str:
    """The element of the images if that is one of integers, else empty."""
    elements = {each.element for each in use.arguments if _is_image(each)}
    found = elements.pop() if len(elements) == 1 else ""
    return found if found in WHOLE_ELEMENTS else ""


@rule(
    "integer-voxels",
    Kind.VALUE,
    (2,),
    f'load v = "v.nii.gz"\nprint "n" max(v / 7)\nprint "m" min(v - 1)\n{_INT16}',
    f'load v = "v.nii.gz"\nprint "n" max(intensity(v) / 7)\n{_INT16}',
)
def _integer_voxels(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls((*_ADD, *_DIVIDE)):
        for element in dict.fromkeys(filter(None, map(_whole, uses))):
            there = (
                f"divides {element} voxels as integers: 99 / 7 is 14"
                if call.name in _DIVIDE
                else f"computes in {element}: fractions are cut off, and what does not fit wraps"
            )
            yield Found(call.span, "computes in float32", there, _AS_FLOAT)


@rule(
    "integer-threshold",
    Kind.VALUE,
    (2,),
    f'load v = "v.nii.gz"\nprint "n" volume(v > 2.5)\nprint "m" volume(v > 0.8 * max(v))\n{_INT16}',
    f'load v = "v.nii.gz"\nprint "n" volume(v > 2)\nprint "m" volume(intensity(v) > 2.5)\n{_INT16}',
)
def _integer_threshold(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(_COMPARE):
        for use in uses:
            element = _whole(use)
            numbers = [each for each in use.arguments if isinstance(each.type, Number)]
            if element and any(not each.is_whole for each in numbers):
                yield Found(
                    call.span,
                    "compares with the number as it is",
                    f"cuts the number off to {element} first: 2.5 is 2",
                    _AS_FLOAT,
                )
                break


@rule(
    "mixed-elements",
    Kind.REFUSED_THERE,
    (2,),
    f'load v = "v.nii.gz"\nprint "n" max(v + intensity(v))\n{_INT16}',
    f'load v = "v.nii.gz"\nprint "n" max(v + v)\n{_INT16}',
)
def _mixed_elements(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls((*_ADD, *_DIVIDE, *_COMPARE)):
        for use in uses:
            elements = [each.element for each in use.arguments if _is_image(each)]
            if len(elements) == 2 and all(elements) and elements[0] != elements[1]:
                yield Found(
                    call.span,
                    "combines images of any two types of voxels",
                    f"refuses to combine {elements[0]} with {elements[1]}",
                    _AS_FLOAT,
                )
                break


@rule(
    "division-of-images",
    Kind.VALUE,
    (1, 2),
    f'load v = "v.nii.gz"\nprint "n" max(v / v)\n{_FLOAT}',
    f'load v = "v.nii.gz"\nprint "n" max(v / 7)\nprint "m" max(divZ(v, v, v))\n{_FLOAT}',
)
def _division_of_images(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(_DIVIDE):
        if any(len(use.arguments) == 2 and _is_image(use.arguments[1]) for use in uses):
            keep = "; --dialect imgql1 keeps what VoxLogicA 1 does" if version == 1 else ""
            yield Found(
                call.span,
                "divides as IEEE 754 says: x / 0 is inf or −inf, 0 / 0 is NaN",
                "gives the largest number of the type where the divisor is 0, whatever is divided",
                f"say what such voxels get: divZ(a, b, constant(0)){keep}",
            )


@rule(
    "division-by-a-number",
    Kind.VALUE,
    (1,),
    f'load v = "v.nii.gz"\nprint "n" max(v /. 7)\n{_FLOAT}',
    f'load v = "v.nii.gz"\nprint "n" max(v /. 4)\n{_FLOAT}',
)
def _division_by_a_number(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(("/", "/.")):
        for use in uses:
            if len(use.arguments) != 2 or not isinstance(use.arguments[1].type, Number):
                continue
            value = use.arguments[1].value
            power = (
                isinstance(value, float)
                and value
                and math.isfinite(value)
                and (abs(math.frexp(value)[0]) == 0.5)
            )
            if _is_image(use.arguments[0]) and not power:
                yield Found(
                    call.span,
                    "divides each voxel",
                    "multiplies by the float32 nearest to 1 / n: the last bit may differ",
                    "write v *. (1 ./. n) to multiply in both; --dialect imgql1 does what "
                    "VoxLogicA 1 does",
                )
                break


@rule(
    "division-by-zero",
    Kind.VALUE,
    (2,),
    f'load v = "v.nii.gz"\nprint "n" 1 / min(v)\nprint "m" max(v / min(v))\n{_FLOAT}',
    'print "n" 1 / 3\n',
)
def _division_by_zero(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(("/", "./.", "num_div", "/.")):
        for use in uses:
            if len(use.arguments) == 2 and isinstance(use.arguments[1].type, Number):
                value = use.arguments[1].value
                if value is None or value == 0:
                    yield Found(
                        call.span,
                        "gives inf, −inf or NaN if the divisor is 0",
                        "ends the program if the divisor is 0",
                        "test it first: if n == 0 then 0 else a / n",
                    )
                    break


@rule(
    "nan-in-a-file",
    Kind.VALUE,
    (1, 2),
    f'load v = "v.nii.gz"\nprint "n" max(v)\n{_FLOAT}',
    f'load v = "v.nii.gz"\nprint "n" max(v)\n{_INT16}',
)
def _nan_in_a_file(view: View, version: int) -> Iterator[Found]:
    for load in view.loads:
        header = load.header
        if header.element.startswith("float") and header.path.lower().endswith((".nii", ".nii.gz")):
            yield Found(
                load.span,
                "keeps NaN and infinite voxels of the file",
                "reads NaN and infinite voxels of NIfTI files as 0",
                "write finite numbers into the file"
                + ("; --dialect imgql1 reads them as 0" if version == 1 else ""),
            )


@rule(
    "unequal-nan",
    Kind.VALUE,
    (2,),
    f'load v = "v.nii.gz"\nprint "n" volume(v != 3)\n{_FLOAT}',
    f'load v = "v.nii.gz"\nprint "n" volume(v != 3)\nprint "b" 2 != 3\n{_INT16}',
)
def _unequal_nan(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(("!=",)):
        for use in uses:
            images = [each for each in use.arguments if _is_image(each)]
            if any(each.element not in WHOLE_ELEMENTS for each in images):
                yield Found(
                    call.span,
                    "gives false where a voxel is NaN, as for all comparisons",
                    "gives true where a voxel is NaN",
                    "write !(v == n) for true where a voxel is NaN",
                )
                break


@rule(
    "negative-zero",
    Kind.VALUE,
    (1, 2),
    'load v = "v.nii.gz"\nprint "n" min(overlayB(v >. 2, v, v))\n' + _FLOAT,
    f'load v = "v.nii.gz"\nprint "n" min(mask(v, v >. 2))\n{_FLOAT}',
)
def _negative_zero(view: View, version: int) -> Iterator[Found]:
    for call, _ in view.calls(("overlayB", "ifN", "divZ")):
        yield Found(
            call.span,
            "takes voxels unchanged: −0 stays −0",
            "adds 0 to each voxel: −0 becomes 0",
            "they compare as equal; only 1 / v tells them apart",
        )


@rule(
    "colors-as-brightness",
    Kind.VALUE,
    (2,),
    'load v = "v.png"\nprint "n" max(intensity(v))\n// colors: v.png 5 4\n',
    'load v = "v.png"\nprint "n" max(red(v))\n// colors: v.png 5 4\n',
)
def _brightness(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(("intensity",)):
        kinds = [use.arguments[0].type for use in uses if use.arguments]
        if any(isinstance(each, ImageOf) and each.content is Content.COLOR for each in kinds):
            yield Found(
                call.span,
                "computes 0.2126 R + 0.7152 G + 0.0722 B in float32",
                "computes in the type of the channels, which gives 0 for the uint8 of pictures",
                "write 0.2126 * red(m) + (0.7152 * green(m) + 0.0722 * blue(m))",
            )


@rule(
    "many-ranks",
    Kind.VALUE,
    (1,),
    'load v = "v.nii.gz"\nprint "n" max(percentiles(v, v >. 0, 0.5))\n'
    "// file: v.nii.gz uint8 256 256 130\n",
    f'load v = "v.nii.gz"\nprint "n" max(percentiles(v, v >. 0, 0.5))\n{_INT16}',
)
def _many_ranks(view: View, version: int) -> Iterator[Found]:
    if not any(load.header.grid.voxels > 2**23 for load in view.loads):
        return
    for call, _ in view.calls(("percentiles",)):
        yield Found(
            call.span,
            "counts voxels exactly",
            "counts in float32: with over 8,388,608 voxels in the mask the last bit may differ",
            "leave a margin at thresholds; ranks of fewer voxels are equal, ties included",
        )
