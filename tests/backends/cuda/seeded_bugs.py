"""Seeded bugs: changes to copies of our kernels, and the check that must detect each of them.

A missing barrier, an addition that is not atomic, a bound that is off by one: easy to write and
hard to notice. Each bug names the exercise that runs the kernel, and the leg that detects it first:
``plain`` (results under several orders of threads), ``bounds`` (ASan, UBSan) or ``races`` (TSan).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bug:
    """A change of a kernel's text.

    file      of ``kernels/``, without its suffix; ``fused`` is the header of generated kernels
    old, new  the replaced text; ``number`` selects the occurrence, from 0
    """

    file: str
    old: str
    new: str
    exercise: str
    leg: str
    number: int = 0

    def planted_in(self, file: str, text: str) -> str:
        """The text with the bug, or unchanged if the bug belongs in another file."""
        if file != self.file:
            return text
        place = self._place(text)
        return text[:place] + self.new + text[place + len(self.old) :]

    def changed_file(self, text: str) -> str:
        """The file of ``kernels/`` that is changed: a header, or the one that includes it."""
        return re.findall(r'#line 1 "([^"]+)"', text[: self._place(text)])[-1]

    def _place(self, text: str) -> int:
        place = -1
        for _ in range(self.number + 1):
            place = text.index(self.old, place + 1)
        return place


SYNC = "__syncthreads();"

BUGS = {
    "reduction: a block's sums without a barrier": Bug("fused", SYNC, "", "reductions", "plain", 0),
    "reduction: halves without a first barrier": Bug("fused", SYNC, "", "reductions", "plain", 4),
    "reduction: halves without a second barrier": Bug("fused", SYNC, "", "reductions", "plain", 5),
    "reduction: the row without a barrier": Bug("fused", SYNC, "", "reductions", "plain", 6),
    "reduction: a voxel too many is read": Bug(
        "fused", "first + N <= n", "first < n", "reductions", "bounds", 0
    ),
    "reduction: a voxel too many is written": Bug(
        "fused", "first + 4 <= n", "first < n", "reductions", "bounds", 0
    ),
    "reduction: the tail is left out": Bug(
        "fused", "first + lane < n", "first + lane < n - 1", "reductions", "plain", 1
    ),
    "box: rows without a barrier": Bug("dilation", SYNC, "", "boxes", "plain", 0),
    "box: words without a barrier": Bug("dilation", SYNC, "", "boxes", "plain", 1),
    "ball: planes without a barrier": Bug("dilation", SYNC, "", "balls", "plain", 5),
    "ball: words without an end": Bug(
        "dilation",
        "number < image.all_words()",
        "number <= image.all_words()",
        "balls",
        "bounds",
        1,
    ),
    "ball: rows of the mask without a barrier": Bug("dilation", SYNC, "", "balls", "plain", 8),
    "ball: a word beyond the image": Bug(
        "dilation", "(i64)shift + 16 <= count", "(i64)shift + 8 <= count", "balls", "bounds", 0
    ),
    "components: a lost union is not tried again": Bug(
        "components",
        "i32 seen = atomicCAS(&parents[one], one, other);",
        "i32 seen = atomicCAS(&parents[one], one, other); seen = one;",
        "through",
        "plain",
        0,
    ),
    "components: tiles without a barrier": Bug("components", SYNC, "", "through", "plain", 0),
    "components: tiles without a second barrier": Bug(
        "components", SYNC, "", "through", "plain", 1
    ),
    "components: counts that are not atomic": Bug(
        "components",
        "atomicAdd(&counts[voxel / CHUNK], 1)",
        "counts[voxel / CHUNK] += 1",
        "labels",
        "races",
        0,
    ),
    "components: bits that are not atomic": Bug(
        "components",
        "atomicOr(&firsts[voxel / 64], (u64)1 << voxel % 64)",
        "firsts[voxel / 64] |= (u64)1 << voxel % 64",
        "labels",
        "races",
        0,
    ),
    "components: sizes that are not atomic": Bug(
        "components_notes",
        "atomicAdd(&sizes[root], size)",
        "(sizes[root] += size) - size",
        "labels",
        "races",
        0,
    ),
    "ranks: digits without a barrier": Bug("components_ranks", SYNC, "", "labels", "plain", 3),
    "correlation: a tile without a barrier": Bug(
        "local_histogram", SYNC, "", "correlations", "plain", 2
    ),
    "correlation: faces without a barrier": Bug(
        "local_histogram", SYNC, "", "correlations", "plain", 5
    ),
    "correlation: bins counted without atomics": Bug(
        "local_histogram_bins",
        "atomicAdd(tally + found[lane], 1u)",
        "tally[found[lane]] += 1u",
        "correlations",
        "races",
        0,
    ),
    "correlation: rows counted without atomics": Bug(
        "local_histogram_rows",
        "atomicAdd(counts + code, 1u)",
        "counts[code]++",
        "correlations",
        "races",
        0,
    ),
    "percentile: counts that are not atomic": Bug(
        "percentiles", "atomicAdd(counter, amount)", "*counter += amount", "ranks", "races", 0
    ),
    "percentile: counters without a barrier": Bug("percentiles", SYNC, "", "ranks", "plain", 1),
    "percentile: counts before a place without a barrier": Bug(
        "percentiles_runs", SYNC, "", "sorted_ranks", "plain", 0
    ),
    "runs: keys without a barrier": Bug("percentiles_runs", SYNC, "", "sorted_ranks", "plain", 1),
    "sort: counts without a barrier": Bug("percentiles_sort", SYNC, "", "sorted_ranks", "plain", 1),
    "sort: scatter without a barrier": Bug(
        "percentiles_sort", SYNC, "", "sorted_ranks", "plain", 4
    ),
    "otsu: classes without a barrier": Bug("otsu", SYNC, "", "splits", "plain", 1),
    "otsu: counts that are not atomic": Bug(
        "otsu",
        "atomicAdd(frequencies + bin, (u64)sum)",
        "frequencies[bin] += sum",
        "splits",
        "races",
        0,
    ),
    "distance: range without a barrier": Bug("distance", SYNC, "", "distances", "races", 0),
    "distance: contours without a barrier": Bug("distance_pack", SYNC, "", "distances", "plain", 0),
    "distance: lines without a barrier": Bug("distance", SYNC, "", "distances", "plain", 2),
    "thresholds: counts without a barrier": Bug("threshold_counts", SYNC, "", "counts", "plain", 0),
    "gradient: a voxel beyond the row": Bug(
        "gradient", "if (x < image.width)", "if (x <= image.width)", "gradients", "bounds", 0
    ),
    "layout: the tail is written past its end": Bug(
        "channels", "first + 4 <= n", "first < n", "parts", "bounds", 0
    ),
}
