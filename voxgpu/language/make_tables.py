"""Makes ``imgql_tables.json`` of the grammar ``imgql.lark``, with lark: an extra for developers.

Run ``python -m voxgpu.language.make_tables`` when the grammar has changed.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from voxgpu.language.lalr import digest_of


def tables_of(grammar: str) -> str:
    """The file's text for a grammar."""
    from lark import Lark

    lark = Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False)
    table: Any = lark.parser.parser._parse_table
    numbers = {rule: number for number, rule in enumerate(lark.rules)}
    # The first matching pattern is taken, so patterns keep the order of the grammar.
    terminals = sorted(
        (each for each in lark.terminals if f"\n{each.name}:" in grammar),
        key=lambda each: grammar.index(f"\n{each.name}:"),
    )
    # lark numbers states in an order that differs from run to run.
    order = _reachable(table)
    states = []
    for old in order:
        steps = {}
        for symbol, (action, argument) in sorted(table.states[old].items()):
            is_shift = str(action) == "Shift"
            steps[symbol] = order[argument] if is_shift else -1 - numbers[argument]
        states.append(steps)
    data = {
        "grammar": digest_of(grammar),
        "terminals": {each.name: each.pattern.to_regexp() for each in terminals},
        "start": order[table.start_states["start"]],
        "end": order[table.end_states["start"]],
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in data.items()]
    for name, rows in (("rules", [_rule(each) for each in lark.rules]), ("states", states)):
        lines.append(f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, rows)) + "\n]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _reachable(table: Any) -> dict[int, int]:
    """New numbers of states by the old ones: in the order in which symbols lead to them."""
    order = {table.start_states["start"]: 0}
    for old in iter(waiting := [table.start_states["start"]]):
        for _, (action, argument) in sorted(table.states[old].items()):
            if str(action) == "Shift" and argument not in order:
                order[argument] = len(order)
                waiting.append(argument)
    return order


def _rule(rule: Any) -> list[Any]:
    kept = [n for n, each in enumerate(rule.expansion) if not getattr(each, "filter_out", False)]
    inlined = [
        n for n in kept if not rule.expansion[n].is_term and rule.expansion[n].name[0] == "_"
    ]
    origin = rule.origin.name
    is_passed_on = origin.startswith("_") or (rule.options.expand1 and rule.alias is None)
    callback = "" if is_passed_on else rule.alias or origin
    return [origin, len(rule.expansion), kept, inlined, callback]


def main() -> None:
    """Write the file."""
    folder = files("voxgpu.language")
    text = tables_of(folder.joinpath("imgql.lark").read_text("utf-8"))
    Path(str(folder.joinpath("imgql_tables.json"))).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
