"""Rows about c3d."""

from tests.docs.tools.row import Row

_FLOAT64 = "c3d computes in float64"
_DIGITS = "c3d prints six digits"

SECTIONS = {
    "thresholds": (
        Row(
            "c3d v.nii -threshold 100 300 1 0 -o out.nii",
            "between(100, 300, v)",
            "both ends included",
        ),
        Row("c3d v.nii -threshold 100 inf 1 0 -o out.nii", "v >= 100"),
        Row(
            "c3d v.nii -threshold 50% inf 1 0 -o out.nii",
            "v >= percentile(v, tt, 50)",
            "of c3d, a percentile of all voxels",
        ),
        Row("c3d v.nii -binarize -o out.nii", "v != 0", "negative voxels, too; here NaN is false"),
        Row("c3d v.nii -clip 0 300 -o out.nii", "clamp(v, 0, 300)"),
        Row(
            "c3d l.nii -replace 1 7 5 0 -o out.nii",
            "overlayB(l == 1, mask(l, l != 5), constant(7))",
            "or `simpleitk.ChangeLabel(l, [[1, 7], [5, 0]])`",
        ),
    ),
    "arithmetic": (
        Row("c3d v.nii -scale 2 -shift 10 -o out.nii", "v * 2 + 10"),
        Row(
            "c3d v.nii -stretch 0 500 0 1 -o out.nii",
            "v / 500",
            "or `clamp(v / 500, 0, 1)`: `-stretch` does not clip",
        ),
        Row("c3d v.nii w.nii -add -o out.nii", "v + w"),
        Row(
            "c3d w.nii v.nii -subtract -o out.nii",
            "v - w",
            "c3d takes the image before from the last one",
        ),
        Row("c3d v.nii w.nii -multiply -o out.nii", "v * w"),
        Row(
            "c3d w.nii v.nii -divide -o out.nii",
            "divZ(v, w, constant(inf))",
            "c3d divides the last image by the one before, and writes +inf where that is 0; `v / w` is −inf and NaN, too",
        ),
        Row(
            "c3d v.nii w.nii -max -o out.nii",
            "overlayB(v < w, v, w)",
            "`max(v)` is a number: the greatest voxel",
        ),
        Row("c3d v.nii w.nii -min -o out.nii", "overlayB(v > w, v, w)"),
        Row("c3d v.nii -abs -o out.nii", "abs(v)"),
        Row("c3d v.nii -clip 0 inf -sqrt -o out.nii", "sqrt(clamp(v, 0, inf))"),
        Row(
            "c3d v.nii -clip 1 inf -log -o out.nii",
            "log(clamp(v, 1, inf))",
            "the natural logarithm",
        ),
    ),
    "masks": (
        Row(
            "c3d v.nii m.nii -multiply -o out.nii",
            "mask(v, b)",
            "here NaN outside the mask is 0, too",
        ),
        Row("c3d m.nii -replace 0 1 1 0 -o out.nii", "!b"),
    ),
    "morphology": (
        Row(
            "c3d m.nii -dilate 1 2x2x1vox -o out.nii",
            "simpleitk.BinaryDilate(b, [2, 2, 1], simpleitk.sitkBall, 0, 1) > 0",
            "an ellipsoid in voxels; `dilate(b, 2)` is a ball of 2 mm",
        ),
        Row(
            "c3d m.nii -erode 1 1x1x1vox -threshold 1 1 1 0 -o out.nii",
            "simpleitk.BinaryErode(b, [1, 1, 1], simpleitk.sitkBall, 0, 1) > 0",
            "outside the image counts as true in both; without the threshold, c3d 1.4.6 leaves −inf where it erodes",
        ),
        Row(
            "c3d m.nii -erode 1 1x1x1vox -dilate 1 1x1x1vox -threshold 1 1 1 0 -o out.nii",
            "simpleitk.BinaryMorphologicalOpening(b, [1, 1, 1], simpleitk.sitkBall, 0, 1) > 0",
            "`imopen(b, mm)` for a ball in mm",
        ),
        Row(
            "c3d m.nii -holefill 1 0 -o out.nii",
            "fill_holes(b)",
            "the background connected by faces",
        ),
        Row(
            "c3d m.nii -holefill 1 1 -o out.nii",
            "!touch(!b, border)",
            "the background connected by faces, edges and corners",
        ),
    ),
    "components": (
        Row(
            "c3d m.nii -comp -o out.nii",
            "simpleitk.RelabelComponent(simpleitk.ConnectedComponent(b))",
            "c3d connects by faces and numbers by size, as this does; `ranked_components(b)` connects by edges and corners, too",
        ),
        Row(
            "c3d m.nii -comp -threshold 1 1 1 0 -o out.nii",
            "simpleitk.RelabelComponent(simpleitk.ConnectedComponent(b)) == 1",
            "the largest; with edges and corners: `maxvol(b)`",
        ),
    ),
    "distances": (
        Row(
            "c3d m.nii -sdt -o out.nii",
            "dt(b)",
            "mm; negative inside, 0 on the innermost side of the edge",
        ),
        Row("c3d m.nii -sdt -clip 0 inf -o out.nii", "pdt(b)"),
    ),
    "filters": (
        Row(
            "c3d v.nii -smooth 1mm -o out.nii",
            "simpleitk.DiscreteGaussian(v, 1)",
            "the variance in mm², here 1²: ITK's discrete Gaussian, which is not that of `gaussian(v, 1)`",
            tolerance=1e-3,
            reason=_FLOAT64,
        ),
        Row(
            "c3d v.nii -smooth-fast 1mm -o out.nii",
            "simpleitk.SmoothingRecursiveGaussian(v, 1)",
            tolerance=1e-3,
            reason=_FLOAT64,
        ),
        Row(
            "c3d v.nii -median 1x1x1 -o out.nii",
            "simpleitk.Median(v, 1)",
            "a radius in voxels; `median_filter(v, mm)` has one in mm",
        ),
    ),
    "grids": (
        Row(
            "c3d t.nii v.nii -reslice-identity -o out.nii",
            "resample(v, t)",
            "linear, 0 outside; an image of integers takes the nearest voxel here: its element says that it may be labels",
            tolerance=1e-3,
            reason=_FLOAT64,
        ),
        Row("c3d t.nii l.nii -int NN -reslice-identity -o out.nii", "resample(l, t)"),
        Row(
            "c3d v.nii -region 2x3x1vox 5x6x4vox -o out.nii",
            "extract(v, [5, 6, 4], [2, 3, 1])",
            "here the size comes first; both count from 0",
        ),
        Row(
            "c3d m.nii -trim 0vox -o out.nii", "extract(b, bounding_box(b)[1], bounding_box(b)[0])"
        ),
        Row("c3d v.nii -pad 1x1x1vox 2x2x2vox 0 -o out.nii", "simpleitk.ConstantPad(v, 1, 2, 0)"),
        Row("c3d v.nii -slice z 5 -o out.nii", "slice_volume(v, 2, 5)"),
    ),
    "measures": (
        Row(
            "c3d v.nii -voxel-sum",
            "avg(v, tt) * volume(tt)",
            prints=True,
            tolerance=5,
            reason=_DIGITS,
        ),
        Row("c3d m.nii -voxel-integral", "volume_mm3(b)", "mm³", prints=True),
        Row(
            "c3d v.nii l.nii -lstat",
            "for row in label_statistics(l, v) do [row[0], row[2], row[3], row[5], row[4], row[1]]",
            "label, mean, standard deviation of a sample, greatest, least, voxels; c3d adds label 0, mm³ and the extent",
            python="vx.map(lambda row: [row[0], row[2], row[3], row[5], row[4], row[1]], vx.label_statistics(l, v))",
            prints=True,
            columns=6,
            tolerance=1e-4,
            reason="c3d prints five decimals",
        ),
        Row(
            "c3d m.nii w.nii -threshold 101 inf 1 0 -overlap 1",
            "[1, volume(b), volume(c), volume(b & c), dice(b, c), jaccard(b, c)]",
            "label, voxels of either, of both, Dice, Jaccard; c is `w > 100`",
            prints=True,
            tolerance=1e-6,
            reason=_DIGITS,
        ),
    ),
}
