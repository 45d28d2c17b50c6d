"""Pages as browsers take them apart: elements with attributes and texts."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


@dataclass
class Element:
    """An element, its attributes, and all text within it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    inside: list[Element] = field(default_factory=list)

    def all(self, name: str, **wanted: str) -> list[Element]:
        """The elements of a name within, which have these attributes (a class among others)."""
        found = [each for each in self.inside if each.name == name and each.has(wanted)]
        return found + [other for each in self.inside for other in each.all(name, **wanted)]

    def has(self, wanted: dict[str, str]) -> bool:
        return all(
            text in self.attributes.get(key.rstrip("_"), "").split() for key, text in wanted.items()
        )


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].inside.append(found)
        if tag not in _VOID:
            self.open.append(found)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for each in self.open:
            each.text += data


def parsed(page: str) -> Element:
    """The elements of a page, each of which must have ended where it should."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert len(parser.open) == 1, "an element has no end"
    return parser.open[0]


def check_safe(page: str) -> None:
    """Nothing runs but scripts of the page's policy, and nothing is loaded from elsewhere."""
    root = parsed(page)
    (policy,) = (
        each.attributes["content"]
        for each in root.all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    for script in root.all("script"):
        if script.attributes.get("type", "text/javascript") != "text/javascript":
            continue
        digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    every = [root]
    while every:
        element = every.pop()
        every += element.inside
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"{name} on <{element.name}>"
            if name in ("src", "href", "data", "action", "srcdoc"):
                assert re.match(r"data:|#|[^:/]+$", value), value[:80]
        assert element.name not in ("iframe", "object", "embed", "base", "form")
