"""Rows about MRtrix3."""

from tests.docs.tools.row import Row

_DIGITS = "MRtrix prints six digits"
_ENDS = "at the frame MRtrix takes only the voxels of the kernel that are in the image; voxgpu repeats the edge voxels"

SECTIONS = {
    "thresholds": (
        Row(
            "mrthreshold v.nii -abs 100 out.nii",
            "v >= 100",
            "`ge` unless `-comparison` says otherwise",
        ),
        Row("mrthreshold v.nii -abs 100 -comparison gt out.nii", "v > 100"),
        Row(
            "mrthreshold v.nii -percentile 90 out.nii",
            "v >= percentile(v, tt, 90)",
            "interpolated linearly by both; here one NaN makes it NaN",
        ),
        Row(
            "mrthreshold v.nii -mask m.nii -percentile 90 out.nii",
            "v >= percentile(v, b, 90)",
            "the mask selects what is counted; `-out_masked`: `b & (v >= …)`",
        ),
        Row(
            "mrthreshold v.nii -ignorezero -percentile 90 out.nii", "v >= percentile(v, v != 0, 90)"
        ),
    ),
    "arithmetic": (
        Row("mrcalc v.nii 2 -mult 10 -add out.nii", "v * 2 + 10"),
        Row("mrcalc v.nii w.nii -sub out.nii", "v - w"),
        Row("mrcalc v.nii w.nii -div out.nii", "v / w", "±inf and NaN where w is 0, in both"),
        Row(
            "mrcalc v.nii w.nii -max out.nii",
            "overlayB(v < w, v, w)",
            "`max(v)` is a number: the greatest voxel",
        ),
        Row("mrcalc v.nii 100 -min out.nii", "clamp(v, -inf, 100)"),
        Row("mrcalc v.nii 2 -pow out.nii", "v ^ 2"),
        Row("mrcalc v.nii -abs out.nii", "abs(v)"),
        Row("mrcalc v.nii -neg out.nii", "-v"),
        Row("mrcalc v.nii -sqrt out.nii", "sqrt(v)", "NaN below 0 in both"),
        Row(
            "mrcalc v.nii -log out.nii",
            "log(v)",
            "−inf at 0, NaN below, in both",
            tolerance=1e-6,
            reason="the last bit",
        ),
        Row(
            "mrcalc v.nii 100 -div -exp out.nii",
            "exp(v / 100)",
            tolerance=1e-3,
            reason="the last bit",
        ),
        Row("mrcalc v.nii -floor out.nii", "floor(v)"),
        Row(
            "mrcalc v.nii -round out.nii",
            "sign(v) * floor(abs(v) + 0.5)",
            "`round(v)` rounds halves to even, MRtrix away from 0",
        ),
        Row("mrmath v.nii w.nii mean out.nii", "(v + w) / 2"),
        Row("mrmath v.nii w.nii max out.nii", "overlayB(v < w, v, w)"),
    ),
    "masks": (
        Row("mrcalc m.nii v.nii 0 -if out.nii", "mask(v, b)"),
        Row("mrcalc m.nii v.nii w.nii -if out.nii", "overlayB(b, w, v)"),
        Row("mrcalc m.nii -not out.nii", "!b"),
        Row("mrcalc m.nii w.nii 100 -gt -and out.nii", "b & c", "c is `w > 100`"),
        Row("mrcalc m.nii w.nii 100 -gt -or out.nii", "b | c"),
        Row(
            "mrcalc v.nii -finite v.nii 0 -if out.nii",
            "mask(v, v - v == 0)",
            "v − v is NaN where v is not finite",
        ),
    ),
    "morphology": (
        Row(
            "maskfilter m.nii dilate out.nii",
            "simpleitk.BinaryDilate(b, [1, 1, 1], simpleitk.sitkCross, 0, 1) > 0",
            "the 6 neighbors across faces; `near(b)` takes all 26. `-npass 2`: call it twice",
        ),
        Row(
            "maskfilter m.nii erode out.nii",
            "simpleitk.BinaryErode(b, [1, 1, 1], simpleitk.sitkCross, 0, 1, false) > 0",
            "MRtrix erodes at the frame, `interior` and `erode` do not: the `false` at the end",
        ),
        Row("maskfilter m.nii median out.nii", "simpleitk.BinaryMedian(b, 1, 1, 0) > 0"),
    ),
    "components": (
        Row(
            "maskfilter m.nii connect -connectivity out.nii",
            "ranked_components(b)",
            "26 neighbors, the largest first, in both",
        ),
        Row(
            "maskfilter m.nii connect -largest -connectivity out.nii",
            "maxvol(b)",
            "in case of a tie `maxvol` keeps all; `component(b, 1)` one",
        ),
        Row(
            "maskfilter m.nii connect out.nii",
            "simpleitk.RelabelComponent(simpleitk.ConnectedComponent(b))",
            "without `-connectivity` MRtrix connects by faces",
        ),
        Row(
            "maskfilter m.nii connect -largest out.nii",
            "simpleitk.RelabelComponent(simpleitk.ConnectedComponent(b)) == 1",
        ),
    ),
    "filters": (
        Row(
            "mrfilter v.nii smooth -stdev 1 -extent 9,7,5 out.nii",
            "gaussian(v, 1)",
            "mm; here the kernel reaches 4 standard deviations, there 2.5 unless `-extent` (voxels) says otherwise",
            tolerance=1e-3,
            frame=4,
            reason=_ENDS,
        ),
        Row(
            "mrfilter v.nii smooth -fwhm 2.3548 -extent 9,7,5 out.nii",
            "gaussian(v, 1)",
            "`gaussian(v, fwhm / 2.3548)`",
            tolerance=2e-3,
            frame=4,
            reason=_ENDS,
        ),
        Row(
            "mrfilter v.nii median out.nii",
            "simpleitk.Median(v, 1)",
            "3×3×3 voxels; `median_filter(v, mm)` has a box in mm",
            frame=1,
            reason="at the frame MRtrix takes only voxels in the image; ITK repeats the edge voxels",
        ),
        Row(
            "mrfilter v.nii gradient -magnitude -scanner -stdev 0 out.nii",
            "gradient(v)",
            "per mm; without `-scanner` MRtrix takes it per voxel, and without `-stdev 0` it smooths by a voxel first",
            tolerance=1e-3,
            frame=1,
            reason="at the frame MRtrix takes the difference to the one neighbor, voxgpu half of it",
        ),
    ),
    "grids": (
        Row(
            "mrgrid v.nii regrid -template t.nii -interp linear -oversample 1 out.nii",
            'resample(v, t, "linear")',
            "cubic unless `-interp` says otherwise, and several samples per voxel unless `-oversample` does",
            tolerance=1e-3,
            reason="positions in float32",
        ),
        Row(
            "mrgrid v.nii regrid -template t.nii -interp nearest out.nii",
            'resample(v, t, "nearest")',
        ),
        Row(
            "mrgrid l.nii regrid -template t.nii -interp nearest out.nii",
            "resample(l, t)",
            "an image of integers takes the nearest voxel by itself",
        ),
        Row(
            "mrgrid v.nii crop -mask m.nii -uniform 0 out.nii",
            "extract(v, bounding_box(b)[1], bounding_box(b)[0])",
            "without `-uniform 0` MRtrix leaves a voxel around",
        ),
        Row(
            "mrgrid v.nii crop -axis 0 2,3 out.nii",
            "extract(v, [16, 18, 15], [2, 0, 0])",
            "there voxels to remove at both ends, here the size that is left and the first voxel",
        ),
        Row("mrgrid v.nii pad -uniform 2 out.nii", "simpleitk.ConstantPad(v, 2, 2, 0)"),
        Row("mrconvert v.nii -coord 2 5 out.nii", "slice_volume(v, 2, 5)"),
    ),
    "measures": (
        Row(
            "mrstats v.nii -mask m.nii -output mean",
            "avg(v, b)",
            "MRtrix leaves NaN out; here it makes the mean NaN: `avg(v, b & (v == v))`",
            prints=True,
            tolerance=1e-3,
            reason=_DIGITS,
        ),
        Row(
            "mrstats v.nii -mask m.nii -output median",
            "median(v, b)",
            prints=True,
            tolerance=1e-3,
            reason=_DIGITS,
        ),
        Row(
            "mrstats v.nii -mask m.nii -output std",
            "stdev(v, b)",
            "of a sample: n − 1",
            prints=True,
            tolerance=1e-3,
            reason=_DIGITS,
        ),
        Row(
            "mrstats v.nii -mask m.nii -output min -output max",
            "[percentile(v, b, 0), percentile(v, b, 100)]",
            "without a mask `min(v)` and `max(v)`",
            prints=True,
            tolerance=1e-3,
            reason=_DIGITS,
        ),
        Row(
            "mrstats v.nii -mask m.nii -output count",
            "volume(b)",
            "voxels; mm³: `volume_mm3(b)`",
            prints=True,
        ),
        Row(
            "mrstats v.nii -ignorezero -output mean",
            "avg(v, v != 0)",
            prints=True,
            tolerance=1e-3,
            reason=_DIGITS,
        ),
        Row(
            "mrcentroid m.nii -voxelspace",
            "center_of_mass(b)",
            "voxels from 0; `center_of_mass_mm` has the axes of DICOM, MRtrix those of NIfTI",
            prints=True,
            tolerance=1e-4,
            reason=_DIGITS,
        ),
    ),
}
