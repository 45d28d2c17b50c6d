"""Rules about differences from an ancestor: what each finds, with an example, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING

from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen

if TYPE_CHECKING:
    from voxgpu.migration.view import View


class Kind(Enum):
    """What a difference means for somebody who runs the program in both."""

    VALUE = "another result"
    FORM = "the same result in another form"
    REFUSED_THERE = "refused by the ancestor"
    REFUSED_HERE = "refused by voxgpu"


@frozen(slots=True)
class Found:
    """A place where a rule applies.

    here    what voxgpu does
    there   what the ancestor does
    remedy  how to write it so that both agree
    """

    span: Span
    here: str
    there: str
    remedy: str


#: Returns the places in a program where a version of VoxLogicA differs.
Find = Callable[["View", int], Iterable[Found]]


@frozen(slots=True)
class Rule:
    """One way in which an ancestor differs.

    name      stable, for programs that read the JSON
    versions  the versions of VoxLogicA that differ: 1, 2
    example   a program in which it is found; `// file:` lines name the images that it loads
    without   a similar program in which it is not
    """

    name: str
    kind: Kind
    versions: tuple[int, ...]
    example: str
    without: str
    find: Find


#: All rules, in the order in which their modules are imported.
RULES: list[Rule] = []


def rule(
    name: str, kind: Kind, versions: tuple[int, ...], example: str, without: str
) -> Callable[[Find], Find]:
    """A decorator that enters a finder into the table of rules."""

    def enter(find: Find) -> Find:
        assert all(each.name != name for each in RULES), name
        RULES.append(Rule(name, kind, versions, example, without, find))
        return find

    return enter
