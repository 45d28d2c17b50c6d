"""Scripts with ``voxgpu.cohort``, in processes: workers, clusters, Ctrl-C, loops left early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cohorts.tables import comparable, csv_rows
from tests.python.cohorts import TEMPLATE, prepared

SCRIPT = """
import os

import voxgpu

print("begins")
before = dict(os.environ)
cohort = voxgpu.cohort(
    "p.imgql", "data/*/", {"T": [5, 15]}, {"V": "{path}/v.nii"}, workers=2, table="t.csv"
)
print(sorted({row["worker"] for row in cohort}), cohort)
changed = {name for name in os.environ if os.environ[name] != before.get(name)}
print(changed - {"__DASK_PARENT_PID"})
"""


@pytest.mark.slow
def test_a_script_needs_no_guard_for_workers(desk: Path) -> None:
    pytest.importorskip("distributed")
    (desk / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=desk, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "begins",
        "['0', '1'] <voxgpu.Cohort: 4 cases × 2 combinations, 8 of 8 rows, 2 failed>",
        # The environment of workers is not that of the script.
        "set()",
    ]
    there = comparable(prepared(table="t.csv").table)
    assert there == comparable(prepared().table)


JOINED = """
import voxgpu
from distributed import Client, LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            for scheduler in (cluster, client, cluster.scheduler_address):
                cohort = voxgpu.cohort(
                    "p.imgql", "data/*/", {"T": [5]}, {"V": "{path}/v.nii"}, scheduler=scheduler
                )
                print([row.get("bright") for row in cohort.table], flush=True)
"""


@pytest.mark.slow
def test_clusters_and_clients_are_joined(desk: Path) -> None:
    pytest.importorskip("distributed")
    (desk / "script.py").write_text(JOINED)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=desk, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.splitlines() == ["[18.0, 24.0, None, 24.0]"] * 3, done.stderr


INTERRUPTED = """
import voxgpu

cases = {f"case{number}": "data/case0" for number in range(400)}
cohort = voxgpu.cohort(
    "p.imgql", cases, None, {"V": "{path}/v.nii", "T": 5}, workers=0, table="t.csv"
)
# with cohort:
for row in cohort:
    print("row", flush=True)
    # raise KeyboardInterrupt
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    "edits",
    [
        [],
        [("# with cohort:\nfor", "with cohort:\n  for")],
        [("# raise", "raise")],
        [("# with cohort:\nfor", "with cohort:\n  for"), ("# raise", "raise")],
    ],
    ids=["signal", "signal in with", "in the loop", "in the loop in with"],
)
def test_ctrl_c_leaves_a_table_that_is_gone_on_from(
    desk: Path, edits: list[tuple[str, str]]
) -> None:
    """Also if the script neither catches it nor has a ``with`` block."""
    script = INTERRUPTED
    for old, new in edits:
        assert old in script
        script = script.replace(old, new)
    (desk / "script.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=desk,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "row\n"
    if ("# raise", "raise") not in edits:
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode in (1, -signal.SIGINT) and said.endswith("KeyboardInterrupt\n"), said
    count = len(csv_rows(Path("t.csv")))
    assert 0 < count < 400
    cases = {f"case{number}": "data/case0" for number in range(400)}
    again = prepared(cases, sweep=None, define={**TEMPLATE, "T": 5}, table="t.csv")
    # A row may be in the journal when the interruption comes before it is in the table.
    assert any(f"{known} of 400 rows" in repr(again) for known in (count, count + 1))


#: A finalizer that another library made first ends after those of cohorts.
FINALIZED = """
import weakref

class Other:
    pass

other = Other()
weakref.finalize(other, lambda: None)
"""

BROKEN = INTERRUPTED.replace("    # raise KeyboardInterrupt", "    break")


@pytest.mark.slow
@pytest.mark.parametrize("script", [BROKEN, FINALIZED + BROKEN], ids=["alone", "finalizer"])
def test_a_script_that_ends_within_a_loop_leaves_a_table(desk: Path, script: str) -> None:
    (desk / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=desk, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("row\n", "")
    assert len(csv_rows(Path("t.csv"))) >= 1
