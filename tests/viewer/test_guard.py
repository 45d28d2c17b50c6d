"""What is not served: no token, another host, another page, anything that is not opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra view is not installed")

from tests.viewer.serving import Served, serving, write_case

_BODY = {"text": 'print "one" 1', "file": None, "case": None, "definitions": {}}


@pytest.mark.parametrize(
    "path", ["/", "/api/dataset", "/{}x/", "/x{}/api/dataset", "//{}/", "/%2f{}/"]
)
def test_nothing_is_told_without_the_token(served: Served, path: str) -> None:
    answer = served.raw("GET", path.format(served.listening.token))
    assert answer.status == 403
    assert "token" in answer.json["error"] and answer.json["try"]
    assert served.listening.token.encode() not in answer.body


def test_the_token_of_another_viewer_is_wrong(served: Served) -> None:
    token = served.listening.token
    other = token[:-1] + ("a" if token[-1] != "a" else "b")
    assert served.raw("GET", f"/{other}/api/dataset").status == 403
    assert len(token) == 32  # 24 random bytes


def test_the_token_alone_leads_to_the_page(served: Served) -> None:
    answer = served.raw("GET", f"/{served.listening.token}")
    assert answer.status == 307 and answer.headers["location"] == f"/{served.listening.token}/"


def test_the_address_for_the_browser_leads_to_the_page_once(folder: Path, tmp_path: Path) -> None:
    with serving([folder], tmp_path / "files") as served:
        ticket = served.listening.url_for_once.rpartition("/")[2]
        assert served.listening.token not in served.listening.url_for_once
        assert served.raw("GET", f"/{ticket}", headers={"Host": "example.org"}).status == 400
        answer = served.raw("GET", f"/{ticket}")
        assert answer.status == 307 and answer.headers["location"] == f"/{served.listening.token}/"
        assert served.raw("GET", f"/{ticket}").status == 403
        assert served.raw("GET", f"/{ticket}/api/dataset").status == 403


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1:1", "", None])
def test_a_foreign_host_is_refused_before_the_token_is_looked_at(
    served: Served, host: str | None
) -> None:
    for token in (served.listening.token, "wrong"):
        assert served.raw("GET", f"/{token}/api/dataset", headers={"Host": host}).status == 400


def test_localhost_is_this_server(served: Served) -> None:
    name = f"localhost:{served.listening.port}"
    path = f"/{served.listening.token}/api/dataset"
    assert served.raw("GET", path, headers={"Host": name}).status == 200


def test_two_host_headers_are_none(served: Served) -> None:
    port = served.listening.port
    twice = {"Host": f"127.0.0.1:{port}", "host": f"127.0.0.1:{port}"}
    assert served.raw("GET", f"/{served.listening.token}/", headers=twice).status == 400  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Voxgpu": None},
        {"X-Voxgpu": "0"},
    ],
    ids=str,
)
def test_requests_from_other_pages_change_nothing(
    served: Served, headers: dict[str, str | None]
) -> None:
    path = f"/{served.listening.token}/api/check"
    assert served.raw("POST", path, _BODY).status == 200
    assert served.raw("POST", path, _BODY, headers).status == 403
    run = f"/{served.listening.token}/api/runs/x"
    assert served.raw("DELETE", run, None, headers).status == 403


def test_a_link_elsewhere_may_lead_to_the_page(served: Served) -> None:
    path = f"/{served.listening.token}/"
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert served.raw("GET", path, headers={**followed}).status == 200
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
    assert served.raw("GET", path, headers={**embedded}).status == 403


def test_forms_are_no_json(served: Served) -> None:
    kind = {"Content-Type": "text/plain"}
    path = f"/{served.listening.token}/api/check"
    assert served.raw("POST", path, _BODY, {**kind}).status == 415


def test_the_own_origin_is_served(served: Served) -> None:
    for name in ("127.0.0.1", "localhost"):
        origin = f"http://{name}:{served.listening.port}"
        assert served.ask("POST", "api/check", _BODY, Origin=origin).status == 200


@pytest.fixture(scope="module")
def beside(folder: Path) -> Path:
    """A folder beside the one that is opened, with an image and a program."""
    found = write_case(folder.parent / "secret", "v")
    (found / "s.imgql").write_text("print 1")
    return found


_OUTSIDE = [
    "0/../secret/secret_v.nii.gz",
    "0/..%2fsecret/secret_v.nii.gz",
    "0/..%2Fsecret%2Fsecret_v.nii.gz",
    "0/%2e%2e/secret/secret_v.nii.gz",
    "0/%2e%2e%2fsecret/secret_v.nii.gz",
    "0/a/../../secret/secret_v.nii.gz",
    "0/..%5csecret%5csecret_v.nii.gz",
    "0/..\\secret\\secret_v.nii.gz",
    "0/%252e%252e/secret/secret_v.nii.gz",
    "../secret/secret_v.nii.gz",
    "{outside}",
    "%2f{outside}",
    "0/{outside}",
    "0/{encoded}",
    "0//{outside}",
    "0/a/a_v.nii.gz%00",
    "0/a%00/a_v.nii.gz",
    "0/a/a_v.nii.gz%00.png",
    "0/./a/a_v.nii.gz",
    "0//a/a_v.nii.gz",
    "0/a%2fa_v.nii.gz",
    "0/a/%ff.nii.gz",
    "1/a/a_v.nii.gz",
    "00/a/a_v.nii.gz",
    "-1/a/a_v.nii.gz",
    "0/" + "x" * 300 + ".nii.gz",
    "0/" + "x/" * 3000 + "y.nii.gz",
    "0/a/none.nii.gz",
    "0/a/a_v.nii.gz/",
    "0/p.imgql%20",
    "0/file:%2f%2f{encoded}",
    "",
]


@pytest.mark.parametrize("id", _OUTSIDE)
@pytest.mark.parametrize("address", ["volume", "header", "programs"])
def test_nothing_outside_is_served(served: Served, beside: Path, id: str, address: str) -> None:
    outside = str(beside / "secret_v.nii.gz")
    given = id.format(outside=outside, encoded=outside.replace("/", "%2f"))
    if address == "programs":
        given = given.replace("_v.nii.gz", ".imgql")
    answer = served.ask("GET", f"api/{address}/{given}")
    assert answer.status == 404, answer.body
    assert answer.json["error"]


def test_bodies_lead_nowhere_else_either(served: Served, beside: Path) -> None:
    for id in ("0/../secret", str(beside), "0/a/../../secret", "1", "0/a\0", "0\\a", ""):
        body = {**_BODY, "case": id}
        assert served.ask("POST", "api/check", body).status == 404, id
        assert served.ask("POST", "api/values", {**body, "name": "v"}).status == 404
        assert served.ask("POST", "api/runs", {**_BODY, "cases": [id]}).status == 404
        assert served.ask("POST", "api/check", {**_BODY, "file": id + "/s.imgql"}).status == 404


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="there are no links here")
def test_links_are_followed_only_within(tmp_path: Path, beside: Path) -> None:
    case = write_case(tmp_path / "study" / "a", "v")
    root = case.parent
    (root / "within.nii.gz").symlink_to(case / "a_v.nii.gz")
    (case / "out.nii.gz").symlink_to(beside / "secret_v.nii.gz")
    (root / "folder").symlink_to(beside)
    (root / "s.imgql").symlink_to(beside / "s.imgql")
    (root / "other.imgql").symlink_to(case / "a_v.nii.gz")
    with serving([root], tmp_path / "files") as served:
        assert served.ask("GET", "api/volume/0/within.nii.gz").status == 200
        for id in ("0/a/out.nii.gz", "0/folder/secret_v.nii.gz", "0/folder"):
            assert served.ask("GET", f"api/volume/{id}").status == 404
        assert served.ask("GET", "api/programs/0/s.imgql").status == 404
        for id in ("s.imgql", "folder/s.imgql", "folder/new.imgql", "other.imgql"):
            answer = served.ask("PUT", f"api/programs/0/{id}", {"text": "", "digest": None})
            assert answer.status == 404, id
        listed = served.ask("GET", "api/dataset").json
        files = {id for each in listed["cases"] for id in each["layers"].values()}
        assert files == {"0/within.nii.gz", "0/a/a_v.nii.gz"}
        assert listed["programs"] == ["0/other.imgql"]
    assert (beside / "s.imgql").read_text() == "print 1"


def test_a_header_cannot_name_voxels_elsewhere(tmp_path: Path, beside: Path) -> None:
    root = tmp_path / "study"
    root.mkdir()
    (beside / "voxels.raw").write_bytes(bytes(8))
    header = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\n"
    (root / "v.mhd").write_text(f"{header}ElementDataFile = {beside / 'voxels.raw'}\n")
    (root / "w.mhd").write_text(f"{header}ElementDataFile = w.raw\n")
    (root / "w.raw").write_bytes(bytes(8))
    with serving([root], tmp_path / "files") as served:
        assert served.ask("GET", "api/volume/0/w.mhd").status == 200
        answer = served.ask("GET", "api/volume/0/v.mhd")
        assert answer.status == 422 and "outside" in answer.json["error"]
        text = 'load v = "$CASE/v.mhd"\nprint max(v)'
        answer = served.value(text, "v", "0")
        assert answer.status == 422 and answer.json["diagnostics"][0]["code"] == "E203"


def test_programs_load_nothing_outside(served: Served, beside: Path) -> None:
    for path in (beside / "secret_v.nii.gz", "$CASE/../../secret/secret_v.nii.gz"):
        answer = served.value(f'load v = "{path}"', "v", "0/a")
        assert answer.status == 422
        assert answer.json["diagnostics"][0]["code"] == "E203"
    answer = served.value(f'import "{beside / "s.imgql"}"\nlet x = 1', "x", "0/a")
    assert answer.status == 422 and answer.json["diagnostics"][0]["code"] in ("E108", "E203")


def test_every_answer_has_the_headers_of_a_page_that_trusts_nobody(served: Served) -> None:
    for answer in (
        served.ask("GET", "api/dataset"),
        served.ask("GET", "nothing"),
        served.raw("GET", "/"),
        served.ask("GET", "api/volume/0/a/a_v.nii.gz"),
    ):
        policy = dict(
            each.strip().partition(" ")[::2]
            for each in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
        assert (
            "unsafe-inline" not in policy["script-src"]
            and "'unsafe-eval'" not in policy["script-src"]
        )
        assert "http" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_large_and_broken_bodies(served: Served) -> None:
    assert served.ask("POST", "api/check", b"x" * (9 << 20)).status == 413
    for body in (b"", b"{", b"[]", b'"text"', b"[" * 100_000, b"\xff"):
        assert served.ask("POST", "api/check", body).status == 400
    for wrong in ({"text": 1}, {"text": None}, {"text": "\ud800"}, {"definitions": {"a": 1}},
                  {"definitions": {"a b": "1"}}, {"definitions": []}, {"case": 1}):  # fmt: skip
        assert served.ask("POST", "api/check", {**_BODY, **wrong}).status == 400, wrong
    for cases in ([], "0/a", [1], None):
        assert served.ask("POST", "api/runs", {**_BODY, "cases": cases}).status == 400
    for line in (0, "1", True):
        body = {**_BODY, "case": "0/a", "name": "v", "line": line}
        assert served.ask("POST", "api/values", body).status == 400


def test_other_methods_and_addresses(served: Served) -> None:
    assert served.ask("POST", "api/dataset", {}).status == 405
    nothing = ["api", "api/", "x", "assets/", "assets/../guard.py", "assets/%2e%2e/guard.py"]
    no_run = ["api/runs/x", "api/runs/x/events", "api/values/x", "api/runs/x/layers/0"]
    for path in nothing + no_run:
        assert served.ask("GET", path).status in (404, 405), path
