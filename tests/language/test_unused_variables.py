"""A program variable that was given and is used nowhere is a slip of the pen."""

from __future__ import annotations

import voxgpu


def test_a_variable_that_nothing_uses_is_told() -> None:
    text = 'let f(x) = x + $INNER\nprint "$LABEL" 1 + $LEVEL\n'
    define = {"LEVEL": 3, "LEVL": 4, "LABEL": "a", "INNER": 2}
    (warning,) = voxgpu.check(text, define)
    assert (warning.code, warning.span) == ("W104", None)
    assert "`LEVL`" in warning.message
    assert warning.help == "it uses `$INNER`, `$LABEL`, `$LEVEL`"
    assert voxgpu.run(text, define).values == {"a": 4.0}
    assert not voxgpu.check(text, {"LEVEL": 3, "LABEL": "a", "INNER": 2})


def test_of_a_text_that_is_no_program_nothing_is_said() -> None:
    assert [each.code for each in voxgpu.check('print "a" (1 + $A\n', {"B": 1})] == ["E100"]
