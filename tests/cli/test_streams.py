"""Closed streams, streams on a full disk, and folders without write permission."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, check_text, voxgpu

#: Commands that print something, by the input they need.
PRINTING = {
    "run": ["run", "p.imgql"],
    "run --json": ["run", "p.imgql", "--json"],
    "check --json": ["check", "p.imgql", "--json"],
    "show": ["show", "p.imgql", "--stage", "source"],
    "why": ["show", "p.imgql", "--why", "m"],
    "primitives": ["primitives"],
    "info": ["store", "info"],
    "clear": ["store", "clear", "--yes"],
    "doctor": ["doctor", "--quick"],
    "phantom": ["phantom", "--size", "16", "16", "16", "-o", "head"],
    "repl": ["repl"],
    "help": ["--help"],
}


@pytest.fixture
def place(desk: Path) -> Path:
    (desk / "p.imgql").write_text('load v = "ramp.nii.gz"\nprint "m" max(v)\nsave "o.nii" v > 1\n')
    (desk / "bad.imgql").write_text("let a = missing\n")
    return desk


def _shell(
    arguments: list[str], after: str, place: Path, text: str = "1 + 1\n", before: str = ""
) -> tuple[int, str, str]:
    """Run a command in a shell with redirected streams; return its status, stdout and stderr."""
    command = " ".join([before, *COMMAND, *arguments, after])
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=place,
        env={**os.environ, "VOXGPU_STORE": str(place / "kept")},
        input=text,
        capture_output=True,
        encoding="utf-8",
    )
    check_text(done.stderr)
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", PRINTING.values(), ids=PRINTING)
def test_stdout_on_a_full_disk(arguments: list[str], place: Path) -> None:
    if {"store", "--why"} & {*arguments}:
        _shell(["run", "p.imgql"], "", place)
    status, _, err = _shell(arguments, ">/dev/full", place)
    assert status == 1
    assert err.splitlines()[-1] == (
        "error: what was printed cannot be written: No space left on device"
    )
    assert len([line for line in err.splitlines() if "error" in line]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [*PRINTING.values()][::4], ids=[*PRINTING][::4])
def test_stdout_that_is_closed(arguments: list[str], place: Path) -> None:
    if {"store", "--why"} & {*arguments}:
        _shell(["run", "p.imgql"], "", place)
    status, _, err = _shell(arguments, ">&-", place)
    assert status == 1
    assert "what was printed cannot be written" in err
    # The output went into no file that was opened with the descriptor of stdout.
    assert all(b"m=" not in each.read_bytes() for each in place.glob("o.nii"))


@pytest.mark.slow
def test_a_program_that_prints_nothing_needs_no_stdout(place: Path) -> None:
    (place / "p.imgql").write_text('load v = "ramp.nii.gz"\nsave "o.nii" v > 1\n')
    assert _shell(["run", "p.imgql"], ">&-", place)[0] == 0
    assert (place / "o.nii").exists()


@pytest.mark.slow
@pytest.mark.parametrize("after", ["2>&-", "2>/dev/full"])
def test_messages_that_nobody_gets_do_not_matter(after: str, place: Path) -> None:
    for arguments, expected in ((["check", "p.imgql"], 0), (["run", "bad.imgql"], 1)):
        status, out, _ = _shell(arguments, after, place)
        assert (status, out) == (expected, "")
    assert _shell(["run", "p.imgql"], after, place)[:2] == (0, "m=234\n")


def test_a_reader_that_goes_is_no_mistake(place: Path) -> None:
    _, out, err = _shell(["primitives"], "| head -n 1", place)
    assert (out, err) == ("command\n", "")


def test_stdin_that_is_closed(place: Path) -> None:
    assert _shell(["repl"], "<&-", place)[:2] == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(("text", "after"), [("n\n", ""), ("", ""), ("", "<&-")])
def test_a_store_is_not_cleared_without_a_yes(text: str, after: str, place: Path) -> None:
    assert _shell(["run", "p.imgql", "--keep", "all"], "", place)[0] == 0
    kept = sorted((place / "kept" / "objects").rglob("*"))
    status, out, err = _shell(["store", "clear"], after, place, text)
    assert (status, out) == (1, "")
    assert err.endswith("nothing was removed\n")
    assert kept and sorted((place / "kept" / "objects").rglob("*")) == kept
    assert _shell(["store", "clear"], "", place, "y\n")[0] == 0


def _unprivileged() -> str:
    """A command prefix that drops the superuser's right to write everywhere, if necessary."""
    if os.getuid() != 0:
        return ""
    tool = shutil.which("setpriv")
    if tool is None:
        pytest.skip("needs setpriv, or another user than root")
    return f"{tool} --bounding-set=-all --inh-caps=-all"


