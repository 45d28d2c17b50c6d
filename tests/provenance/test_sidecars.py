"""The file beside a saved image: its content, its name, and what it never overwrites."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu
from tests.cli.command import voxgpu as command
from tests.provenance.conftest import PROGRAM, put
from voxgpu.execution import outputs
from voxgpu.files.write import file_digest
from voxgpu.provenance import sidecar_writer
from voxgpu.provenance.record import NotOfVoxgpu, Provenance


def _own(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["Voxgpu"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("store", ["kept", "none"])
def test_a_sidecar_tells_all(desk: Path, store: str) -> None:
    ended = command("run", "p.imgql", "-o", "o", "-D", "T=6", "--store", store, cwd=desk)
    assert ended.status == 0 and "warning" not in ended.err
    whole = json.loads((desk / "o/out/bright.json").read_text())
    assert whole["Description"] == "out/bright.nii.gz, saved by p.imgql"
    assert whole["Sources"] == [str(desk / "a.nii.gz")]
    own = whole["Voxgpu"]
    assert own["File"] == "bright.nii.gz" and own["Label"] == "out/bright.nii.gz"
    assert own["Digest"] == f"xxh3-128:{file_digest(desk / 'o/out/bright.nii.gz').hex()}"
    (id,) = own["Values"]
    shown = command("show", "p.imgql", "-D", "T=6", "--stage", "plan", "--format", "json", cwd=desk)
    assert id in shown.out
    assert own["Expression"] == "twice(bright)"
    assert [(each["Line"], each["Text"]) for each in own["Lines"]] == [
        (1, "let twice(x) = x | x"),
        (3, 'load a = "a.nii.gz"'),
        (6, "let level = $T * 10"),
        (7, "let bright =\n  a > level"),
        (9, 'save "out/bright.nii.gz" twice(bright)'),
    ]
    assert own["Lines"][0]["Path"].endswith("lib.imgql") and "Path" not in own["Lines"][1]
    program = own["Program"]
    assert program["Path"] == str(desk / "p.imgql") and program["Text"] == PROGRAM
    assert program["SHA256"] == sha256(PROGRAM.encode()).hexdigest()
    (imported,) = program["Imports"]
    assert imported["SHA256"] == sha256((desk / "lib.imgql").read_bytes()).hexdigest()
    assert own["Definitions"] == {"T": "6"} and own["Folder"] == str(desk)
    digest = sha256((desk / "a.nii.gz").read_bytes()).hexdigest()
    assert own["Inputs"] == [{"Path": str(desk / "a.nii.gz"), "SHA256": digest}]
    assert own["Versions"]["voxgpu"] == voxgpu.__version__ and own["Versions"]["NumPy"]
    assert own["Device"] == "cpu" and 0 <= own["Seconds"] < 600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", own["Date"])
    assert len(_own(desk / "o/sum.nrrd.json")["Inputs"]) == 2


def test_a_record_survives_json() -> None:
    record = Provenance("a.nii", "00", ("1", "2"), "a", text="é", folder="/x", device="cpu")
    assert Provenance.from_json(json.loads(json.dumps(record.as_json()))) == record
    for damaged in (None, {}, [], {"Form": 1}, {"Form": 99, **record.as_json()}, {"Form": "x"}):
        if damaged is not None and len(damaged) > 2:
            damaged = {**record.as_json(), "Form": 99}
        with pytest.raises(NotOfVoxgpu):
            Provenance.from_json(damaged)


def test_without_sidecars_only_images_are_written(desk: Path) -> None:
    text = f'load a = "{desk / "a.nii.gz"}"\nsave "x.nii" a > 3\n'
    voxgpu.run(text, output=desk / "o", sidecar=False)
    assert [each.name for each in (desk / "o").iterdir()] == ["x.nii"]
    with voxgpu.Session() as session:
        session.run(text, output=desk / "o")
        session.run(text)  # nothing is written at all
    assert sorted(each.name for each in (desk / "o").iterdir()) == ["x.json", "x.nii"]
    own = _own(desk / "o/x.json")
    assert own["Program"]["Text"] == text and "Path" not in own["Program"]


def test_names_that_meet_and_files_of_others(desk: Path) -> None:
    (desk / "x.json").write_text('{"EchoTime": 0.1}')
    text = 'load a = "a.nii.gz"\n' + "".join(
        f'save "{name}" a > {level}\n'
        for level, name in enumerate(["x.nii.gz", "y.nii", "y.nii.gz", "y.nrrd", "s/z.NII.GZ"])
    )
    (desk / "p.imgql").write_text(text)
    for _ in range(2):
        assert command("run", "p.imgql", "--threads", "1", cwd=desk).status == 0
        assert (desk / "x.json").read_text() == '{"EchoTime": 0.1}'
        found = {
            str(each.relative_to(desk)): _own(each)["File"]
            for each in desk.rglob("*.json")
            if each.name != "x.json"
        }
        assert found.pop("x.nii.gz.json") == "x.nii.gz"
        assert found.pop("y.nrrd.json") == "y.nrrd" and found.pop("s/z.json") == "z.NII.GZ"
        taken = found.pop("y.json")
        assert found == {f"{other}.json": other for other in {"y.nii", "y.nii.gz"} - {taken}}
    (desk / "x.nii.gz.json").write_text("[1]")
    (desk / "y.nrrd.json").unlink()
    (desk / "y.nrrd.json").symlink_to("away.json")
    ended = command("run", "p.imgql", "--force-save", cwd=desk)
    assert ended.status == 0 and ended.err.count("warning[W304]") == 1
    assert "`x.json` and `x.nii.gz.json` were not written by voxgpu" in ended.err
    assert (desk / "x.nii.gz.json").read_text() == "[1]"


def test_the_sidecar_of_a_file_that_is_gone_makes_room(desk: Path) -> None:
    text = 'load a = "{0}"\nsave "x.nii{1}" a > 3\n'
    voxgpu.run(text.format(desk / "a.nii.gz", ".gz"), output=desk)
    (desk / "x.nii.gz").unlink()
    voxgpu.run(text.format(desk / "a.nii.gz", ""), output=desk)
    assert _own(desk / "x.json")["File"] == "x.nii" and not (desk / "x.nii.json").exists()


def test_a_file_that_is_up_to_date_keeps_its_sidecar(desk: Path) -> None:
    def run(level: int, more: str = "") -> None:
        text = f'load a = "a.nii.gz"\nsave "x.nii" a > {level}\n{more}'
        (desk / "p.imgql").write_text(text)
        assert command("run", "p.imgql", "--store", "kept", cwd=desk).status == 0

    run(3)
    before = (desk / "x.json").read_bytes()
    run(3, 'print "n" 1\n')
    assert (desk / "x.json").read_bytes() == before
    (desk / "x.json").unlink()
    run(3, 'print "n" 1\n')
    assert "print" in _own(desk / "x.json")["Program"]["Text"]
    run(4)
    assert "a > 4" in _own(desk / "x.json")["Program"]["Text"]
    (desk / "x.json").write_text('{"Voxgpu": {"Form": 1, "File": "x.nii"')  # damaged
    run(4)
    assert (desk / "x.json").read_text().endswith('"x.nii"')  # nobody knows whose it is


def test_a_sidecar_that_cannot_be_written_is_a_warning(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sidecar_writer, "write_sidecar", full)
    text = f'load a = "{desk / "a.nii.gz"}"\nsave "x.nii" a > 3\n'
    (warning,) = voxgpu.run(text, output=desk / "o").warnings
    assert warning.code == "W304" and "no space left" in warning.message.lower()
    assert [each.name for each in (desk / "o").iterdir()] == ["x.nii"]


def test_the_image_is_there_before_its_sidecar(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed at any moment leaves no sidecar without its image."""
    real, seen = sidecar_writer.write_sidecar, []

    def write(image: Path, *words: Any, **more: Any) -> Path | None:
        seen.append(image.is_file())
        return real(image, *words, **more)

    monkeypatch.setattr(sidecar_writer, "write_sidecar", write)
    text = 'load a = "{0}"\nsave "x.nii.gz" for k in [1, 2, 3] do a > k\n'
    voxgpu.run(text.format(desk / "a.nii.gz"), output=desk / "o")
    assert seen == [True] * 3 and len(list((desk / "o").glob("*.json"))) == 3
    assert outputs.Beside  # the hook through which it is called


