"""Rules about images as a whole: grids, files, distances, components, textures, measures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from voxgpu.language.ast import Call, Name
from voxgpu.migration.facts import WHOLE_ELEMENTS
from voxgpu.migration.rule import Found, Kind, rule
from voxgpu.migration.view import View
from voxgpu.types import ImageOf, Number, SequenceOf

_IMAGE = "// file: v.nii.gz int16 4 4 3\n"
_LOAD = 'load v = "v.nii.gz"\n'

#: Images without a grid of their own.
_FLOATING = ("tt", "ff", "constant", "bconstant", "border", "x", "y", "z")


@rule(
    "distance-to-nothing",
    Kind.VALUE,
    (1, 2),
    f'{_LOAD}print "n" max(dt(v >. 3))\nprint "m" max(pdt(v >. 3))\n{_IMAGE}',
    f'{_LOAD}print "n" volume(distleq(2, v >. 3))\n{_IMAGE}',
)
def _distance_to_nothing(view: View, version: int) -> Iterator[Found]:
    for call, _ in view.calls(("dt", "pdt")):
        yield Found(
            call.span,
            "gives inf where the region is empty"
            + (", and −inf where it is full" if call.name == "dt" else ""),
            "gives 1.84e19 instead" + (", and −1.84e19" if call.name == "dt" else ""),
            "compare it with a radius, which is the same in both: distleq(r, b), distgeq(r, b)",
        )


@rule(
    "last-voxels",
    Kind.VALUE,
    (1, 2),
    f'{_LOAD}print "n" max(crossCorrelation(2, v, v, v >. 3, 0, 9, 5))\n{_IMAGE}',
    f'{_LOAD}print "n" max(v)\n{_IMAGE}',
)
def _last_voxels(view: View, version: int) -> Iterator[Found]:
    for call, _ in view.calls(("crossCorrelation", "~")):
        yield Found(
            call.span,
            "computes all voxels",
            "leaves out the last voxels, as many as the rest of voxels / cores: they keep the "
            "brightness of the image",
            "compare all but the last slice; radius in mm, bins and their bounds are the same",
        )


@rule(
    "surface-distance",
    Kind.VALUE,
    (2,),
    f'{_LOAD}print "n" hd95(v > 3, v > 4)\nprint "m" nsd(v > 3, v > 4, 1)\n{_IMAGE}',
    f'{_LOAD}print "n" volume(v > 3)\n{_IMAGE}',
)
def _surface_distance(view: View, version: int) -> Iterator[Found]:
    for call, _ in view.calls(("hd95", "nsd")):
        what = "" if call.name == "nsd" else "; is the greater of two 95th percentiles"
        other = "" if call.name == "nsd" else "; is the 95th percentile of all distances of both"
        yield Found(
            call.span,
            f"takes voxels that share a face with the outside; nan if a region is empty{what}",
            f"takes voxels that an erosion removes; −1 if a region is empty{other}",
            "compute such measures with one of the two only",
        )


@rule(
    "least-component",
    Kind.VALUE,
    (2,),
    f'{_LOAD}print "n" minCC(v > 3, v > 4)\nprint "b" collect(v > 3, v > 4)\n{_IMAGE}',
    f'{_LOAD}print "n" maxCC(v > 3, v > 4)\n{_IMAGE}',
)
def _least_component(view: View, version: int) -> Iterator[Found]:
    for call, _ in view.calls(("minCC", "collect")):
        yield Found(
            call.span,
            "looks at the components within the first region",
            "takes the least number of the whole image, with 0 outside the first region",
            "count instead: volume(a & !b) == 0 tells whether all of a is in b",
        )


@rule(
    "components-in-a-region",
    Kind.REFUSED_THERE,
    (1,),
    f'{_LOAD}print "n" maxCC(v >. 3, v >. 4)\n{_IMAGE}',
    f'{_LOAD}print "n" max(lcc(v >. 4))\n{_IMAGE}',
)
def _components_in_a_region(view: View, version: int) -> Iterator[Found]:
    for call, _ in view.calls(("maskCC", "minCC", "maxCC", "collect")):
        yield Found(
            call.span,
            "computes it",
            "fails: its definition uses names that do not exist",
            "write max(mask(lcc(b), a)) for maxCC(a, b), mask(lcc(b), a) for maskCC(a, b)",
        )


@rule(
    "frame-of-an-image",
    Kind.REFUSED_THERE,
    (1, 2),
    f'{_LOAD}print "n" volume(border & (v > 3))\nprint "m" volume(border(v))\n{_IMAGE}',
    f'{_LOAD}print "n" volume(v > 3)\n{_IMAGE}',
)
def _frame_of_an_image(view: View, version: int) -> Iterator[Found]:
    names = ("border", "x", "y", "z")
    for each, uses in view.calls(names):
        if not uses:
            continue
        takes = isinstance(each, Call)
        if version == 2 and not takes:
            yield Found(
                each.span,
                f"takes the grid of `{each.name}` from the images it is combined with",
                f"needs an image as the argument of `{each.name}`",
                f"write {each.name}(v), with v an image on that grid",
            )
        elif version == 1 and takes:
            yield Found(
                each.span,
                f"accepts an image as the argument of `{each.name}`",
                f"accepts no argument of `{each.name}`",
                f"write {each.name}",
            )


def _several_grids(view: View) -> bool:
    loads = view.loads
    return any(not each.header.grid.agrees_with(loads[0].header.grid) for each in loads[1:])


@rule(
    "image-without-a-grid",
    Kind.VALUE,
    (1, 2),
    f'{_LOAD}load w = "w.nii.gz"\nprint "n" volume(tt & (v >. 0))\n'
    'print "m" volume(tt & (w >. 0))\n'
    f"{_IMAGE}// file: w.nii.gz int16 5 5 3\n",
    f'{_LOAD}print "n" volume(tt & (v >. 0))\n{_IMAGE}',
)
def _image_without_a_grid(view: View, version: int) -> Iterator[Found]:
    if not _several_grids(view):
        return
    for each, uses in view.calls(_FLOATING):
        takes_image = each.name in ("border", "x", "y", "z")
        if not uses or (takes_image and (version == 2 or isinstance(each, Call))):
            continue
        which = (
            "the image that is loaded first"
            if version == 1
            else "the image that was used last, which depends on the order of evaluation"
        )
        yield Found(
            each.span,
            "takes its grid from the images it is combined with",
            f"takes the grid of {which}",
            "write a program of its own for each grid",
        )


@rule(
    "nearly-equal-grids",
    Kind.REFUSED_THERE,
    (2,),
    f'{_LOAD}load w = "w.nii.gz"\nprint "n" max(v + w)\n{_IMAGE}'
    "// file: w.nii.gz int16 4 4 3 origin 0.0001\n",
    f'{_LOAD}load w = "w.nii.gz"\nprint "n" max(v + w)\n{_IMAGE}// file: w.nii.gz int16 4 4 3\n',
)
def _nearly_equal_grids(view: View, version: int) -> Iterator[Found]:
    loads = view.loads
    for index, each in enumerate(loads):
        for other in loads[:index]:
            first, second = other.header.grid, each.header.grid
            if first.agrees_with(second) and not first.agrees_with(second, 1e-6):
                yield Found(
                    each.span,
                    f"combines it with `{Path(other.path).name}`: centers differ by less than 1e-3 "
                    "of a voxel",
                    "refuses images whose centers differ by more than 1e-6 of a voxel",
                    f"bring it to the other grid: resample(v, w); or write the header of "
                    f"`{Path(other.path).name}` into the file",
                )
                break


@rule(
    "other-grid",
    Kind.REFUSED_HERE,
    (1,),
    f'{_LOAD}load w = "w.nii.gz"\nprint "n" max(v + w)\n{_IMAGE}'
    "// file: w.nii.gz int16 4 4 3 origin 5\n",
    f'{_LOAD}load w = "w.nii.gz"\nprint "n" max(v + w)\n{_IMAGE}// file: w.nii.gz int16 4 4 3\n',
)
def _other_grid(view: View, version: int) -> Iterator[Found]:
    for each in view.diagnostics:
        if each.code == "E105" and each.span:
            yield Found(
                each.span,
                "refuses images on different grids",
                "gives every image of equal size the geometry of the first one, with a warning; "
                "one of another shape and as many voxels it reads in that shape",
                "if only the headers are wrong: --same-grid adopt; else resample(v, w)",
            )


@rule(
    "one-slice",
    Kind.VALUE,
    (1, 2),
    'load v = "v.nii.gz"\nprint "n" volume(border & (v >. 0))\n// file: v.nii.gz int16 4 4 1\n',
    f'{_LOAD}print "n" volume(border & (v >. 0))\n{_IMAGE}',
)
def _one_slice(view: View, version: int) -> Iterator[Found]:
    for load in view.loads:
        shape = load.header.grid.shape
        if len(shape) == 3 and 1 in shape:
            there = (
                "makes a 2-D image of it"
                if version == 1
                else "sees a frame along that axis, too: every voxel is at the border"
            )
            yield Found(
                load.span,
                "keeps a 3-D image of one slice, whose frame lies within the slice",
                there,
                "save the slice as a 2-D image",
            )


@rule(
    "several-volumes",
    Kind.REFUSED_THERE,
    (1, 2),
    'load v = "v.nii.gz"\nprint "n" length(v)\n// file: v.nii.gz int16 4 4 3 2\n',
    f'{_LOAD}print "n" max(v)\n{_IMAGE}',
)
def _several_volumes(view: View, version: int) -> Iterator[Found]:
    for load in view.loads:
        if isinstance(load.type, SequenceOf):
            yield Found(
                load.span,
                "makes a sequence of its volumes",
                "has no images of four dimensions",
                "split the file into volumes",
            )


@rule(
    "loaded-format",
    Kind.REFUSED_THERE,
    (1, 2),
    'load v = "series"\nprint "n" max(v)\n// series: series\n',
    f'{_LOAD}print "n" max(v)\n{_IMAGE}',
)
def _loaded_format(view: View, version: int) -> Iterator[Found]:
    for load in view.loads:
        path = Path(load.header.path.partition("#")[0])
        if path.is_dir() or path.name.lower().endswith((".mgh", ".mgz")):
            what = "a folder with a DICOM series" if path.is_dir() else "files of FreeSurfer"
            yield Found(
                load.span, f"reads {what}", f"does not read {what}", "convert it to NIfTI first"
            )


@rule(
    "argument-order",
    Kind.REFUSED_THERE,
    (2,),
    f'{_LOAD}print "n" volume(smoothen(2, v > 3))\nprint "m" volume(erode(1, v > 3))\n{_IMAGE}',
    f'{_LOAD}print "n" volume(smoothen(v > 3, 2))\nprint "m" volume(distleq(1, v > 3))\n{_IMAGE}',
)
def _argument_order(view: View, version: int) -> Iterator[Found]:
    image_first = ("smoothen", "erode", "dilate", "imopen", "imclose")
    for each, uses in view.calls((*image_first, "distleq", "distgeq")):
        if not isinstance(each, Call) or len(each.arguments) != 2:
            continue
        written = _image_is_first(view, each)
        if uses and written is not None and written != (each.name in image_first):
            order = f"{each.name}(b, r)" if each.name in image_first else f"{each.name}(r, b)"
            yield Found(
                each.span,
                "takes the region and the radius in either order",
                f"takes them in one order: {order}",
                f"write {order}",
            )


def _image_is_first(view: View, call: Call) -> bool | None:
    """Whether the first argument is the image and the second the number; None if unknown."""
    first, second = (view.type_of(each) for each in call.arguments)
    if isinstance(first, ImageOf) or isinstance(second, Number):
        return True
    return False if isinstance(first, Number) or isinstance(second, ImageOf) else None


@rule(
    "integers-in-simpleitk",
    Kind.VALUE,
    (2,),
    'import "simpleitk"\nlet v = ReadImage("v.nii.gz")\nprint "n" max(Square(v))\n' + _IMAGE,
    'import "simpleitk"\nlet v = ReadImage("v.nii.gz")\nprint "n" max(Median(v))\n' + _IMAGE,
)
def _integers_in_simpleitk(view: View, version: int) -> Iterator[Found]:
    from voxgpu.primitives.simpleitk_fit import WIDER_RESULTS

    for each in view.expressions:
        if not isinstance(each, Call | Name) or each.name in view.bound:
            continue
        if each.name.rpartition(".")[2] not in WIDER_RESULTS:
            continue
        for use in view.uses(each):
            if any(argument.element in WHOLE_ELEMENTS for argument in use.arguments):
                yield Found(
                    each.span,
                    "computes in float64",
                    "computes in the integers of the file: what does not fit wraps",
                    "cast it first: Cast(v, sitkFloat64)",
                )
                break
