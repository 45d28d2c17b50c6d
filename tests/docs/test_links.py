"""`.ci/links` fails for pages that are gone, and for nothing that only does not answer."""

from __future__ import annotations

import json

from tests.packaging.ci_scripts import script


def _line(status: str, info: str) -> str:
    where = {"filename": "docs/hpc.md", "lineno": 3, "uri": "https://example.org"}
    return json.dumps({**where, "status": status, "info": info})


def test_a_page_that_its_server_does_not_have_is_missing() -> None:
    for info in (
        "404 Client Error: Not Found for url: https://example.org",
        "410 Client Error: Gone",
    ):
        missing, unasked, found = script("links").findings(_line("broken", info))
        assert missing == [f"docs/hpc.md:3: https://example.org: {info}"]
        assert (unasked, found) == ([], 0)


def test_what_does_not_answer_or_refuses_is_only_told() -> None:
    lines = [
        _line("broken", "HTTPSConnectionPool(host='example.org', port=443): Max retries exceeded"),
        _line("broken", "403 Client Error: Forbidden for url: https://example.org"),
        _line("timeout", "Read timed out."),
        _line("working", ""),
        _line("unchecked", ""),
    ]
    missing, unasked, found = script("links").findings("\n".join(lines))
    assert (missing, len(unasked), found) == ([], 3, 1)


def test_continuous_integration_builds_the_site_and_asks() -> None:
    links = script("links")
    lines = (links.ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert lines.index("make test") < lines.index("make docs") < lines.index("make links")