def test_volumes_images_in_memory_and_images_that_decide(desk: Path) -> None:
    text = """
load a = "{a}"
load b = "{b}"
load m = "memory.nii"
let count = range(0, max(b) - max(b) + 3)
save "four_4d.nii" for k in count do a > 10 * k
save "m.nii" m + a
""".format(a=desk / "a.nii.gz", b=desk / "b.nii")
    voxels = np.zeros((4, 5, 6), np.uint8)
    given = voxgpu.Image.from_array(voxels, spacing=(2, 2, 2))
    voxgpu.run(text, output=desk / "o", images={"m": given})
    own = _own(desk / "o/four_4d.json")
    assert len(set(own["Values"])) == 3
    assert [each["Path"] for each in own["Inputs"]] == [str(desk / "a.nii.gz")]
    assert str(desk / "b.nii") in [each["Path"] for each in own["OtherInputs"]]
    inputs = _own(desk / "o/m.json")["Inputs"]
    assert sorted(each.get("Files", 1) for each in inputs) == [0, 1]
    assert json.loads((desk / "o/m.json").read_text())["Sources"] == [str(desk / "a.nii.gz")]


def test_cases_of_a_cohort_have_sidecars_with_their_variables(desk: Path) -> None:
    for number in (1, 2):
        put(desk / f"c{number}.nii.gz", number)
    (desk / "c.imgql").write_text('load v = "$CASE"\nsave "m.nii.gz" v > $T\nprint "n" volume(v>1)')
    words = ("cohort", "c.imgql", "--cases", "c*.nii.gz", "--sweep", "T=3,4", "-o", "o")
    ended = command(*words, "--workers", "0", cwd=desk)
    assert ended.status == 0, ended.err
    found = {str(each.relative_to(desk / "o")): _own(each) for each in desk.rglob("m.json")}
    assert {
        name: (x["Definitions"]["T"], x["Definitions"]["NAME"]) for name, x in found.items()
    } == {f"c{n}/T={t}/m.json": (t, f"c{n}") for n in (1, 2) for t in ("3", "4")}
    assert len({each["Values"][0] for each in found.values()}) == 4
    for name, own in found.items():
        assert [Path(each["Path"]).name for each in own["Inputs"]] == [f"{name[:2]}.nii.gz"]
    other = command(*words[:-1], "bare", "--no-sidecar", "--workers", "0", "--no-resume", cwd=desk)
    assert other.status == 0 and not list((desk / "bare").rglob("*.json"))


def test_images_saved_at_the_prompt_have_sidecars(desk: Path) -> None:
    text = 'load a = "a.nii.gz"\nlet b =\n  a > 5\n\nsave "x.nii" b\n'
    text += 'let b = a > 6\nsave "y.nii" b\n'
    command_line = [sys.executable, "-m", "voxgpu", "repl", "--store", "none"]
    subprocess.run(command_line, input=text, cwd=desk, text=True, check=True, capture_output=True)
    own = _own(desk / "y.json")
    assert [(each["Line"], each["Text"]) for each in own["Lines"]] == [
        (1, 'load a = "a.nii.gz"'),
        (5, "let b = a > 6"),
        (6, 'save "y.nii" b'),
    ]
    assert own["Program"]["Text"].splitlines()[3] == 'save "x.nii" b' and own["Device"] == "cpu"
    assert "Imports" not in own["Program"]
    ended = command("reproduce", "y.nii", cwd=desk)
    assert ended.status == 0 and "equal in every byte" in ended.out
