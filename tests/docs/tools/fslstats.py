"""Rows about fslstats, which cannot be installed here: held to what its help says, in NumPy."""

from tests.docs.tools.row import Row

SECTIONS = {
    "fslstats": (
        Row("fslstats v -m", "avg(v, tt)", prints=True),
        Row("fslstats v -M", "avg(v, v != 0)", "the mean of nonzero voxels", prints=True),
        Row("fslstats v -k m -m", "avg(v, b)", "voxels of the mask that are 0 count", prints=True),
        Row("fslstats v -S", "stdev(v, v != 0)", "of a sample: n − 1", prints=True),
        Row("fslstats v -R", "[min(v), max(v)]", prints=True),
        Row("fslstats m -V", "[volume(b), volume_mm3(b)]", "voxels and mm³", prints=True),
        Row("fslstats m -C", "center_of_mass(b)", "voxels, from 0", prints=True),
        Row(
            "fslstats -K l v -m",
            "for row in label_statistics(l, v) do row[2]",
            "a number for each label; fslstats gives one for missing labels, too",
            python="vx.map(lambda row: row[2], vx.label_statistics(l, v))",
            prints=True,
        ),
    ),
}

#: What the help says of each command, as expressions of the arrays (z, y, x), in float64.
STATED = {
    "fslstats v -m": "v.mean()",
    "fslstats v -M": "v[v != 0].mean()",
    "fslstats v -k m -m": "v[m > 0].mean()",
    "fslstats v -S": "v[v != 0].std(ddof=1)",
    "fslstats v -R": "[v.min(), v.max()]",
    "fslstats m -V": "[(m != 0).sum(), (m != 0).sum() * 1.0 * 1.25 * 2.0]",
    "fslstats m -C": "[each.mean() for each in np.nonzero(m)[::-1]]",
    "fslstats -K l v -m": "[v[l == n].mean() for n in (1, 2, 5)]",
}
