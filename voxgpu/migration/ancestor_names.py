"""The names of the ancestors' libraries, and what replaces those that voxgpu does not have."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What programs of VoxLogicA 1 can use: its operators, and its `stdlib.imgql`.
NAMES_OF_1 = _words(
    """
    .+. .-. .*. ./. .=. .<=. .<. .>=. .>. .&. .|. !. not and or ! & | \\ tt ff bconstant .= .<=
    .>= .< .> =. <=. >=. <. >. between + - * / +. .+ -. .- *. .* /. ./ abs mask min max avg
    volume constant x y z border intensity red green blue alpha rgb rgba near interior N I B+
    through ~> lcc maxvol mayReach touch T grow surrounded S dt pdt distleq distgeq smoothen
    erode dilate imopen imclose percentiles otsu crossCorrelation ~ booleanToNumber norm ifB
    ifN maskCC minCC maxCC collect emptyB nemptyB xor eqB neqB leqB overlayB overlayColor divZ
    p pp pi ppi o po dr eq dc ec tpp ntpp tppi ntppi
    """
)

#: What programs of VoxLogicA 2 can use of its namespace `vox1`.
VOX1_OF_2 = _words(
    """
    .+. .-. .*. ./. .=. .<=. .<. .>=. .>. .&. .|. !. not and or ! & | \\ tt ff bconstant .= .<=
    .>= .< .> =. <=. >=. <. >. between == != < <= > >= + - * / +. .+ -. .- *. .* /. ./ abs
    mask min max avg volume vol constant gradient x y z border intensity red green blue alpha
    rgb rgba extract near interior N I B+ through ~> lcc Lcc maxvol mayReach touch T grow
    surrounded S dt pdt distleq distgeq smoothen erode dilate imopen imclose percentiles otsu
    n4 hd95 nsd crossCorrelation ~ booleanToNumber norm ifB ifN maskCC minCC maxCC collect
    emptyB nemptyB xor eqB neqB leqB overlayB overlayColor divZ eq_sv leq_sv geq_sv num_add
    num_sub num_mul num_div num_eq num_leq num_lt num_geq num_gt
    """
)

#: What programs of VoxLogicA 2 can use without importing `vox1`.
DEFAULT_OF_2 = _words(
    """
    + - * / && || < <= > >= == != ! & | range map filter fold index slice subsequence gather
    argmax argsort floor mean median stdev tally dir concat format_string
    """
)

NAMES_OF_2 = VOX1_OF_2 | DEFAULT_OF_2

#: Names that only libraries of VoxLogicA 2 have: what to write for them here.
REPLACED = {
    "avg0": "if volume(b) == 0 then 0 else avg(v, b)",
    "div_sv": "n / v",
    "sub_sv": "n - v",
    "div_vs": "v / n",
    "sub_vs": "v - n",
    "add_vs": "v + n",
    "mul_vs": "v * n",
    "bool_and_scalar": "p && q",
    "bool_or_scalar": "p || q",
    "bool_not_scalar": "!p",
    "not_compat": "!p",
    "num_neq": "n != k",
    "dt2": "dt(b) * dt(b)",
    "pdt2": "pdt(b) * pdt(b)",
    "ball_opening": "imopen(b, r)",
    "label_mean": "label_statistics(labels, v)",
    "slic": "simpleitk.SLIC(v, [4, 4, 4], 10)",
    "addition": "n + k",
    "subtraction": "n - k",
    "multiplication": "n * k",
    "division": "n / k",
    "sequence": "[a, b]",
    "combine": "n + k",
    "for_loop": "for x in xs do f(x)",
    "dask_map": "map(f, xs)",
    "print_primitive": 'print "label" n',
    "equals": "s == t",
    "split": "replace(s, t, u)",
    "parameter_grid": "for a in xs do for b in ys do a * b",
    "readdir": 'dir("folder", "*", false, true)',
    "load_sitk_image": 'ReadImage("v.nii.gz")',
    "dice_score": "dice(a, b)",
    "jaccard_index": "jaccard(a, b)",
    "pixel_accuracy": "volume((a & b) | (!a & !b)) / volume(tt | a)",
    "confusion_matrix": "[volume(a & b), volume(a & !b), volume(!a & b), volume(!a & !b)]",
    "count_pixels": "volume(v == n)",
    "threshold_equal": "v == n",
    "array_stats": "[min(v), max(v), avg(v, tt)]",
    "compare_arrays": "volume(v != w)",
}

#: Names of VoxLogicA 2 that nothing in the language replaces, and what does.
NOT_REPLACED = {
    "overlay": "voxgpu draws results itself, and overlayColor(b, picture, r, g, b) paints a region",
    "keep": "voxgpu keeps results without being asked: `voxgpu store list`",
    "keep_load": "voxgpu keeps results without being asked: `voxgpu store list`",
    "keep_store": "voxgpu keeps results without being asked: `voxgpu store list`",
    "contralateral_asymmetry": "define a primitive of your own: --primitives FILE.py",
}

#: Namespaces of VoxLogicA 2 that voxgpu does not have, and what takes their place.
NAMESPACES = {
    "arrays": "its measures have other names here: dice, jaccard, volume(v == n)",
    "nnunet": "call nnU-Net from a primitive of your own: --primitives FILE.py",
    "geom": "draw shapes with coordinates: let disc = (x - 5) * (x - 5) + (y - 5) * (y - 5) < 9",
    "test": "these are tests of VoxLogicA 2 itself",
    "dataset": "use `dir` for the files of a folder, and `voxgpu cohort` for many cases",
}
