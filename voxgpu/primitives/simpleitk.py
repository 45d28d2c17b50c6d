"""SimpleITK's functions as primitives named ``simpleitk.Name``: all that the language can call.

SimpleITK is imported when a program mentions one of its functions, and only that function is
inspected. Its version and signature are part of every id: another version, or other parameters,
give other ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import BuiltinFunctionType, FunctionType
from typing import Any

from voxgpu.ids import meaning_of
from voxgpu.image import Grid
from voxgpu.itk.process import simpleitk
from voxgpu.primitives.primitive import AccessPattern, Parameter, Primitive, Value
from voxgpu.primitives.simpleitk_signature import (
    VECTORS,
    Argument,
    Signature,
    Unusable,
    description,
    signatures,
)
from voxgpu.types import (
    ANY_IMAGE,
    BOOLEAN,
    COLOR_IMAGE,
    NUMBER,
    NUMBER_IMAGE,
    TEXT,
    SequenceOf,
    Type,
)

_KINDS: dict[str, Type] = {
    "image": ANY_IMAGE,
    "images": SequenceOf(ANY_IMAGE),
    "number": NUMBER,
    "boolean": BOOLEAN,
    "text": TEXT,
    "numbers": SequenceOf(NUMBER),
    "texts": SequenceOf(TEXT),
    "lists": SequenceOf(SequenceOf(NUMBER)),
    "pairs": SequenceOf(SequenceOf(NUMBER)),
}

#: Functions whose result always has colors.
_COLORS = {
    "Compose",
    "Gradient",
    "GradientRecursiveGaussian",
    "LabelOverlay",
    "LabelToRGB",
    "PhysicalPointSource",
    "ScalarToRGBColormap",
}

#: Functions that return colors if their first image has colors.
_OF_COLORS_TOO = (
    "Abs Acos Add AdditiveGaussianNoise Asin Atan Bilateral BinShrink BinomialBlur"
    " BoundedReciprocal BoxMean BoxSigma Cast CheckerBoard Clamp Cos Crop CyclicShift DICOMOrient"
    " Derivative Exp ExpNegative Expand Extract FFTShift FastApproximateRank Flip"
    " InverseDisplacementField InvertDisplacementField InvertIntensity"
    " IterativeInverseDisplacementField LaplacianSharpening Log Log10 Mask MaskedAssign"
    " MaximumProjection Mean MeanProjection Median MedianProjection MinimumProjection MirrorPad"
    " Noise Normalize NormalizeToConstant Paste PermuteAxes Rank RecursiveGaussian"
    " RegionOfInterest RescaleIntensity SaltAndPepperNoise ShotNoise Shrink Sin Slice"
    " SmoothingRecursiveGaussian SpeckleNoise Sqrt Square Subtract SumProjection Tan TernaryAdd"
    " Tile UnaryMinus Warp WrapPad ZeroFluxNeumannPad"
)
_KEEP_COLORS = frozenset(_OF_COLORS_TOO.split())

#: Functions that threshold, segment or compare: their results may be used as a region, != 0.
_OF_MASKS = (
    " And BinaryClosingByReconstruction BinaryContour BinaryDilate BinaryErode BinaryFillhole"
    " BinaryGrindPeak BinaryMagnitude BinaryMedian BinaryMorphologicalClosing"
    " BinaryMorphologicalOpening BinaryNot BinaryOpeningByReconstruction BinaryProjection"
    " BinaryPruning BinaryReconstructionByDilation BinaryReconstructionByErosion BinaryThinning"
    " BinaryThreshold BinaryThresholdProjection CannyEdgeDetection ConfidenceConnected"
    " ConnectedComponent ConnectedThreshold DoubleThreshold Equal Greater GreaterEqual"
    " HuangThreshold IntermodesThreshold IsoDataThreshold IsolatedConnected IsolatedWatershed"
    " KittlerIllingworthThreshold LabelContour LabelVoting Less LessEqual LiThreshold"
    " MaximumEntropyThreshold MomentsThreshold MorphologicalWatershed"
    " MorphologicalWatershedFromMarkers MultiLabelSTAPLE NeighborhoodConnected Not NotEqual Or"
    " OtsuMultipleThresholds OtsuThreshold RegionalMaxima RegionalMinima RelabelComponent"
    " RenyiEntropyThreshold ScalarConnectedComponent ScalarToLabel ShanbhagThreshold"
    " ThresholdMaximumConnectedComponents TriangleThreshold VectorConfidenceConnected"
    " VectorConnectedComponent VotingBinary VotingBinaryHoleFilling"
    " VotingBinaryIterativeHoleFilling Xor YenThreshold ZeroCrossing"
    " ZeroCrossingBasedEdgeDetection"
)
_MASKS = frozenset(_OF_MASKS.split())

_INSTEAD = {
    "Resample": "it takes a Transform; resample(v, like) and resample_to(v, mm) are there instead",
}

#: Prefixes of the names of functions that are not filters.
_NO_FILTERS = (
    *("ProcessObject", "ImageViewer", "ImageReaderBase", "ImageFileReader", "ImageFileWriter"),
    *("ImageSeriesReader", "ImageSeriesWriter", "Version_", "GetArray", "GetImageFromArray"),
    *("Show", "ReadImage", "WriteImage", "ReadTransform", "WriteTransform", "Object"),
)

#: VoxLogicA 2's names for conversions of a sequence to a vector of SimpleITK; here they return it.
_VECTORS = {f"vector_{each.removeprefix('Vector').lower()}" for each in VECTORS}


#: Version of the calling code; grows when results change, such as for numbers that did not fit, or
#: for functions whose results depended on the number of threads.
_CALLED = 4


class SimpleITKNamespace(Mapping[str, tuple[Primitive, ...]]):
    """The overloads under each name, without the namespace prefix."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Primitive, ...]] = {}
        self._refused: dict[str, str] = {}

    def __getitem__(self, name: str) -> tuple[Primitive, ...]:
        if name not in self._found:
            self._found[name] = self._looked_up(name)
        if not self._found[name]:
            raise KeyError(name)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name in [*sorted(_VECTORS), *dir(simpleitk())] if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def spelled(self, name: str) -> str | None:
        """A name in SimpleITK's spelling, ignoring case; None if there is none.

        Unusable functions have a name, too: `refusal` gives the reason.
        """
        alike = (each for each in (*dir(simpleitk()), *_VECTORS) if each.lower() == name.lower())
        known = [each for each in alike if each in self or self.refusal(each)]
        return name if name in known else next(iter(known), None)

    def refusal(self, name: str) -> str | None:
        """Why a function of SimpleITK cannot be used; None if there is no such function."""
        self.get(name)
        return self._refused.get(name)

    def _looked_up(self, name: str) -> tuple[Primitive, ...]:
        if name in _VECTORS:
            return (_identity(name),)
        if not name.isidentifier() or name.startswith("_"):
            return ()
        found = getattr(simpleitk(), name, None)
        if isinstance(found, int) and name.startswith("sitk"):
            return (_constant(name, found),)
        if not isinstance(found, FunctionType | BuiltinFunctionType) or not name[0].isupper():
            if isinstance(found, type):
                self._refused[name] = "it is a class of SimpleITK; functions of images can be used"
            return ()
        if name in _INSTEAD:
            self._refused[name] = _INSTEAD[name]
            return ()
        try:
            return _primitives(name, found)
        except Unusable as unusable:
            self._refused[name] = str(unusable)
            return ()


