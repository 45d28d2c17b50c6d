"""The ImgQL of lazy values."""

from __future__ import annotations

from voxgpu.language.ast import Command, Expression, Print, Save, TextLiteral
from voxgpu.language.unparse import is_identifier, unparse_command
from voxgpu.python.lazy.commands import RESERVED, commands_of
from voxgpu.python.lazy.evaluate import compiled
from voxgpu.python.lazy.names import taken_names
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Term
from voxgpu.python.lazy.value import term_of
from voxgpu.types import ImageOf, Type, Unknown, innermost


def to_imgql(*values: object, **named: object) -> str:
    """The program in ImgQL that gives these lazy values: it has the same nodes.

        print(vx.to_imgql(brain=brain, volume=brain.volume()))

    Values by name are bound to that name, others to ``result``; images are saved under their names,
    others printed. Images in memory, and primitives defined in Python, have to be given to the
    program; a comment says so. Raises ValueError for names that ImgQL does not allow.
    """
    span = here()
    if len(values) == 1:
        plain = ["result"]
    else:
        plain = [f"result{number}" for number, _ in enumerate(values, 1)]
    names = [*plain, *named]
    taken = taken_names()
    for name in named:
        if not is_identifier(name) or name in RESERVED or name in taken or name in plain:
            raise ValueError(f"`{name}` is taken in ImgQL: choose another name")
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
        _goal(name, value, kind)
        for name, value, kind in zip(names, built.values, kinds, strict=True)
        if not isinstance(kind, Unknown)
    ]
    lines = [unparse_command(each) for each in (*built.prelude.commands, *goals)]
    return "\n".join([*comments, *lines]) + "\n"


def _types(terms: list[Term]) -> list[Type]:
    """The types of terms; unknown ones where there are mistakes, such as files that are missing."""
    program = compiled(terms).program
    return [program.main.steps[goal.step].type for goal in program.goals]


def _goal(name: str, value: Expression, kind: Type) -> Command:
    if isinstance(innermost(kind), ImageOf):
        return Save(TextLiteral((f"{name}.nii.gz",), value.span), value, value.span)
    return Print(TextLiteral((name,), value.span), value, value.span)
