"""Cases of BIDS datasets: which there are, what their variables are, and what they lack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from voxgpu.cohorts.bids.cases import Selection, bids_cases
from voxgpu.cohorts.bids.dataset import bids_name, read_dataset
from voxgpu.cohorts.cases import Case
from voxgpu.files.errors import FileError

pytest.importorskip("ancpbids")


def _dataset(root: Path, *names: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    for name in names:
        path = root / (name if "." in name else f"{name}.nii.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def _cases(root: Path, **selection: object) -> dict[str, Case]:
    found = bids_cases([read_dataset(root)], Selection(**selection))  # type: ignore[arg-type]
    return {each.name: each for each in found}


def _images(case: Case) -> Mapping[str, str]:
    return {
        name: Path(path).name.removesuffix(".nii.gz")
        for name, path in case.values.items()
        if "/" in path
    }


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("sub-01_T1w.nii.gz", ({"sub": "01"}, "T1w", ".nii.gz")),
        ("sub-a+b_run-02_part-mag_bold.nii", ({"sub": "a+b", "run": "02", "part": "mag"}, "bold")),
        ("sub-01_acq-a-b_T1w.nii.gz", None),
        ("sub-01_sub-02_T1w.nii.gz", None),
        ("sub-_T1w.nii.gz", None),
        ("sub-01__T1w.nii.gz", None),
        ("sub-01_T1 w.nii.gz", None),
        ("sub-é_T1w.nii.gz", None),
        ("scan.nii.gz", None),
        ("T1w.json", None),
    ],
)
def test_names(name: str, parts: tuple[object, ...] | None) -> None:
    found = bids_name(name)
    expected = None if parts is None else parts[:2]
    assert (None if found is None else (dict(found.entities), found.suffix)) == expected


def test_sessions_are_cases(tmp_path: Path) -> None:
    """Some participants have sessions, some none."""
    root = _dataset(
        tmp_path / "ds",
        *("sub-b/ses-2/anat/sub-b_ses-2_T1w", "sub-b/ses-1/anat/sub-b_ses-1_T1w"),
        *("sub-b/ses-1/anat/sub-b_ses-1_FLAIR.nii", "sub-a/anat/sub-a_T1w"),
    )
    cases = _cases(root)
    assert list(cases) == ["sub-a", "sub-b_ses-1", "sub-b_ses-2"]
    case = cases["sub-b_ses-1"]
    assert case.path == str(root / "sub-b" / "ses-1")
    assert case.variables({"X": "{FLAIR}", "Y": "{sub}/{ses}"}) == {
        **{"NAME": "sub-b_ses-1", "CASE": case.path, "sub": "b", "ses": "1"},
        "T1w": str(root / "sub-b/ses-1/anat/sub-b_ses-1_T1w.nii.gz"),
        **{"FLAIR": (flair := str(root / "sub-b/ses-1/anat/sub-b_ses-1_FLAIR.nii")), "X": flair},
        "Y": "b/1",
    }
    assert cases["sub-a"].absent == {
        "ses": f"`{root / 'sub-a'}` has no such entity",
        "FLAIR": f"`{root / 'sub-a'}` has no such image",
    }
    assert list(_cases(root, participants=("b",), sessions=("2",))) == ["sub-b_ses-2"]
    assert list(_cases(root, sessions=("1",))) == ["sub-b_ses-1"]


def test_images_that_entities_tell_apart(tmp_path: Path) -> None:
    anat = "sub-1/anat/sub-1"
    root = _dataset(
        tmp_path / "ds",
        *(f"{anat}_T1w", f"{anat}_ce-gad_T1w", f"{anat}_acq-a_T2w", f"{anat}_acq-b_T2w"),
        *(f"{anat}_run-1_FLAIR", f"{anat}_PD.nii", f"{anat}_PD.nii.gz"),
    )
    (case,) = _cases(root).values()
    assert _images(case) == {
        **{"T1w": "sub-1_T1w", "ce_gad_T1w": "sub-1_ce-gad_T1w", "FLAIR": "sub-1_run-1_FLAIR"},
        **{"acq_a_T2w": "sub-1_acq-a_T2w", "acq_b_T2w": "sub-1_acq-b_T2w"},
        "run_1_FLAIR": "sub-1_run-1_FLAIR",
    }
    assert case.notes == {"T1w": "it is `sub-1_T1w.nii.gz`; there is $ce_gad_T1w besides"}
    assert case.absent["T2w"] == (
        "there are 2 images of this suffix, which acq tells apart: $acq_a_T2w, $acq_b_T2w"
    )
    assert "there are 2 files of this name: sub-1/anat/sub-1_PD.nii" in case.absent["PD"]
    (one,) = _cases(root, entities={"acq": ("b",), "ce": ("",)}).values()
    assert _images(one)["T2w"] == "sub-1_acq-b_T2w" and "ce_gad_T1w" not in one.values
    assert not one.notes and _images(one)["FLAIR"] == "sub-1_run-1_FLAIR"
    (enhanced,) = _cases(root, entities={"ce": ("gad",)}).values()
    assert _images(enhanced)["T1w"] == "sub-1_ce-gad_T1w" and "acq_a_T2w" in enhanced.values


def test_a_case_for_each_run(tmp_path: Path) -> None:
    """Images without a run are in the cases of all runs; 1 and 01 are one run."""
    anat = "sub-1/anat/sub-1"
    root = _dataset(
        tmp_path / "ds",
        *(
            f"{anat}_run-01_T1w",
            f"{anat}_run-2_T1w",
            f"{anat}_run-10_T1w",
            f"{anat}_run-1_T2w",
            f"{anat}_FLAIR",
        ),
        "sub-2/anat/sub-2_T1w",
    )
    cases = _cases(root, per=("run",))
    assert list(cases) == ["sub-1_run-01", "sub-1_run-2", "sub-1_run-10", "sub-2"]
    assert _images(cases["sub-1_run-01"]) == {
        **{"T1w": "sub-1_run-01_T1w", "T2w": "sub-1_run-1_T2w", "FLAIR": "sub-1_FLAIR"},
    }
    assert _images(cases["sub-1_run-2"]) == {"T1w": "sub-1_run-2_T1w", "FLAIR": "sub-1_FLAIR"}
    assert cases["sub-1_run-2"].values["run"] == "2" and "T2w" in cases["sub-1_run-2"].absent
    (one,) = _cases(root, entities={"run": ("1",)}, participants=("1",)).values()
    assert _images(one)["T1w"] == "sub-1_run-01_T1w"


def test_other_files_are_left_out(tmp_path: Path) -> None:
    root = _dataset(
        tmp_path / "ds",
        *("sub-1/anat/sub-1_T1w", "sub-1/anat/scan", "sub-1/anat/sub-2_T1w", "sub-1/sub-1_T2w"),
        *("sub-1/ses-1/anat/sub-1_ses-2_T1w", "sub-1/ses-1/anat/sub-1_T1w", "sub-1/anat/notes.txt"),
        *("sourcedata/sub-1/anat/sub-1_T1w", "code/sub-1_T1w", "sub-1/anat/.sub-1_PD"),
        *("derivatives/x/sub-1/anat/sub-1_T2w", "sub-1/anat/sub-1_T1w.json"),
    )
    (root / "sub-3" / "anat").mkdir(parents=True)
    (root / "participants.tsv").write_text("participant_id\tage\nsub-1\t4\nsub-9\t5\n")
    found = read_dataset(root)
    assert [each.relative for each in found.images] == ["sub-1/anat/sub-1_T1w.nii.gz"]
    assert [each.partition(": ")[0] for each in found.left_out] == [
        *("sub-1/sub-1_T2w.nii.gz", "sub-1/anat/scan.nii.gz", "sub-1/anat/sub-2_T1w.nii.gz"),
        "sub-1/ses-1/anat/sub-1_T1w.nii.gz",
        *("sub-1/ses-1/anat/sub-1_ses-2_T1w.nii.gz", "sub-3", "sub-9"),
    ]
    assert found.left_out[-1] == "sub-9: the participant has no images"


def test_a_pickle_in_a_dataset_is_not_loaded(tmp_path: Path) -> None:
    root = _dataset(tmp_path / "ds", "sub-1/anat/sub-1_T1w")
    touched = tmp_path / "touched"
    pickle = f"cposix\nsystem\n(S'touch {touched}'\ntR."
    (root / ".ancpbids-dataset.pickle").write_text(pickle)
    assert list(_cases(root)) == ["sub-1"] and not touched.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file: every BIDS dataset has one"),
        ("{", "it is no JSON"),
        ("[]", "it holds no JSON object"),
        ("{}", "it has no Name and no BIDSVersion"),
        ('{"Name": "x"}', "it has no BIDSVersion"),
        ("\xff", "it is no JSON"),
    ],
)
def test_descriptions_that_are_none(tmp_path: Path, text: str | None, said: str) -> None:
    root = _dataset(tmp_path / "ds", "sub-1/anat/sub-1_T1w")
    path = root / "dataset_description.json"
    path.unlink() if text is None else path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FileError, match=said) as told:
        read_dataset(root)
    assert "--skip-bids-validation" in told.value.help
    assert len(read_dataset(root, check=False).images) == 1


def test_labels_that_there_are_not(tmp_path: Path) -> None:
    root = _dataset(tmp_path / "ds", "sub-01/anat/sub-01_acq-x_T1w", "sub-02/anat/sub-02_T1w")
    for selection, said, help in (
        ({"participants": ("1",)}, "no participant `1` has images", "did you mean `01`?"),
        ({"participants": ("zz",)}, "no participant `zz`", "there are 01, 02"),
        ({"sessions": ("pre",)}, "no session `pre`", ""),
        ({"entities": {"acq": ("y",)}}, "no image has acq-y in its name", "there are x"),
        ({"per": ("run",)}, "no image has the entity `run`", "there are acq, sub"),
    ):
        with pytest.raises(FileError, match=said) as told:
            _cases(root, **selection)
        assert told.value.help == help
    with pytest.raises(FileError, match=f"it is in the dataset `{root}`"):
        read_dataset(root / "sub-01" / "anat")
    old = _dataset(root / "derivatives", "old/sub-01/anat/sub-01_T1w") / "old"
    with pytest.raises(FileError, match="no such file: every BIDS dataset has one"):
        read_dataset(old)
    assert len(read_dataset(old, check=False).images) == 1
    with pytest.raises(FileError, match="no such folder"):
        read_dataset(tmp_path / "gone")
    assert _cases(_dataset(tmp_path / "empty")) == {}