def _primitives(name: str, function: Any) -> tuple[Primitive, ...]:
    if name.startswith(_NO_FILTERS):
        raise Unusable("it is no function of images")
    if "LabelMap" in name:
        raise Unusable(
            "it takes or gives a label map; images of labels have functions of their own"
        )
    if "Complex" in name or name.endswith("FFT"):
        raise Unusable("it takes or gives complex numbers")
    doc = description(name, function, _doc_of_filter(name))
    chosen: dict[tuple[str, ...], Primitive] = {}
    for signature in signatures(name, function):
        for parameters in _variants(signature):
            # The first matching overload is taken, so the one for colors precedes that for any
            # image.
            for special in (_of_colors(signature, parameters), parameters):
                types = tuple(str(each.type) for each in special)
                chosen.setdefault(types, _primitive(signature, special, doc))
    return tuple(chosen.values())


def _doc_of_filter(name: str) -> str | None:
    """The docstring of the class that implements a function: those of functions are brief."""
    source = f"{name.removesuffix('Source')}ImageSource"
    for each in (f"{name}ImageFilter", f"{name}Filter", source):
        found = getattr(simpleitk(), each, None)
        if found is not None:
            return str(found.__doc__ or "")
    return None


def _of_colors(signature: Signature, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The parameters with colors as the first image, if the function supports colors."""
    kinds = [each.type for each in parameters]
    if signature.name not in _KEEP_COLORS or ANY_IMAGE not in kinds:
        return parameters
    first = kinds.index(ANY_IMAGE)
    colored = replace(parameters[first], type=COLOR_IMAGE)
    return (*parameters[:first], colored, *parameters[first + 1 :])


def _variants(signature: Signature) -> Iterator[tuple[Parameter, ...]]:
    """The parameters with a number for every axis, and with one number for all."""
    yield tuple(_parameter(each, _KINDS[each.kind]) for each in signature.arguments)
    if any(each.kind == "numbers" for each in signature.arguments):
        yield tuple(
            _parameter(each, NUMBER if each.kind == "numbers" else _KINDS[each.kind])
            for each in signature.arguments
        )


def _parameter(argument: Argument, kind: Type) -> Parameter:
    default = argument.default
    return Parameter(argument.name, kind, optional=default is not None, default=default or "")


def _primitive(signature: Signature, parameters: tuple[Parameter, ...], doc: str) -> Primitive:
    # SimpleITK is imported only now that one of its functions is called.
    from voxgpu.primitives.simpleitk_bounds import number_problem
    from voxgpu.primitives.simpleitk_call import caller, inference
    from voxgpu.primitives.simpleitk_fit import output_problem

    version = simpleitk().Version.VersionString()
    makes_image = signature.result == "image"

    def check(*known: Value | None) -> str | None:
        problem = number_problem(signature, known)
        if problem:
            return f"`simpleitk.{signature.name}` {problem}"
        return output_problem(signature, known)

    numbers = replace(NUMBER_IMAGE, mask=signature.name in _MASKS)
    result: Type = numbers if makes_image else _KINDS[signature.result]
    if signature.name in _COLORS or any(each.type == COLOR_IMAGE for each in parameters):
        result = COLOR_IMAGE
    has_image = any(each.kind in ("image", "images") for each in signature.arguments)
    return Primitive(
        name=f"simpleitk.{signature.name}({', '.join(str(each.type) for each in parameters)})",
        names=(f"simpleitk.{signature.name}",),
        family="simpleitk",
        shape=AccessPattern.WHOLE_IMAGE if makes_image or has_image else AccessPattern.SCALAR,
        parameters=parameters,
        result=result,
        meaning=meaning_of("simpleitk", version, str(signature), _CALLED),
        doc=doc,
        reference=caller(signature),
        scratch=32,
        infer=inference(signature) if makes_image else None,
        check=check,
    )


def _constant(name: str, value: int) -> Primitive:
    def reference(_: list[Value], __: Grid | None) -> Value:
        return float(value)

    return _made(name, (), NUMBER, f"The number {value}, which SimpleITK calls {name}.", reference)


def _identity(name: str) -> Primitive:
    def reference(arguments: list[Value], _: Grid | None) -> Value:
        return arguments[0]

    doc = "The sequence itself: functions of SimpleITK take sequences of numbers as they are."
    parameters = (Parameter("xs", SequenceOf(NUMBER)),)
    return _made(name, parameters, SequenceOf(NUMBER), doc, reference)


def _made(
    name: str, parameters: tuple[Parameter, ...], result: Type, doc: str, reference: Any
) -> Primitive:
    return Primitive(
        name=f"simpleitk.{name}",
        names=(f"simpleitk.{name}",),
        family="simpleitk",
        shape=AccessPattern.SCALAR,
        parameters=parameters,
        result=result,
        meaning=meaning_of("simpleitk", name, 1),
        doc=doc,
        reference=reference,
    )
