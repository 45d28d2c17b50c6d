"""Self-contained pages: style sheet, scripts and pictures inside, and no request to any place."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from voxgpu.files.whole_file import write_whole
from voxgpu.report.markup import Content, Markup, element


def section(id: str, title: str, *content: Content, is_open: bool | None = None) -> Markup:
    """A part of a page with its heading; one that can be folded away if ``is_open`` is given."""
    heading = element("h2", title, id=f"{id}-title")
    if is_open is None:
        return element("section", heading, content, id=id, aria_labelledby=f"{id}-title")
    inner = element("details", element("summary", heading), content, open=is_open)
    return element("section", inner, id=id, aria_labelledby=f"{id}-title")


def page(
    title: str,
    subtitle: Content,
    sections: Sequence[Markup],
    *,
    links: Sequence[tuple[str, str]] = (),
    scripts: Sequence[str] = ("page.js",),
    extra_scripts: Sequence[str] = (),
    beside: bool = False,
) -> str:
    """The text of a page.

    links          ids of sections and their names, for the line of links below the title
    scripts        files of this package that run
    extra_scripts  texts that scripts of the page may run later
    beside         whether files beside the page belong to it
    """
    texts = [asset(each) for each in scripts]
    allowed = " ".join(f"'sha256-{_hash(each)}'" for each in [*texts, *extra_scripts])
    # Only these scripts run, whatever a name or message in the page has in it.
    local = " 'self' file:" if beside else ""
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"img-src data: blob:{local}; style-src 'unsafe-inline'; "
        f"script-src {allowed}{local}; connect-src data: blob:; worker-src blob:; "
        "font-src data: blob:"
    )
    anchors = [element("a", name, href=f"#{id}") for id, name in links]
    navigation = element("nav", anchors, aria_label="Parts of this page") if anchors else None
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(asset("page.css"))),
    )
    body = element(
        "body",
        element("header", element("h1", title), element("p", subtitle), navigation),
        element("main", sections),
        element("footer", element("p", "Made by voxgpu. This page loads nothing from elsewhere.")),
        [element("script", Markup(each)) for each in texts],
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def write_page(path: Path, content: str) -> None:
    """Write a page as a whole. Raises FileError where it cannot be written."""
    write_whole(path, content.encode("utf-8"))


@cache
def asset(name: str) -> str:
    """A text file of this package."""
    return (files("voxgpu.report") / "assets" / name).read_text("utf-8")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
