"""`.ci/audit` refuses licenses and mended vulnerabilities, and leaves out what does not answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.packaging.ci_scripts import ROOT, script

_LICENSES = json.dumps([{"Name": "numpy", "Version": "2.4", "License": "BSD-3-Clause AND MIT"}])
_UNKNOWN = json.dumps([{"Name": "odd", "Version": "1.0", "License": "UNKNOWN"}])


def _vulnerable(*fixes: str, name: str = "pillow") -> str:
    found = {"id": "PYSEC-1", "fix_versions": list(fixes), "aliases": [], "description": ""}
    skipped = {"name": "voxgpu", "skip_reason": "not on the index"}
    return json.dumps(
        {"dependencies": [skipped, {"name": name, "version": "9", "vulns": [found]}], "fixes": []}
    )


@pytest.mark.parametrize(
    ("license", "accepted"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR BSD-2-Clause", True),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("BSD License; MIT License", True),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        ("MIT AND (GPL-3.0-only AND Apache-2.0)", False),
        ("MIT AND GPL-3.0-only", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("LicenseRef-NVIDIA-Proprietary", False),
        ("UNKNOWN", False),
        ("", False),
    ],
)
def test_licenses(license: str, accepted: bool) -> None:
    assert script("audit").is_accepted(license) is accepted


def _audit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, licenses: str = "", vulnerabilities: str = ""
) -> int:
    """Runs the script with tools that print this, or fail where it is empty."""
    tools = folder / ".venvs" / "audit" / "bin"
    tools.mkdir(parents=True)
    for name, text in (("pip-licenses", licenses), ("pip-audit", vulnerabilities)):
        (tools / f"{name}.json").write_text(text)
        shown = f'cat "{tools / name}.json"' if text else "echo no answer >&2; exit 1"
        (tools / name).write_text(f"#!/bin/sh\n{shown}\n")
        (tools / name).chmod(0o755)
    audit = script("audit")
    monkeypatch.setattr(audit, "ROOT", folder)
    monkeypatch.setattr(sys, "argv", ["audit", sys.executable])
    status: int = audit.main()
    return status


@pytest.mark.parametrize(
    ("licenses", "vulnerabilities", "status", "told"),
    [
        (_LICENSES, _vulnerable(), 0, "without a remedy: pillow 9: PYSEC-1"),
        (_LICENSES, _vulnerable("10", name="pip"), 0, "without a remedy: none"),
        (_LICENSES, _vulnerable("10"), 1, "not accepted: pillow 9: PYSEC-1, mended in 10"),
        (_UNKNOWN, "", 1, "not accepted: odd 1.0: UNKNOWN"),
        (_LICENSES, "", 0, "vulnerabilities are left out, the database does not answer: no answer"),
        ("", _vulnerable(), 0, "licenses are left out: no answer"),
    ],
    ids=["no-remedy", "of-pip", "mended", "license", "no-database", "no-licenses"],
)
def test_what_is_found_is_told(
    licenses: str, vulnerabilities: str, status: int, told: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert _audit(tmp_path, monkeypatch, licenses, vulnerabilities) == status
    assert told in capsys.readouterr().out


def test_an_environment_that_was_left_out_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["audit", "nowhere/bin/python"])
    assert script("audit").main() == 0
    assert capsys.readouterr().out == "the audit is left out: there is no nowhere/bin/python\n"


def test_tools_that_cannot_be_had_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho ERROR: no index >&2; exit 1\n")
    python.chmod(0o755)
    audit = script("audit")
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "argv", ["audit", str(python)])
    assert audit.main() == 0
    assert "the audit is left out, its tools cannot be had: " in capsys.readouterr().out


def test_continuous_integration_runs_both() -> None:
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    (built,) = [each for each in lines if " .ci/distribution " in each]
    (audited,) = [each for each in lines if " .ci/audit " in each]
    assert audited.split()[-1] == f"{built.split()[-1]}/bin/python"