@pytest.mark.slow
def test_a_folder_that_may_not_be_written_in(place: Path) -> None:
    before = _unprivileged()
    place.chmod(0o555)
    try:
        for arguments in (["check", "p.imgql"], ["show", "p.imgql"]):
            assert _shell(arguments, "--output .", place, before=before)[0] == 0
        status, out, _ = _shell(["doctor"], "", place, before=before)
        assert status == 0 and "results are those of the reference" in out
        status, _, err = _shell(["run", "p.imgql"], "--store none", place, before=before)
        assert status == 1 and "may not be written in" in err
        for command in ("phantom", "demo"):
            status, out, err = _shell([command], "", place, before=before)
            assert (status, out) == (1, "")
            assert err.count("error") == 1 and "may not be written in" in err
    finally:
        place.chmod(0o755)


@pytest.mark.slow
def test_a_folder_that_may_not_be_looked_into(place: Path) -> None:
    before, forbidden = _unprivileged(), place / "forbidden"
    forbidden.mkdir(0o000)
    try:
        for folder in (forbidden, forbidden / "x" / "y"):
            for arguments in (["run", "p.imgql"], ["demo"], ["phantom"]):
                output = f"--output {folder}" + "/h" * (arguments == ["phantom"])
                status, out, err = _shell(arguments, output, place, before=before)
                assert (status, out) == (1, "")
                assert err.count("error") == 1
                assert f"`{forbidden}` may not be written in" in err
                assert "help: choose another place with --output" in err
                assert ("p.imgql:3:6" in err) == (arguments[0] == "run")
            status, _, err = _shell(["check", "p.imgql"], f"-o {folder}", place, before=before)
            assert status == 0 and "no errors" in err
            for command in ("info", "clear"):
                store = f"--store {folder}"
                status, out, err = _shell(["store", command], store, place, before=before)
                assert (status, out) == (1, "")
                assert err.startswith(f"error[E401]: the store `{folder}` cannot be looked into")
            log = ["run", "p.imgql", "--log", str(folder / "log")]
            status, out, err = _shell(log, "", place, before=before)
            assert (status, out) == (1, "")
            assert f"cannot write `{folder / 'log'}`: permission denied" in err and "help: " in err
    finally:
        forbidden.chmod(0o700)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_without_room_ends_but_not_the_run(place: Path) -> None:
    status, out, err = _shell(["run", "p.imgql", "--log", "/dev/full"], "", place)
    assert status == 0 and out.startswith("m=")
    assert err.count("/dev/full") == 1
    assert "the log `/dev/full` ends here: no space left on device" in err


@pytest.mark.slow
@pytest.mark.parametrize("room", [512, 8192])
@pytest.mark.parametrize("command", ["phantom", "demo"])
def test_a_head_on_a_full_disk(command: str, room: int, place: Path) -> None:
    # A file size limit stands for a full disk.
    limit = "import sys, resource as r; sys.dont_write_bytecode = True; "
    limit += f"r.setrlimit(r.RLIMIT_FSIZE, ({room}, {room}))"
    run = f"{limit}; from voxgpu.cli.main import main; main()"
    size = ["--size", "40", "40", "40"]
    done = subprocess.run(
        [sys.executable, "-c", run, command, *size, "-o", "full/head"],
        cwd=place, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    check_text(done.stderr)
    assert done.returncode == 1
    told = next(each for each in done.stderr.splitlines() if each.startswith("error"))
    known_before = f"error[E202]: no file can be written in `{place.resolve()}`"
    known_later = "error: cannot write `full/head"
    assert told.startswith(known_before if room < 4096 else known_later)
    assert told.endswith(": file too large")
    assert not [each for each in (place / "full").rglob("*") if each.is_file()]


def test_a_current_folder_that_is_gone(place: Path) -> None:
    gone = place / "gone"
    gone.mkdir()
    for arguments in (["check", str(place / "p.imgql")], ["doctor"], ["phantom"]):
        command = ["/bin/sh", "-c", f"rmdir {gone}; exec {' '.join([*COMMAND, *arguments])}"]
        gone.mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        done = subprocess.run(
            command, cwd=gone, capture_output=True, encoding="utf-8", env=environment
        )
        check_text(done.stderr)
        assert done.returncode == 1
        assert "the current folder is not there any more" in done.stderr


@pytest.mark.slow
def test_a_user_without_an_entry_and_without_a_home(place: Path) -> None:
    site = place / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import pwd\ndef nobody(number):\n    raise KeyError(number)\npwd.getpwuid = nobody\n"
    )
    variables = {"PYTHONPATH": str(site), "VOXGPU_STORE": "", "HOME": "", "XDG_CACHE_HOME": ""}
    for arguments in (["run", "p.imgql"], ["check", "p.imgql"], ["store", "path"], ["doctor"]):
        ended = voxgpu(*arguments, cwd=place, variables=variables)
        assert ended.status == 0, ended.err


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["p.imgql/below", "/proc/nowhere"])
def test_a_store_below_what_is_no_folder(folder: str, place: Path) -> None:
    ended = voxgpu("run", "p.imgql", "--store", folder, cwd=place)
    assert (ended.status, ended.out) == (0, "m=234\n")
    saved, warning = ended.err.splitlines()
    assert saved == f"saved {place / 'o.nii'}"
    assert warning.startswith("warning[W401]")
    for name in ("info", "list", "verify", "gc"):
        ended = voxgpu("store", name, "--store", folder, cwd=place)
        assert ended.status == 1 and ended.err.startswith("error[E401]")
