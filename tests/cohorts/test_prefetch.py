"""Files of the next case are read while one is computed, and give what reading them later would."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import CaseSession, Program
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.prefetch import reading_ahead
from voxgpu.cohorts.run import Cohort, CohortRun
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.files import read_ahead
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header, read_header
from voxgpu.files.read import read_with_warning
from voxgpu.files.read_ahead import ReadAhead
from voxgpu.session_settings import SessionSettings
from voxgpu.store.open import StoreOptions

TEXT = 'load v = "$CASE"\nprint "most" max(v)\nprint "mean" avg(v, near(v > 3))\n'


def _write(path: Path, value: int, shape: tuple[int, ...] = (6, 7, 8)) -> Path:
    voxels = np.random.default_rng(value).integers(0, 9, shape).astype(np.int16)
    voxels[0, 0, 0] = value
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    _age(path)
    return path


def _age(path: Path) -> None:
    """Waits until a further write to the file would change its state."""
    while time.time_ns() - path.stat().st_ctime_ns < 60_000_000:
        time.sleep(0.01)


def _header(path: Path) -> Header:
    return read_header(path)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of images as they are read from files."""
    found: list[str] = []

    def counting(header: Header) -> object:
        found.append(Path(header.path).name)
        return read_with_warning(header)

    monkeypatch.setattr(read_ahead, "read_with_warning", counting)
    return found


def test_an_image_is_read_once(tmp_path: Path, counted: list[str]) -> None:
    header, ahead = _header(_write(tmp_path / "a.nii.gz", 50)), ReadAhead()
    ahead.fetch([header, header], "me")
    assert ahead.bytes == header.bytes and counted == ["a.nii.gz"]
    image, warning = ahead.read(_header(tmp_path / "a.nii.gz"))
    expected, said = read_with_warning(header)
    assert (image.array == expected.array).all() and image.grid == expected.grid
    assert (warning, ahead.hits, ahead.bytes) == (said, 1, 0)
    ahead.read(header)  # another reader reads it itself
    assert counted == ["a.nii.gz"] * 2 and ahead.hits == 1


def _rewrite(path: Path) -> None:
    _write(path, 51)


def _touch_back(path: Path) -> None:
    """Other voxels of the same size, with the dates of the file before."""
    times = path.stat().st_mtime_ns
    _write(path, 51)
    os.utime(path, ns=(times, times))


def _replace(path: Path) -> None:
    _write(path.with_name("b.nii"), 51).replace(path)


