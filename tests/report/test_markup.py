"""Elements: everything that is no markup is escaped, wherever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.parsed_page import parsed
from voxgpu.report.markup import Markup, data_element, element, script_json, table, text


@given(st.text(st.characters(exclude_characters="\r"), max_size=40))
def test_texts_and_attributes_come_back_as_they_were(words: str) -> None:
    page = str(element("p", words, title=words))
    (found,) = parsed(page).all("p")
    plain = str(text(words))
    assert "<" not in plain and '"' not in plain
    assert found.inside == []
    if words.isprintable():
        assert found.text == words
        assert found.attributes["title"] == words


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=6))
def test_data_comes_back_and_ends_nothing(data: object) -> None:
    page = data_element("d", {"<!--": data, "</script>": "</script><script>alert(1)</script>"})
    (script,) = parsed(str(page)).all("script")
    assert json.loads(script.text)["<!--"] == data
    assert "<" not in script.text and ">" not in script.text


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


def test_attributes_may_be_left_out_or_have_no_value() -> None:
    made = element("input", checked=True, disabled=False, id=None, class_="a b", data_layer="x")
    assert made == '<input checked class="a b" data-layer="x">'


def test_control_characters_and_lone_surrogates_are_replaced() -> None:
    assert text("a\x00\x1b\udcffb\n") == "a\ufffd\ufffd\ufffdb\n"


def test_tables_take_markup_and_texts() -> None:
    made = parsed(table(("<a>",), [(Markup("<b>1</b>"),), ("<i>",)]))
    assert [each.text for each in made.all("td")] == ["1", "<i>"]
    assert made.all("th")[0].text == "<a>"
