"""``voxgpu bids``, and what is said of datasets that are not as they should be."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.cli.command import voxgpu
from tests.cohorts.bids.made import dataset, sessions, validated
from tests.cohorts.tables import comparable, csv_rows

PROGRAM = 'load f = "$FLAIR"\nprint "bright" volume(f > $T)\nsave "bright.nii.gz" f > $T\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text(PROGRAM)
    return tmp_path


def _table(path: Path) -> list[dict[str, str]]:
    return comparable(csv_rows(path))


def test_an_app_does_what_a_cohort_does(desk: Path) -> None:
    sessions(desk / "ds")
    labels = ("--participant-label", "sub-01", "03", "--session", "ses-pre")
    words = ("bids", "ds", "out", "participant", "--program", "p.imgql", "-D", "T=50")
    ended = voxgpu(*words, *labels, "--skip-bids-validation", cwd=desk)
    assert ended.status == 0, ended.err
    first = voxgpu("bids", *labels[:2], *words[1:], "--list", cwd=desk)
    assert first.status == 0 and "2 cases" in first.err, first.err
    several = ("--participant-label", "01,sub-03", "--session", "pre", "--session_label", "pre")
    cohort = ("cohort", "p.imgql", "--bids", "ds", "-o", "same", "-D", "T=50", *several)
    assert voxgpu(*cohort, cwd=desk).status == 0
    files = [
        sorted(str(each.relative_to(desk / out)) for each in (desk / out).rglob("*"))
        for out in ("out", "same")
    ]
    assert files[0] == files[1] and len([x for x in files[0] if x.endswith(".nii.gz")]) == 2
    name = "cohort.sub-01+03_ses-pre.csv"
    tables = [_table(desk / out / "logs" / name) for out in ("out", "same")]
    assert tables[0] == tables[1] and len(tables[0]) == 2


@pytest.mark.slow
def test_parts_are_merged_at_the_level_of_the_group(desk: Path) -> None:
    sessions(desk / "ds")
    words = ("bids", "ds", "out", "participant", "--program", "p.imgql", "-D", "T=50")
    for part in ("1/2", "2/2"):
        assert voxgpu(*words, "--part", part, cwd=desk).status == 0
    assert not (desk / "out" / "phenotype").exists()
    group = voxgpu("bids", "ds", "out", "group", "--program", "p.imgql", cwd=desk)
    assert group.status == 0 and "6 rows, 0 failed" in group.err, group.err
    assert "left out" not in group.err
    whole = voxgpu("bids", "ds", "one", *words[3:], cwd=desk)
    assert whole.status == 0
    for name in ("logs/cohort.csv", "phenotype/cohort_ses-pre.tsv"):
        one, out = desk / "one" / name, desk / "out" / name
        same = _table(one) == _table(out) if "logs" in name else one.read_text() == out.read_text()
        assert same, name
    assert validated(desk / "out") == {}
    # Jobs of participants have journals of their own; the latest program is that of the group.
    (desk / "p.imgql").write_text(PROGRAM + 'print "more" "$sub"\n')
    for label in ("03", "01"):
        assert voxgpu(*words, "--participant-label", label, cwd=desk).status == 0
    group = voxgpu("bids", "ds", "out", "group", "--summary", cwd=desk)
    assert group.status == 0 and "4 rows, 0 failed" in group.err, group.err
    assert group.err.count("left out: out/logs/cohort.part-") == 2 and "bright" in group.out
    rows = _table(desk / "out" / "logs" / "cohort.csv")
    assert [(row["case"], row["more"]) for row in rows] == [
        (f"sub-{n}_ses-{ses}", n) for n in ("01", "03") for ses in ("post", "pre")
    ]
    assert validated(desk / "out") == {}
    early = voxgpu("bids", "ds", "nothing", "group", cwd=desk)
    assert early.status == 1 and "run the level participant first" in early.err


def test_wrong_usage(desk: Path) -> None:
    sessions(desk / "ds")
    for words, status, said in (
        (("bids", "ds", "out", "participant"), 2, "needs a program"),
        (("bids", "ds", "out", "session"), 2, "participant"),
        (("cohort", "p.imgql", "--bids", "ds", "--cases", "x/*/"), 2, "--cases or --bids, not"),
        (("cohort", "p.imgql", "--bids", "ds", "--entity", "run"), 2, "NAME=VALUE"),
        (("cohort", "p.imgql", "--bids", "ds", "--entity", "sub=1"), 2, "options of their own"),
        (("cohort", "p.imgql", "--bids", "gone"), 1, "no such folder"),
        (("cohort", "p.imgql", "--bids", "p.imgql"), 1, "it is no folder"),
        (("cohort", "p.imgql", "--bids", "ds", "--participant-label", "9"), 1, "no participant"),
    ):
        ended = voxgpu(*words, cwd=desk)
        assert (ended.status, said in ended.err) == (status, True), ended.err


def test_what_is_missing_is_listed(desk: Path) -> None:
    """Images that only some cases have, that are there twice, and that are left out."""
    dataset(
        desk / "ds",
        [
            *("sub-1/anat/sub-1_FLAIR", "sub-2/anat/sub-2_T1w", "sub-3/anat/sub-3_acq-a_FLAIR"),
            *("sub-3/anat/sub-3_acq-b_FLAIR", "sub-4/anat/sub-4_FLAIR", "sub-4/anat/scan"),
            "sub-4/anat/sub-4_acq-a_FLAIR",
        ],
    )
    words = ("cohort", "p.imgql", "--bids", "ds", "-D", "T=50")
    listed = voxgpu(*words, "--list", cwd=desk)
    assert listed.status == 0
    assert [each for each in listed.lines if "missing" in each] == [
        "  missing: $FLAIR: `ds/sub-2` has no such image",
        "  missing: $FLAIR: there are 2 images of this suffix, which acq tells apart: "
        "$acq_a_FLAIR, $acq_b_FLAIR",
    ]
    assert "4 cases; 2 lack files" in listed.err
    assert "left out: sub-4/anat/scan.nii.gz: its name is not one of BIDS" in listed.err
    warned = "warning: $FLAIR of sub-4: it is `sub-4_FLAIR.nii.gz`; there is $acq_a_FLAIR besides"
    assert warned in listed.err
    ended = voxgpu(*words, "-o", "out", cwd=desk)
    assert ended.status == 3 and warned in ended.err, ended.err
    rows = _table(desk / "out" / "logs" / "cohort.csv")
    assert [row["status"] for row in rows] == ["done", "failed", "failed", "done"]
    assert "p.imgql:1:11: E104: the case has no `$FLAIR`: `ds/sub-2` has no" in rows[1]["error"]
    chosen = voxgpu(*words, "-o", "out", "--entity", "acquisition=a", cwd=desk)
    assert "run again" in chosen.err and warned not in chosen.err
    rows = _table(desk / "out" / "logs" / "cohort.csv")
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done"]
    assert validated(desk / "out") == {}


def test_an_empty_dataset_and_a_broken_one(desk: Path) -> None:
    dataset(desk / "ds", [])
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", "-D", "T=50")
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 1 and "it has no images of participants" in ended.err
    dataset(desk / "ds", ["sub-1/anat/sub-1_FLAIR"])
    (desk / "ds" / "dataset_description.json").write_text("{")
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 1 and "it is no JSON" in ended.err
    assert not (desk / "out").exists()
    ended = voxgpu(*words, "--skip-bids-validation", cwd=desk)
    assert ended.status == 0 and validated(desk / "out") == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_dataset_that_cannot_be_written(desk: Path) -> None:
    dataset(desk / "ds", ["sub-1/anat/sub-1_FLAIR"])
    for each in [*(desk / "ds").rglob("*"), desk / "ds"]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    words = ("cohort", "p.imgql", "--bids", "ds", "-D", "T=50")
    assert voxgpu(*words, "-o", "out", cwd=desk).status == 0
    ended = voxgpu(*words, "-o", "ds/derivatives/v", cwd=desk)
    assert ended.status == 1 and "ds/derivatives" in ended.err
    for look in ("--list", "--check"):
        words = ("cohort", "../p.imgql", "--bids", ".", "-D", "T=50", look)
        assert voxgpu(*words, cwd=desk / "ds").status == 0
    (desk / "ds" / "dataset_description.json").chmod(0)
    ended = voxgpu(*words, cwd=desk / "ds")
    assert ended.status == 1 and "dataset_description.json`: permission denied" in ended.err
    for each in [desk / "ds", *(desk / "ds").rglob("*")]:
        each.chmod(0o755)


def test_who_lacks_ancpbids_is_told_what_to_install(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxgpu.cohorts.bids.dataset import read_dataset
    from voxgpu.files.errors import FileError

    monkeypatch.setitem(__import__("sys").modules, "ancpbids.utils", None)
    with pytest.raises(FileError, match="it needs ancpbids") as told:
        read_dataset(dataset(desk / "ds", []))
    assert told.value.help == "pip install 'voxgpu[bids]'"


@pytest.mark.slow
def test_workers_write_the_same_derivative(desk: Path) -> None:
    pytest.importorskip("distributed")
    sessions(desk / "ds")
    words = ("cohort", "p.imgql", "--bids", "ds", "--sweep", "T=50,60")
    for workers, place in (("0", "here"), ("2", "there")):
        ended = voxgpu(*words, "-o", place, "--workers", workers, cwd=desk)
        assert ended.status == 0, ended.err
    when = re.compile(rb'"(?:Seconds|Date)": [^\n]*')
    here, there = (
        {
            str(each.relative_to(desk / place)): when.sub(b"", each.read_bytes())
            for each in (desk / place).rglob("*")
            if each.is_file() and each.parent.name != "logs"
        }
        for place in ("here", "there")
    )
    assert here == there and len(here) > 24
