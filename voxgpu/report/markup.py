"""HTML and SVG elements whose attributes and texts are escaped, and JSON inside pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any

#: Elements without content and without an end tag.
_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta"})

#: Control characters, which HTML does not allow, to the replacement character.
_CONTROLS = {code: "�" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}
#: Surrogates, as in names of files that are no text, cannot be encoded as UTF-8.
_CONTROLS |= dict.fromkeys(range(0xD800, 0xE000), "�")


class Markup(str):
    """Text that is HTML already. Only this module and constants of the program make it."""

    __slots__ = ()


#: What an element may contain: a text, which is escaped, elements, or None for nothing.
Content = str | int | float | None | Iterable["Content"]


def text(value: Content) -> Markup:
    """The content as HTML: everything that is no ``Markup`` is escaped."""
    if value is None:
        return Markup("")
    if isinstance(value, Markup):
        return value
    if isinstance(value, str | int | float):
        return Markup(escape(str(value).translate(_CONTROLS), quote=True))
    return Markup("".join(text(each) for each in value))


def element(
    name: str, /, *content: Content, **attributes: str | int | float | bool | None
) -> Markup:
    """An element of HTML or SVG.

    attributes  by name, with ``_`` for ``-`` and ``_`` at the end of names that Python reserves;
                None and False leave an attribute out, True sets it without a value
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        parts.append(label if value is True else f'{label}="{text(value)}"')
    start = f"<{' '.join(parts)}>"
    return Markup(start if name in _VOID else f"{start}{text(content)}</{name}>")


def data_element(id: str, data: Any) -> Markup:
    """A ``script`` element with JSON, which browsers do not run and scripts can parse.

    No character of the data can end the element or begin a comment.
    """
    return Markup(f'<script type="application/json" id="{text(id)}">{script_json(data)}</script>')


def script_json(data: Any) -> str:
    """JSON that is safe inside a ``script`` element."""
    written = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return written


def table(head: Iterable[Content], rows: Iterable[Iterable[Content]], **attributes: Any) -> Markup:
    """A table with a line of headings, in a frame that scrolls sideways on narrow screens."""
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", [element("th", each, scope="col") for each in head])),
            element(
                "tbody",
                [element("tr", [element("td", each) for each in row]) for row in rows],
            ),
            **attributes,
        ),
        class_="wide",
        tabindex=0,
    )


def facts(pairs: Iterable[tuple[str, Content]]) -> Markup:
    """A list of names and what they are."""
    return element("dl", [(element("dt", name), element("dd", value)) for name, value in pairs])
