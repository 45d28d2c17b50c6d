"""The peak of memory is that of a case, not of the largest one before it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from voxgpu.cohorts.peak import peak_bytes, reset_peak

def take(megabytes):
    reset_peak()
    del_me = bytearray(megabytes << 20)
    del_me[::4096] = b"x" * len(del_me[::4096])
    del del_me
    return peak_bytes() >> 20

print(take(10), take(300), take(10))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can measure anew")
def test_the_peak_is_that_of_the_case() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    small, large, again = map(int, done.stdout.split())
    assert large > 300 and small < 200
    assert again < 200 or large == again  # where clear_refs is not allowed
