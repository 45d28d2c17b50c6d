"""No module of voxgpu imports itself by way of others, so that each can be read after the last."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Modules that reach each other only by imports inside functions, and why they must: an object that
#: travels to another process names the function there that finds or builds it again.
PICKLING = {
    frozenset({"voxgpu.codegen.scalar", "voxgpu.codegen.expression_table"}),
    frozenset({"voxgpu.primitives.primitive", "voxgpu.primitives.locate"}),
}


def _modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted((ROOT / "voxgpu").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text())
    return found


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _statements(node: ast.AST, in_functions: bool) -> Iterator[ast.AST]:
    """The imports that run when the module is imported, or any function of it is called."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Import | ast.ImportFrom):
            yield each
        elif isinstance(each, ast.If) and _is_for_types(each):
            for other in each.orelse:
                yield from _statements(other, in_functions)
        elif in_functions or not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _statements(each, in_functions)


def _imports(name: str, tree: ast.Module, known: Iterable[str], in_functions: bool) -> set[str]:
    """The modules among ``known`` that the module ``name`` imports."""
    found = set()
    for node in _statements(tree, in_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: imports are absolute"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if module in known else str(node.module))
    return (found & set(known)) - {name}


def _graph(modules: Mapping[str, ast.Module], in_functions: bool = False) -> dict[str, set[str]]:
    return {name: _imports(name, tree, modules, in_functions) for name, tree in modules.items()}


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules each of which imports the next, and the last the first; empty if there are none."""
    left = {name: set(imported) for name, imported in graph.items()}
    while done := [name for name, imported in left.items() if not imported & left.keys()]:
        for name in done:
            del left[name]
    if not left:
        return []
    path = [min(left)]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]] & left.keys()))
    return path[path.index(path[-1]) :]


def test_no_import_circles() -> None:
    circle = _circle(_graph(_modules()))
    assert not circle, "import circle: " + " -> ".join(circle)


def test_imports_inside_functions_hide_no_circles() -> None:
    """An import that is put into a function only to break a circle leaves the modules entangled."""
    modules = _modules()
    at_import, graph = _graph(modules), _graph(modules, in_functions=True)
    for pair in PICKLING:
        lower = next(each for each in pair if not at_import[each] & pair)
        assert graph[lower] & pair, "it is no exception any more: take it out of the list"
        graph[lower] -= pair
    circle = _circle(graph)
    assert not circle, "import circle by functions: " + " -> ".join(circle)


def test_a_circle_would_be_found() -> None:
    texts = {
        "p.a": "from p import b",
        "p.b": "try:\n    from p.c import x\nexcept ImportError: pass",
        "p.c": "class C:\n    import p.a",
        "p.d": "import p.a\nfrom p.e import y",
        "p.e": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.d",
        "p.f": "def f():\n    import p.g",
        "p.g": "import p.f",
    }
    modules = {name: ast.parse(text) for name, text in texts.items()}
    assert _circle(_graph(modules)) == ["p.a", "p.b", "p.c", "p.a"]
    del modules["p.c"]
    assert not _circle(_graph(modules))
    assert _circle(_graph(modules, in_functions=True)) == ["p.f", "p.g", "p.f"]
