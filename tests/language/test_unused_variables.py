"""A program variable that is given but not used causes a warning."""

from __future__ import annotations

import voxgpu


def test_an_unused_variable_gives_a_warning() -> None:
    text = 'let f(x) = x + $INNER\nprint "$LABEL" 1 + $LEVEL\n'
    define = {"LEVEL": 3, "LEVL": 4, "LABEL": "a", "INNER": 2}
    (warning,) = voxgpu.check(text, define)
    assert (warning.code, warning.span) == ("W104", None)
    assert "`LEVL`" in warning.message
    assert warning.help == "it uses `$INNER`, `$LABEL`, `$LEVEL`"
    assert voxgpu.run(text, define).values == {"a": 4.0}
    assert not voxgpu.check(text, {"LEVEL": 3, "LABEL": "a", "INNER": 2})


def test_a_program_with_syntax_errors_gives_no_such_warning() -> None:
    assert [each.code for each in voxgpu.check('print "a" (1 + $A\n', {"B": 1})] == ["E100"]
