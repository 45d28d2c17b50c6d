"""Rows about fslmaths, as niimath computes them, which re-implements it."""

from tests.docs.tools.row import Row

_ENDS = "at the frame fslmaths takes only the voxels of the kernel that are in the image; voxgpu repeats the edge voxels"
_EDGE = "at the frame fslmaths takes only the voxels of the kernel that are in the image; ITK repeats the edge voxels"

SECTIONS = {
    "thresholds": (
        Row(
            "fslmaths v -thr 100 out",
            "mask(v, v >= 100)",
            "the result is numbers; as a region: `v >= 100`",
        ),
        Row("fslmaths v -uthr 100 out", "mask(v, v <= 100)"),
        Row(
            "fslmaths v -thr 100 -uthr 300 -bin out",
            "between(100, 300, v)",
            "`-bin` is `> 0`: with a negative `-thr`, voxels of 0 and below are lost there, not here",
        ),
        Row(
            "fslmaths v -bin out",
            "v > 0",
            "a region is saved as uint8; fslmaths saves float32 unless `-odt` says otherwise",
        ),
        Row("fslmaths v -binv out", "!(v > 0)", "where v is negative it is 1, too"),
    ),
    "arithmetic": (
        Row(
            "fslmaths v -add 10 out",
            "v + 10",
            "fslmaths works from left to right, without precedence",
        ),
        Row("fslmaths v -sub w out", "v - w", "in float32 both, whatever the files hold"),
        Row("fslmaths v -mul w out", "v * w"),
        Row(
            "fslmaths v -div w out",
            "divZ(v, w, constant(0))",
            "`v / w` is ±inf or NaN where w is 0",
        ),
        Row("fslmaths v -recip out", "divZ(constant(1), v, constant(0))", "likewise"),
        Row(
            "fslmaths w -rem 7 out",
            "w - 7 * floor(w / 7)",
            "for whole numbers that are not negative",
        ),
        Row("fslmaths v -sqr out", "v * v", "or `v ^ 2`"),
        Row(
            "fslmaths v -sqrt out",
            "sqrt(v)",
            "NaN below 0, in niimath, too",
        ),
        Row(
            "fslmaths v -log out",
            "log(overlayB(v > 0, constant(1), v))",
            "`log(v)` is −inf at 0 and NaN below",
            tolerance=1e-6,
            reason="the last bit",
        ),
        Row("fslmaths v -div 100 -exp out", "exp(v / 100)", tolerance=1e-3, reason="the last bit"),
        Row("fslmaths v -sin out", "simpleitk.Sin(v)", tolerance=1e-6, reason="the last bit"),
        Row("fslmaths v -abs out", "abs(v)"),
        Row(
            "fslmaths v -max w out",
            "overlayB(v < w, v, w)",
            "`max(v)` is a number: the greatest voxel",
        ),
        Row("fslmaths v -min 100 out", "clamp(v, -inf, 100)"),
        Row(
            "fslmaths v -sub v -div w -nan out",
            "divZ(v - v, w, constant(0))",
            "NaN replaced by 0, for any v: `mask(v, v == v)`",
        ),
        Row(
            "fslmaths v -inm 100 out",
            "v * (100 / avg(v, v > 0))",
            tolerance=1e-3,
            reason="the sum in another order",
        ),
        Row(
            "fslmaths f -Tmean out",
            "mean(f)",
            "f has several volumes: a sequence of images",
            tolerance=1e-3,
            reason="the sum in float32",
        ),
    ),
    "masks": (
        Row("fslmaths v -mas m out", "mask(v, b)"),
        Row("fslmaths m -mul -1 -add 1 out", "!b"),
        Row("fslmaths m -mul w -bin out", "b & (w > 0)"),
        Row("fslmaths m -add w -bin out", "b | (w > 0)", "for w without negative voxels"),
        Row(
            "fslmaths v -roi 2 5 3 6 1 4 0 1 out",
            "mask(v, between(2, 6, x) & between(3, 8, y) & between(1, 4, z))",
            "fslmaths names the first voxel and the size, `between` the first and the last; x runs to the patient's right or left, as in the file",
        ),
    ),
    "morphology": (
        Row("fslmaths m -dilF out", "near(b)", "`-kernel 3D`, the default: 3×3×3 voxels"),
        Row(
            "fslmaths m -ero out",
            "interior(b)",
            "outside the image counts as true in both, so masks do not shrink at the frame",
        ),
        Row("fslmaths m -kernel boxv 5 -dilF out", "near(near(b))"),
        Row(
            "fslmaths m -kernel 2D -dilF out",
            "simpleitk.BinaryDilate(b, [1, 1, 0], simpleitk.sitkBox, 0, 1) > 0",
            "3×3 voxels in each slice",
        ),
        Row(
            "fslmaths m -kernel sphere 3 -dilF out",
            "dilate(b, 3)",
            "mm in both, and a voxel at exactly 3 mm counts",
        ),
        Row(
            "fslmaths m -kernel sphere 3 -dilM -bin out",
            "dilate(b, 3)",
            "of a mask, `-dilM` and `-dilD` are the same",
        ),
        Row("fslmaths m -kernel sphere 3 -ero out", "erode(b, 3)"),
        Row("fslmaths m -kernel sphere 2.5 -ero -dilF out", "imopen(b, 2.5)"),
        Row("fslmaths m -kernel sphere 3 -dilF -ero out", "imclose(b, 3)"),
        Row("fslmaths m -fillh out", "fill_holes(b)", "the background connected by faces"),
        Row(
            "fslmaths m -fillh26 out",
            "!touch(!b, border)",
            "the background connected by faces, edges and corners",
        ),
    ),
    "filters": (
        Row(
            "fslmaths v -s 1 out",
            "gaussian(v, 1)",
            "sigma in mm; a FWHM is 2.3548 sigma",
            tolerance=0.05,
            frame=4,
            reason=_ENDS,
        ),
        Row(
            "fslmaths v -fmedian out",
            "simpleitk.Median(v, 1)",
            "`median_filter(v, mm)` has a box in mm",
            frame=1,
            reason=_EDGE,
        ),
        Row("fslmaths v -fmean out", "simpleitk.Mean(v, 1)", tolerance=1e-3, frame=1, reason=_EDGE),
    ),
    "distances": (
        Row(
            "fslmaths m -edt out",
            "pdt(!b)",
            "of niimath, not of FSL, whose command is `distancemap`; mm",
            tolerance=1e-5,
            reason="the last bit",
        ),
    ),
}
