"""Boolean operations: on images, truth values, and mixtures of both."""

from voxgpu.codegen.scalar import constant, where
from voxgpu.primitives.define import (
    Bool,
    BoolOperand,
    Truth,
    TruthValue,
    Voxel,
    kept_integers,
    scalar,
    voxelwise,
)


@voxelwise("and", "&", "&&")
def conjunction(a: BoolOperand, b: BoolOperand) -> Bool:
    """True where both are true.

    >>> and([true, true, false], [true, false, false])
    [true, false, false]
    """
    return a & b


@voxelwise("or", "|", "||")
def disjunction(a: BoolOperand, b: BoolOperand) -> Bool:
    """True where at least one is true.

    >>> or([true, true, false], [true, false, false])
    [true, true, false]
    """
    return a | b


@voxelwise("not", "!")
def negation(a: Bool) -> Bool:
    """True where ``a`` is false.

    >>> not([true, false])
    [false, true]
    """
    return ~a


@voxelwise("\\")
def difference(a: Bool, b: Bool) -> Bool:
    r"""True where ``a`` is true and ``b`` is false.

    >>> \([true, true, false], [true, false, false])
    [false, true, false]
    """
    return a & ~b


@voxelwise()
def tt() -> Bool:
    """True everywhere, on the grid of the images it is combined with.

    >>> tt()
    [true, true, true]
    """
    return constant(True)


@voxelwise()
def ff() -> Bool:
    """True nowhere, on the grid of the images it is combined with.

    >>> ff()
    [false, false, false]
    """
    return constant(False)


@voxelwise()
def bconstant(truth: Truth) -> Bool:
    """The same truth value everywhere, on the grid of the images it is combined with.

    >>> bconstant(true)
    [true, true, true]
    """
    return truth & True


@voxelwise(element_from=kept_integers)
def mask(v: Voxel, b: Bool) -> Voxel:
    """The voxel of ``v`` where ``b`` is true, else 0. Whole numbers keep their element.

    >>> mask([1, 2, 3], [true, false, true])
    [1, 0, 3]
    """
    return where(b, v, 0.0)


@voxelwise("overlayB")
def overlay(b: Bool, v_false: Voxel, v_true: Voxel) -> Voxel:
    """The voxel of ``v_true`` where ``b`` is true, else that of ``v_false``, unchanged: −0 stays
    −0, which VoxLogicA 1 turns into 0.

    >>> overlayB([true, false, true], [1, 2, 3], [10, 20, 30])
    [10, 2, 30]
    """
    return where(b, v_true, v_false)


@voxelwise("ifN")
def choose_image(condition: Truth, then_v: Voxel, else_v: Voxel) -> Voxel:
    """The first image if the truth value is true, else the second, voxels unchanged: −0 stays −0,
    which VoxLogicA 1 turns into 0.

    >>> ifN(true, [1, 2], [10, 20])
    [1, 2]
    """
    return where(condition, then_v, else_v)


@scalar(".&.", "&", "&&", "and", id="both")
def both(a: TruthValue, b: TruthValue) -> TruthValue:
    """Whether both are true.

    >>> .&.(true, false)
    false
    """
    return a and b


@scalar(".|.", "|", "||", "or", id="either")
def either(a: TruthValue, b: TruthValue) -> TruthValue:
    """Whether at least one is true.

    >>> .|.(true, false)
    true
    """
    return a or b


@scalar("!.", "!", "not", id="opposite")
def opposite(a: TruthValue) -> TruthValue:
    """Whether the value is false.

    >>> !.(true)
    false
    """
    return not a