@pytest.mark.parametrize("change", [_rewrite, _touch_back, _replace])
def test_a_file_that_changes_is_read_again(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path, ahead = _write(tmp_path / "a.nii", 50), ReadAhead()
    before = _header(path)
    ahead.fetch([before], "me")
    change(path)
    assert ahead.read(_header(path))[0].array.max() == 51
    assert ahead.hits == 0
    ahead.forget("me")
    ahead.fetch([before], "me")  # a header of what is there no more
    with pytest.raises(FileError, match="changed"):
        ahead.read(before)
    path.unlink()
    with pytest.raises(FileError):
        ahead.read(before)


def test_a_file_that_changes_after_its_header_was_read(tmp_path: Path) -> None:
    path, ahead = _write(tmp_path / "a.nii", 50), ReadAhead()
    header = _header(path)
    ahead.fetch([header], "me")
    _rewrite(path)
    with pytest.raises(FileError, match="changed"):
        ahead.read(header)


def test_a_file_that_was_just_written_is_not_read_ahead(tmp_path: Path) -> None:
    path, ahead = _write(tmp_path / "a.nii", 50), ReadAhead()
    sitk.WriteImage(sitk.ReadImage(str(path)), str(path))
    ahead.fetch([_header(path)], "me")
    assert ahead.bytes == 0


def test_what_is_not_wanted_is_dropped(tmp_path: Path) -> None:
    headers = [_header(_write(tmp_path / f"{n}.nii", 50 + n)) for n in range(2)]
    ahead, first, second = ReadAhead(), object(), object()
    ahead.fetch(headers[:1], first)
    ahead.fetch(headers[1:], second)
    ahead.forget(first)
    assert ahead.bytes == headers[1].bytes
    assert ahead.read(headers[0])[0].array.max() == 50 and ahead.hits == 0
    assert ahead.read(headers[1])[0].array.max() == 51 and ahead.hits == 1


def test_a_damaged_file_fails_as_without(tmp_path: Path) -> None:
    path, ahead = _write(tmp_path / "a.nii.gz", 50), ReadAhead()
    path.write_bytes(path.read_bytes()[:-20])
    _age(path)
    ahead.fetch([_header(path)], "me")
    with pytest.raises(FileError, match=r"truncated|ends|damaged") as raised:
        ahead.read(_header(path))
    with pytest.raises(FileError) as expected:
        read_with_warning(_header(path))
    assert str(raised.value) == str(expected.value)


def test_a_reader_waits_for_what_is_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, ahead = _header(_write(tmp_path / "a.nii", 50)), ReadAhead()
    begun, go = threading.Event(), threading.Event()
    readers: list[str] = []

    def slow(header: Header) -> object:
        readers.append(threading.current_thread().name)
        begun.set()
        go.wait()
        return read_with_warning(header)

    monkeypatch.setattr(read_ahead, "read_with_warning", slow)
    thread = threading.Thread(target=ahead.fetch, args=([header], "me"), name="ahead")
    thread.start()
    begun.wait()
    threading.Timer(0.05, go.set).start()
    assert ahead.read(header)[0].array.max() == 50
    thread.join()
    assert readers == ["ahead"] and ahead.hits == 1


def _program() -> Program:
    return Program(Source("p.imgql", TEXT), None, Options(writes=False, output=None))


def _cases(folder: Path, count: int) -> list[Case]:
    return [Case(f"c{n}", str(_write(folder / f"c{n}.nii.gz", 50 + n))) for n in range(count)]


def test_the_next_case_is_read_while_one_is_computed(tmp_path: Path, counted: list[str]) -> None:
    cases, read_before = _cases(tmp_path, 4), list[list[str]]()
    with CaseSession(SessionSettings(threads=1)) as session:
        session.outcome(_program(), cases[0], [()])  # from here on it is known what cases take
        for case, combinations in reading_ahead(session, _program(), [(c, [()]) for c in cases]):
            following = f"c{int(case.name[1:]) + 1}.nii.gz"
            end = time.monotonic() + 300
            while case.name != "c3" and following not in counted and time.monotonic() < end:
                time.sleep(0.005)
            read_before.append(list(counted))
            _, rows = session.outcome(_program(), case, combinations)
            assert rows[0].printed["most"] == 50 + int(case.name[1:])
        assert session._session.ahead.hits == 3 and session._session.ahead.bytes == 0
    # The files of a case had been read before it began.
    assert all(f"c{n}.nii.gz" in read_before[n - 1] for n in range(1, 4))
    assert sorted(counted) == sorted([f"c{n}.nii.gz" for n in range(4)] + ["c0.nii.gz"])


def test_nothing_is_read_that_memory_has_no_room_for(tmp_path: Path, counted: list[str]) -> None:
    cases = _cases(tmp_path, 2)
    with CaseSession(SessionSettings(threads=1, memory=1 << 20)) as session:
        session.outcome(_program(), cases[0], [()])
        session.read_ahead(_program(), cases[1], ())
        assert session._session.ahead.bytes == 0 and counted == ["c0.nii.gz"]


def test_nothing_is_read_that_the_store_makes_unnecessary(
    tmp_path: Path, counted: list[str]
) -> None:
    cases = _cases(tmp_path, 2)
    stored = SessionSettings(threads=1, store=StoreOptions(tmp_path / "store", policy="all"))
    for _ in range(2):
        with CaseSession(stored) as session:
            for case in cases:
                session.outcome(_program(), case, [()])
            before = list(counted)
            session.read_ahead(_program(), cases[1], ())
            assert counted == before and session._session.ahead.bytes == 0


def test_a_case_that_cannot_be_compiled_is_left_alone(tmp_path: Path) -> None:
    (case,) = _cases(tmp_path, 1)
    with CaseSession(SessionSettings(threads=1)) as session:
        session.outcome(_program(), case, [()])
        session.read_ahead(_program(), Case("gone", str(tmp_path / "gone.nii")), ())
        broken = Program(Source("p.imgql", "print 1 +"), None, Options())
        session.read_ahead(broken, case, ())
        assert session._session.ahead.bytes == 0


def test_rows_are_those_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = _cases(tmp_path, 5)
    (tmp_path / "c2.nii.gz").write_bytes((tmp_path / "c2.nii.gz").read_bytes()[:-20])
    (tmp_path / "c3.nii.gz").unlink()

    def rows() -> list[tuple[object, ...]]:
        cohort = Cohort(_program(), cases, [()])
        found = list(CohortRun(cohort, SessionSettings(), Placement(0)).finishing())
        return [(each.case, each.printed, each.status, each.error) for each in found]

    with_it = rows()
    monkeypatch.setattr(CaseSession, "read_ahead", lambda *_: None)
    assert with_it == rows() and len(with_it) == 5


def test_a_worker_reads_the_next_case_while_it_computes_one(
    tmp_path: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with one thread: the next case begins to wait, and reads its files meanwhile."""
    distributed = pytest.importorskip("distributed")
    from voxgpu.cohorts.clusters.joined import Joined
    from voxgpu.cohorts.clusters.workforce import Workforce
    from voxgpu.cohorts.on_worker import Job
    from voxgpu.cohorts.workers import outcomes_from_workers

    monkeypatch.chdir(tmp_path)
    cases, outcome, sessions = _cases(tmp_path, 6), CaseSession.outcome, set[CaseSession]()
    read_in_time: list[bool] = []

    def waiting(session: CaseSession, program: Program, case: Case, combinations: object) -> object:
        sessions.add(session)
        following = f"c{int(case.name[1:]) + 1}.nii.gz"
        end = time.monotonic() + 300
        # The second case came before anybody knew what the first takes.
        if case.name not in ("c0", "c5"):
            while following not in counted and time.monotonic() < end:
                time.sleep(0.005)
            read_in_time.append(following in counted)
        return outcome(session, program, case, combinations)  # type: ignore[arg-type]

    monkeypatch.setattr(CaseSession, "outcome", waiting)
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        joined = Joined(client, SessionSettings(threads=1))
        job = Job(_program(), ((),), joined.settings, tmp_path)
        found = outcomes_from_workers(
            joined, Workforce(joined, print, 60), job, [(each, [()]) for each in cases]
        )
        rows = [row for batch in found for _, of_case in batch for row in of_case]
    assert [row.printed["most"] for row in rows] == [50 + n for n in range(6)]
    assert all(read_in_time) and len(read_in_time) == 4
    assert sum(each._session.ahead.hits for each in sessions) >= 4
