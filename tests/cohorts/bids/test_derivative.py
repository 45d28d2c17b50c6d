"""What a program computes from a BIDS dataset is a BIDS derivative: the validator says so."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.cohorts.bids.made import dataset, image, sessions, validated
from tests.cohorts.tables import csv_rows

PROGRAM = """
load f = "$FLAIR"
load t = "$T1w"
let bright = f > $T
print "bright" volume(bright)
print "who" "$sub"
print "status" [max(f), max(t)]
save "bright_mask.nii.gz" bright
save "diff.nii.gz" f - t
save "parts/large ones.nii" lcc(f > 50)
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text(PROGRAM)
    sessions(tmp_path / "ds")
    return tmp_path


def _values(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_a_derivative_is_valid_and_right(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", "--sweep", "T=50,60.5")
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 0, ended.err
    assert validated(desk / "out") == {}
    anat = desk / "out" / "sub-02" / "ses-post" / "anat"
    assert sorted(each.name for each in anat.glob("*.nii*")) == [
        f"sub-02_ses-post_desc-{each}"
        for each in (
            *("brightT50_mask.nii.gz", "brightT60p5_mask.nii.gz", "diffT50_FLAIR.nii.gz"),
            *("diffT60p5_FLAIR.nii.gz", "partsLargeOnesT50_dseg.nii"),
            "partsLargeOnesT60p5_dseg.nii",
        )
    ]
    source = desk / "ds" / "sub-02" / "ses-post" / "anat" / "sub-02_ses-post_FLAIR.nii.gz"
    mask = anat / "sub-02_ses-post_desc-brightT60p5_mask"
    assert (_values(mask.with_suffix(".nii.gz")) == (_values(source) > 60.5)).all()
    uri = "bids:raw:sub-02/ses-post/anat/sub-02_ses-post_"
    told = json.loads(mask.with_suffix(".json").read_text())
    own = told.pop("Voxgpu")
    assert own["Definitions"]["T"] == "60.5" and own["Inputs"][0]["Path"] == f"{uri}FLAIR.nii.gz"
    assert (
        own["Definitions"]["FLAIR"] == f"{uri}FLAIR.nii.gz" and own["Program"]["Path"] == "p.imgql"
    )
    assert str(desk) not in json.dumps(own)
    assert told == {
        "Description": "bright_mask.nii.gz, saved by p.imgql",
        "Sources": [f"{uri}FLAIR.nii.gz"],
        "SpatialReference": f"{uri}FLAIR.nii.gz",
        "Type": "ROI",
        "SweptVariables": {"T": 60.5},
    }
    diff = json.loads((anat / "sub-02_ses-post_desc-diffT50_FLAIR.json").read_text())
    assert diff["Sources"] == [f"{uri}FLAIR.nii.gz", f"{uri}T1w.nii.gz"]
    assert diff["SkullStripped"] is False
    about = json.loads((desk / "out" / "dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative" and about["SourceDatasets"] == [{"URL": "../ds"}]
    (by,) = about["GeneratedBy"]
    assert by["Name"] == "voxgpu" and by["Version"]
    assert by["Description"] == "voxgpu cohort p.imgql --bids ds --sweep T=50,60.5"
    assert str(desk) not in json.dumps(about)
    with (desk / "out" / "phenotype" / "cohort_ses-post_T-60p5.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [each["participant_id"] for each in rows] == ["sub-01", "sub-02", "sub-03"]
    assert float(rows[1]["bright"]) == (_values(source) > 60.5).sum()
    assert rows[1]["who"] == "02" and json.loads(rows[1]["printed:status"])[0] == 99
    whole = csv_rows(desk / "out" / "logs" / "cohort.csv")
    assert len(whole) == 12 and whole[0]["case"] == "sub-01_ses-post"


def test_the_validator_refuses_what_is_wrong(desk: Path) -> None:
    voxgpu("cohort", "p.imgql", "--bids", "ds", "-o", "out", "-D", "T=50", cwd=desk)
    anat = desk / "out" / "sub-01" / "ses-pre" / "anat"
    name = anat / "sub-01_ses-pre_desc-diff_FLAIR.json"
    assert validated(desk / "out") == {}
    name.unlink()
    assert set(validated(desk / "out")) == {"SIDECAR_KEY_REQUIRED"}
    shutil.copy(
        anat / "sub-01_ses-pre_desc-bright_mask.nii.gz",
        anat / "sub-01_ses-pre_bright_mask.nii.gz",
    )
    told = validated(desk / "out")
    assert any("sub-01_ses-pre_bright_mask" in each for found in told.values() for each in found)


@pytest.mark.slow
def test_masks_and_labels_of_every_kind_of_image_are_valid(tmp_path: Path) -> None:
    """Also from images whose entities masks must not have, and from derivatives."""
    images = {
        "bold": "func/sub-01_task-rest_dir-AP_run-1_bold",
        "sbref": "func/sub-01_task-rest_run-1_sbref",
        "dwi": "dwi/sub-01_dir-AP_run-1_dwi",
        "asl": "perf/sub-01_asl",
        "pet": "pet/sub-01_trc-FDG_pet",
        "phasediff": "fmap/sub-01_run-1_phasediff",
        "MP2RAGE": "anat/sub-01_inv-1_part-mag_MP2RAGE",
        "MTS": "anat/sub-01_flip-1_mt-on_MTS",
        "T1map": "anat/sub-01_T1map",
        "ce_gd_T1w": "anat/sub-01_ce-gd_T1w",
        "space_T1w_desc_pre_T2w": "anat/sub-01_space-T1w_desc-pre_T2w",
        "res_2_T2w": "anat/sub-01_res-2_T2w",
    }
    dataset(tmp_path / "ds", [f"sub-01/{each}" for each in images.values()])
    without_numbers = ("bold", "dwi", "phasediff")
    lines = []
    for name in images:
        lines += [f'load i{name} = "${name}"', f'save "m{name}.nii.gz" i{name} > 50']
        lines += [f'save "l{name}.nii.gz" lcc(i{name} > 50)']
        if name not in without_numbers:
            lines += [f'save "n{name}.nii.gz" i{name} * 2']
    (tmp_path / "p.imgql").write_text("\n".join(lines))
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out")
    ended = voxgpu(*words, cwd=tmp_path)
    assert ended.status == 0, ended.err
    assert validated(tmp_path / "out") == {}
    saved = sorted(each.name for each in (tmp_path / "out").rglob("*.nii.gz"))
    assert len(saved) == 3 * len(images) - len(without_numbers)
    for name in without_numbers:
        (tmp_path / "p.imgql").write_text(f'load i = "${name}"\nsave "n.nii.gz" i * 2\n')
        checked = voxgpu(*words, "--check", cwd=tmp_path)
        assert f"BIDS has no name for `n.nii.gz`, an image of numbers computed from `{name}`" in (
            checked.out
        )


def test_what_a_source_says_of_itself_is_said_of_what_is_computed(tmp_path: Path) -> None:
    """By inheritance: a file at the root, and one beside the image."""
    dataset(tmp_path / "ds", [f"sub-{n}/anat/sub-{n}_T1w" for n in ("1", "2")])
    (tmp_path / "ds" / "T1w.json").write_text('{"SkullStripped": true}')
    (tmp_path / "ds" / "sub-2" / "anat" / "sub-2_T1w.json").write_text('{"SkullStripped": false}')
    (tmp_path / "p.imgql").write_text('load t = "$T1w"\nsave "d.nii.gz" t * 2\n')
    away = ("-D", f"A={tmp_path}/a.nii", "--sweep", f"B={tmp_path}/b.nii")
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", *away)
    assert voxgpu(*words, cwd=tmp_path).status == 0
    # Nothing says where that was.
    about = (tmp_path / "out" / "dataset_description.json").read_text()
    assert "--bids ds -D A=a.nii --sweep B=b.nii" in about
    assert not any(str(tmp_path) in x.read_text() for x in (tmp_path / "out").rglob("*.json"))
    for number, stripped in (("1", True), ("2", False)):
        path = tmp_path / "out" / f"sub-{number}" / "anat" / f"sub-{number}_desc-dBBNii_T1w.json"
        assert json.loads(path.read_text())["SkullStripped"] is stripped
    assert validated(tmp_path / "out") == {}


def test_values_of_swept_variables_in_json(desk: Path) -> None:
    """Numbers as tables have them; what JSON has no number for is a text."""
    values = {
        **{"5": 5, "-0.5": -0.5, "1e3": 1000.0, "inf": "inf", "nan": "nan", "1e999": "1e999"},
        **{"007": "007", "1_0": "1_0", "c/d": "c/d", "/a/b": "b"},
    }
    words = ("--bids", "ds", "-o", "out", "--participant-label", "01", "--session", "pre")
    (desk / "p.imgql").write_text('load f = "$FLAIR"\nsave "m.nii.gz" f > 5\n')
    ended = voxgpu("cohort", "p.imgql", *words, "--sweep", "T=" + ",".join(values), cwd=desk)
    assert ended.status == 0, ended.err
    found = [
        json.loads(each.read_text(), parse_constant=pytest.fail)["SweptVariables"]["T"]
        for each in (desk / "out" / "sub-01").rglob("*_mask.json")
    ]
    assert sorted(map(repr, found)) == sorted(map(repr, values.values()))


def test_saves_that_a_derivative_cannot_have(desk: Path) -> None:
    image(desk / "a.nii.gz")

    def check(text: str, *words: str) -> str:
        (desk / "p.imgql").write_text(f'load f = "$FLAIR"\n{text}\n')
        more = ("-o", "out", "--participant-label", "01", "--session", "pre")
        ended = voxgpu("cohort", "p.imgql", "--bids", "ds", *more, "--check", *words, cwd=desk)
        assert ended.status == 1 and not (desk / "out").exists()
        return ended.out + ended.err

    assert "`a.mha` cannot be in a BIDS derivative" in check('save "a.mha" f > 1')
    alone = check('load x = "/$AWAY"\nsave "a.nii.gz" x * 2', "-D", f"AWAY={desk / 'a.nii.gz'}")
    assert "BIDS has no name for `a.nii.gz`, an image of numbers that no image of" in alone
    both = 'save "a_b.nii.gz" f > 1\nsave "aB.nii.gz" f > 2'
    assert "would both be `sub-01/ses-pre/anat/sub-01_ses-pre_desc-aB_mask.nii.gz`" in check(both)
    swept = ("--sweep", "X=a b,a/b")
    assert "X=a b and X=a/b would have one name" in check('save "$X.nii.gz" f > 1', *swept)


def test_places_that_are_of_others(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--bids", "ds", "-D", "T=50")
    for place, said in (("ds", "in the dataset that is read"), ("ds/anat", "in the dataset")):
        ended = voxgpu(*words, "-o", place, cwd=desk)
        assert ended.status == 1 and said in ended.err, ended.err
        assert "-o ds/derivatives/voxgpu" in ended.err
    (desk / "other").mkdir()
    about = {"Name": "o", "GeneratedBy": [{"Name": "fmriprep"}]}
    (desk / "other" / "dataset_description.json").write_text(json.dumps(about))
    ended = voxgpu(*words, "-o", "other", cwd=desk)
    assert ended.status == 1 and "it has a dataset by fmriprep" in ended.err
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 2 and "-o ds/derivatives/voxgpu" in ended.err
    ended = voxgpu(*words, "-o", "ds/derivatives/v", "--participant-label", "01", cwd=desk)
    assert ended.status == 0, ended.err
    assert validated(desk / "ds" / "derivatives" / "v") == {}
    about = json.loads((desk / "ds/derivatives/v/dataset_description.json").read_text())
    assert about["DatasetLinks"] == {"raw": "../.."}


@pytest.mark.slow
def test_a_derivative_is_read_with_the_dataset(desk: Path) -> None:
    first = ("cohort", "p.imgql", "--bids", "ds", "-o", "one", "-D", "T=50")
    assert voxgpu(*first, cwd=desk).status == 0
    (desk / "q.imgql").write_text(
        'load m = "$desc_bright_mask"\nload t = "$T1w"\nprint "mean" avg(t, m > 0)\n'
        'save "inside.nii.gz" (t > 50) & (m > 0)\n'
    )
    words = ("cohort", "q.imgql", "--bids", "ds", "--derivatives", "one", "-o", "two")
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 0, ended.err
    assert validated(desk / "two") == {}
    path = desk / "two" / "sub-01/ses-pre/anat/sub-01_ses-pre_desc-inside_mask.json"
    assert json.loads(path.read_text())["Sources"] == [
        "bids:deriv1:sub-01/ses-pre/anat/sub-01_ses-pre_desc-bright_mask.nii.gz",
        "bids:raw:sub-01/ses-pre/anat/sub-01_ses-pre_T1w.nii.gz",
    ]
    # A program that would overwrite what it reads is refused.
    text = 'load m = "$desc_bright_mask"\nsave "bright_mask.nii.gz" m > 5\n'
    (desk / "q.imgql").write_text(text)
    words = ("cohort", "q.imgql", "--bids", "ds", "--derivatives", "one", "-o", "one")
    refused = voxgpu(*words, cwd=desk)
    assert refused.status in (1, 3) and validated(desk / "one") == {}


def test_folders_and_files_that_are_links(desk: Path) -> None:
    """As datalad has them: names are those of links, whatever they lead to."""
    store = desk / "annex"
    (desk / "ds" / "sub-01" / "ses-pre" / "anat").rename(store)
    (desk / "ds" / "sub-01" / "ses-pre" / "anat").symlink_to(store)
    target = image(desk / "keys" / "ab12.nii.gz", 5)
    (store / "sub-01_ses-pre_FLAIR.nii.gz").unlink()
    (store / "sub-01_ses-pre_FLAIR.nii.gz").symlink_to(target)
    gone = desk / "ds" / "sub-03" / "ses-pre" / "anat" / "sub-03_ses-pre_T1w.nii.gz"
    gone.unlink()
    gone.symlink_to("../../../.git/annex/objects/x")
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", "-D", "T=50")
    listed = voxgpu(*words, "--list", cwd=desk)
    assert f"missing: {gone.relative_to(desk)}" in listed.out and "1 lack files" in listed.err
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 3 and "it is a link to" in ended.err
    assert validated(desk / "out") == {}
    path = desk / "out" / "sub-01/ses-pre/anat/sub-01_ses-pre_desc-bright_mask.json"
    (source,) = json.loads(path.read_text())["Sources"]
    assert source == "bids:raw:sub-01/ses-pre/anat/sub-01_ses-pre_FLAIR.nii.gz"
    with (desk / "out" / "phenotype" / "cohort_ses-pre.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(each["status"], each["bright"] == "n/a") for each in rows] == [
        *(("done", False), ("done", False), ("failed", True)),
    ]
