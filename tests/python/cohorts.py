"""Cohorts of the Python interface for tests, over the cases of the fixture ``desk``."""

from __future__ import annotations

from typing import Any

import voxgpu

PROGRAM = """
load v = "$V"
print "bright" volume(v > $T)
print "range" [min(v), max(v)]
print "what" "at $T"
"""

TEMPLATE = {"V": "{path}/v.nii"}


def prepared(cases: Any = "data/*/", **options: Any) -> voxgpu.Cohort:
    """A cohort with a sweep in this process; ``options`` replace what it is given."""
    given: dict[str, Any] = {"sweep": {"T": [5, 15]}, "define": TEMPLATE, "workers": 0}
    return voxgpu.cohort("p.imgql", cases, progress=False, **{**given, **options})
