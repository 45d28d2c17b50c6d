"""Rows about SimpleITK."""

from tests.docs.tools.row import Row

_FLOAT64 = "SimpleITK computes in float64"

SECTIONS = {
    "thresholds": (
        Row("v > 100", "v > 100"),
        Row("sitk.BinaryThreshold(v, 100, 300)", "between(100, 300, v)", "both ends included"),
        Row("sitk.Threshold(v, 100, 1e9, 0)", "mask(v, v >= 100)"),
        Row(
            "sitk.OtsuThreshold(v, 0, 1, 128)",
            "otsu(v, tt, 128)",
            "true above the threshold; SimpleITK's own values are 1 below it: inside 1, outside 0",
        ),
        Row(
            "sitk.OtsuThreshold(v, m, 0, 1, 128, True, 1)",
            "otsu(v, b, 128)",
            "the mask value is 255 in SimpleITK unless given",
        ),
        Row("sitk.Clamp(v, sitk.sitkFloat32, 0, 300)", "clamp(v, 0, 300)"),
    ),
    "arithmetic": (
        Row(
            "v * 2 + 10",
            "v * 2 + 10",
            "numbers are float32 here whatever the file holds: no int16 wraps, no integer division",
        ),
        Row(
            "sitk.Cast(v, sitk.sitkFloat32) / sitk.Cast(w, sitk.sitkFloat32)",
            "v / w",
            "±inf and NaN where w is 0, in both",
            tolerance=1e-4,
            reason="SimpleITK divides in float64",
        ),
        Row("sitk.Sqrt(v)", "sqrt(v)"),
        Row("sitk.Log(v)", "log(v)"),
        Row("sitk.Exp(v / 100)", "exp(v / 100)", tolerance=1e-3, reason=_FLOAT64),
        Row("sitk.Abs(v)", "abs(v)"),
        Row("sitk.Round(v)", "floor(v + 0.5)", "ITK rounds halves up, `round(v)` to even"),
        Row(
            "sitk.Maximum(v, sitk.Cast(w, sitk.sitkFloat32))",
            "overlayB(v < w, v, w)",
            "`max(v)` is a number: the greatest voxel",
        ),
        Row(
            "sitk.RescaleIntensity(v, 0, 1)",
            "(v - min(v)) / (max(v) - min(v))",
            tolerance=1e-6,
            reason=_FLOAT64,
        ),
    ),
    "masks": (
        Row("sitk.Mask(v, m)", "mask(v, b)"),
        Row("sitk.Not(m)", "!b", "`~m` turns the bits: 254 and 255, of uint8"),
        Row("b & (w > 100)", "b & c", "c is `w > 100`"),
        Row("b | (w > 100)", "b | c"),
    ),
    "morphology": (
        Row(
            "sitk.BinaryDilate(m, [1, 1, 1], sitk.sitkBox)",
            "near(b)",
            "SimpleITK's own kernel is a ball",
        ),
        Row(
            "sitk.BinaryDilate(m, [2, 2, 1])",
            "simpleitk.BinaryDilate(b, [2, 2, 1], simpleitk.sitkBall, 0, 1) > 0",
            "an ellipsoid in voxels; `dilate(b, 2)` is a ball of 2 mm",
        ),
        Row(
            "sitk.BinaryErode(m, [1, 1, 1], sitk.sitkBox)",
            "interior(b)",
            "outside the image counts as true in both",
        ),
        Row(
            "sitk.BinaryMorphologicalOpening(m, [1, 1, 1], sitk.sitkBox)",
            "near(interior(b))",
            "`imopen(b, mm)` for a ball in mm",
        ),
        Row("sitk.BinaryFillhole(m)", "fill_holes(b)", "the background connected by faces"),
        Row(
            "sitk.BinaryFillhole(m, True)",
            "!touch(!b, border)",
            "the background connected by faces, edges and corners",
        ),
    ),
    "components": (
        Row(
            "sitk.ConnectedComponent(m, True)",
            "lcc(b)",
            "26 neighbors; SimpleITK connects by faces without `True`",
        ),
        Row("sitk.RelabelComponent(sitk.ConnectedComponent(m, True))", "ranked_components(b)"),
        Row(
            "sitk.RelabelComponent(sitk.ConnectedComponent(m, True)) == 1",
            "maxvol(b)",
            "in case of a tie `maxvol` keeps all; `component(b, 1)` one",
        ),
        Row(
            "sitk.RelabelComponent(sitk.ConnectedComponent(m, True), 50) > 0",
            "fold(or, ff, filter r in components(b) do volume(r) >= 50)",
            "the components of at least 50 voxels",
            python="",
        ),
        Row(
            "sitk.RelabelComponent(sitk.ConnectedComponent(m)) == 1",
            "simpleitk.RelabelComponent(simpleitk.ConnectedComponent(b)) == 1",
            "connected by faces only",
        ),
        Row("sitk.BinaryReconstructionByDilation(w > 250, m, 0, 1, True)", "through(w > 250, b)"),
    ),
    "distances": (
        Row(
            "sitk.SignedMaurerDistanceMap(m, False, False, True)",
            "dt(b)",
            "mm only with the last `True`; +inf here if b is empty",
        ),
        Row(
            "sitk.Clamp(sitk.SignedMaurerDistanceMap(m, False, False, True), sitk.sitkFloat32, 0, 1e9)",
            "pdt(b)",
            "`DanielssonDistanceMap` is an approximation: it differs in some voxels",
        ),
    ),
    "filters": (
        Row(
            "sitk.DiscreteGaussian(v, 1.0)",
            "simpleitk.DiscreteGaussian(v, 1)",
            "the variance in mm²; `gaussian(v, 1)` has the standard deviation, and samples of the Gaussian as weights",
        ),
        Row(
            "sitk.SmoothingRecursiveGaussian(v, 1.0)",
            "simpleitk.SmoothingRecursiveGaussian(v, 1)",
            "the standard deviation in mm, approximated; `gaussian(v, 1)` is not",
        ),
        Row(
            "sitk.Median(v, [2, 1, 1])",
            "median_filter(v, 2)",
            "the radius in voxels there, in mm here: spacings are 1, 1.25 and 2 mm",
        ),
        Row("sitk.GradientMagnitude(v)", "gradient(v)"),
    ),
    "grids": (
        Row(
            "sitk.Resample(v, t, sitk.Transform(), sitk.sitkLinear)",
            "resample(v, t)",
            tolerance=1e-3,
            reason="SimpleITK interpolates float32 lines in steps",
        ),
        Row(
            "sitk.Resample(l, t, sitk.Transform(), sitk.sitkNearestNeighbor)",
            "resample(l, t)",
            "an image of integers takes the nearest voxel by itself",
        ),
        Row(
            "sitk.Resample(v, t, sitk.Transform(), sitk.sitkBSpline)",
            'resample(v, t, "bspline")',
            tolerance=1e-3,
            reason="likewise",
        ),
        Row(
            "v[2:7, 3:9, 1:5]",
            "extract(v, [5, 6, 4], [2, 3, 1])",
            "size and first voxel, in the order x, y, z",
        ),
        Row("v[:, :, 5:6]", "slice_volume(v, 2, 5)", "it stays 3-D"),
        Row("sitk.ConstantPad(v, [1, 1, 1], [2, 2, 2], 0)", "simpleitk.ConstantPad(v, 1, 2, 0)"),
    ),
    "measures": (
        Row(
            "sitk.GetArrayViewFromImage(m).sum()",
            "volume(b)",
            "voxels; mm³: `volume_mm3(b)`",
            prints=True,
        ),
        Row("sitk.MinimumMaximum(v)", "[min(v), max(v)]", "NaN does not count here", prints=True),
        Row(
            "np.percentile(sitk.GetArrayViewFromImage(v), 90)",
            "percentile(v, tt, 90)",
            prints=True,
            tolerance=1e-4,
            reason="NumPy interpolates in float32",
        ),
        Row(
            "(f := sitk.LabelIntensityStatisticsImageFilter()).Execute(l, v) or [[n, f.GetNumberOfPixels(n), f.GetMean(n), f.GetStandardDeviation(n), f.GetMinimum(n), f.GetMaximum(n)] for n in f.GetLabels()]",
            "label_statistics(l, v)",
            "standard deviations of a sample in both",
            prints=True,
            tolerance=1e-6,
            reason="the sum in another order",
        ),
        Row(
            "(f := sitk.LabelOverlapMeasuresImageFilter()).Execute(b, w > 100) or [f.GetDiceCoefficient(), f.GetJaccardCoefficient()]",
            "[dice(b, c), jaccard(b, c)]",
            "NaN here if both are empty",
            prints=True,
        ),
    ),
}
