"""The ImgQL of lazy values."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from voxgpu.language.ast import Command, Expression, Print, Save, TextLiteral
from voxgpu.language.unparse import is_identifier, unparse_command
from voxgpu.python.lazy.commands import RESERVED, commands_of
from voxgpu.python.lazy.evaluate import compiled
from voxgpu.python.lazy.names import taken_names
from voxgpu.python.lazy.operators import term_of
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Term
from voxgpu.types import ImageOf, Type, Unknown, innermost


def to_imgql(*values: object, **named: object) -> str:
    """The program in ImgQL that gives these lazy values: it has the same nodes.

        print(vx.to_imgql(brain=brain, volume=brain.volume()))

    Images are saved under their names here, others printed; a value without a name is ``result``.
    Images in memory, and primitives defined in Python, have to be given to the program; a comment
    says so. Raises ValueError if two values have one name.
    """
    span = here()
    if len(values) == 1:
        plain = ["result"]
    else:
        plain = [f"result{number}" for number, _ in enumerate(values, 1)]
    labels = [*plain, *named]
    if len(set(labels)) < len(labels):
        raise ValueError("`result` names the values without a name: choose other names")
    taken = taken_names()
    names = _free_names(labels, taken)
    terms = [term_of(each, span) for each in (*values, *named.values())]
    built = commands_of(terms, taken, names)
    kinds = _types(terms)
    comments = [
        f'// {name} is an image in memory: run(…, images={{"{name}": image}})'
        for name in built.prelude.given
    ]
    own = dict.fromkeys(each.names[0] for each in built.prelude.primitives)
    comments += [f"// {name} is a primitive that is defined in Python" for name in own]
    goals = [
        _goal(label, value, kind)
        for label, value, kind in zip(labels, built.values, kinds, strict=True)
        if not isinstance(kind, Unknown)
    ]
    lines = [unparse_command(each) for each in (*built.prelude.commands, *goals)]
    return "\n".join([*comments, *lines]) + "\n"


def _types(terms: list[Term]) -> list[Type]:
    """The types of terms; unknown ones where there are mistakes, such as files that are missing."""
    program = compiled(terms).program
    return [program.main.steps[goal.step].type for goal in program.goals]


def _free_names(labels: Sequence[str], taken: Collection[str]) -> list[str]:
    """A name for each label: the label itself, or with a number after it if ImgQL has that name."""
    found: list[str] = []
    for label in labels:
        name, number = label, 0
        while not is_identifier(name) or name in (*RESERVED, *found) or name in taken:
            number += 1
            name = re.sub(r"\W", "_", f"{label}{number}").lstrip("_0123456789") or f"v{number}"
        found.append(name)
    return found


def _goal(label: str, value: Expression, kind: Type) -> Command:
    if isinstance(innermost(kind), ImageOf):
        return Save(TextLiteral((f"{label}.nii.gz",), value.span), value, value.span)
    return Print(TextLiteral((label,), value.span), value, value.span)
