"""The report of a cohort in a browser: its table sorts and filters, and shows thumbnails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Browser

pytestmark = pytest.mark.slow


def column(browser: Browser, name: str) -> list[str]:
    """The texts of a column of the table, from the top."""
    heads = browser.texts("#rows th")
    return browser.texts(f"#rows tbody td:nth-child({heads.index(name) + 1})")


def sort(browser: Browser, name: str) -> None:
    place = browser.texts("#rows th").index(name) + 1
    browser.find(f"#rows th:nth-child({place}) button").click()


def test_the_table_sorts_and_filters(browser: Browser, desk: Path) -> None:
    browser.open(desk / "cohort.html")
    assert column(browser, "case") == ["ann"] * 4 + ["ben"] * 4 + ["cem"] * 4
    sort(browser, "bright")
    numbers = [float(each) for each in column(browser, "bright") if each]
    assert len(numbers) == 8 and numbers == sorted(numbers)
    assert column(browser, "bright")[8:] == [""] * 4, "empty cells are last"
    sort(browser, "bright")
    assert [float(each) for each in column(browser, "bright") if each] == sorted(numbers)[::-1]
    assert column(browser, "bright")[8:] == [""] * 4
    assert browser.find("#rows th[aria-sort=descending]").text.startswith("bright")
    browser.type("#search", "BEN")
    assert set(column(browser, "case")) == {"ben"}
    assert "4 of 12 rows" in browser.find("#count").text
    browser.type("#search", "")
    browser.type("#status", "failed")
    assert column(browser, "case") == ["cem"] * 4
    browser.type("#status", "")
    browser.type("#column", browser.texts("#rows th").index("T"))
    browser.type("#least", 140)
    browser.type("#most", 160)
    assert set(column(browser, "T")) == {"140", "160"}
    assert browser.complaints() == []


def test_thumbnails_are_shown_and_nothing_else_is_loaded(browser: Browser, desk: Path) -> None:
    browser.open(desk / "cohort.html")
    browser.run("document.getElementById('table').scrollIntoView()")
    browser.wait("[...document.querySelectorAll('#rows img')].every(e => e.naturalWidth > 40)")
    assert browser.run("return document.querySelectorAll('#rows img').length") == 8
    beside = {each.absolute().as_uri() for each in (desk / "cohort_files").iterdir()}
    assert browser.requested() <= {(desk / "cohort.html").absolute().as_uri()} | beside
    assert browser.complaints() == []
    assert browser.run("return window.hacked") is None
