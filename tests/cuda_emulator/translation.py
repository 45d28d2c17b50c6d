"""Translation of CUDA C++ to C++: of shared memory declarations, which macros cannot express.

Line numbers are preserved, so that errors refer to lines of the kernels.
"""

from __future__ import annotations

import re

_COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
_BOUNDS = r"(?:__launch_bounds__\s*\(((?:[^(),]|\([^()]*\))*)[^)]*\)\s*)?"

#: Threads of a block of a kernel without launch bounds.
_MOST_THREADS = "1024"
_KERNEL = re.compile(rf"__global__\s+{_BOUNDS}void\s+{_BOUNDS}(\w+)\s*\(")
_ALIGNMENT = r"(?:(?:__align__|alignas)\s*\([^)]*\)\s*)?"
_DYNAMIC = re.compile(
    rf"extern\s+__shared__\s+{_ALIGNMENT}(?P<type>[\w:\s]+?)\s+(?P<name>\w+)\s*\[\s*\]\s*;"
)
_STATIC = re.compile(
    rf"__shared__\s+{_ALIGNMENT}(?P<type>[\w:<>\s]+?)\s+"
    r"(?P<name>\w+)(?P<sizes>(?:\s*\[[^\]]+\])*)\s*;"
)


class TranslationError(ValueError):
    """The text contains something that the emulation does not support."""


def kernels_of(text: str) -> list[str]:
    """The names of the kernels of a text, in order."""
    return list(_bounds_of(text))


def _bounds_of(text: str) -> dict[str, str]:
    """For each kernel, in order, the most threads of a block, as an expression of the text."""
    return {
        name: before or after or _MOST_THREADS
        for before, after, name in _KERNEL.findall(without_comments(text))
    }


def without_comments(text: str) -> str:
    """The text with comments replaced by blanks; line breaks are kept."""
    return _COMMENT.sub(
        lambda found: found[0] if found[0][0] == '"' else " " + "\n" * found[0].count("\n"), text
    )


def translated(text: str) -> str:
    """The text of kernels as C++, to be compiled with ``emulation.h`` before it."""
    host = _DYNAMIC.sub(
        lambda found: _on_as_many_lines(
            found, "{type}* {name} = static_cast<{type}*>(emulation::dynamic_shared());"
        ),
        without_comments(text),
    )
    host = _STATIC.sub(
        lambda found: _on_as_many_lines(
            found,
            "static emulation::Shared<{type}{sizes}> {name}_of_blocks; "
            "auto& {name} = {name}_of_blocks.of_block();",
        ),
        host,
    )
    left = host.find("__shared__")
    if left >= 0:
        line = host.count("\n", 0, left) + 1
        raise TranslationError(f"line {line}: one array of shared memory a declaration")
    exports = "".join(
        f"EMULATION_EXPORT({name}, ({bound}))\n" for name, bound in _bounds_of(text).items()
    )
    return f'#include "emulation.h"\n#line 1 "kernels.cu"\n{host}\n{exports}'


def _on_as_many_lines(found: re.Match[str], template: str) -> str:
    return template.format(**found.groupdict()) + "\n" * found[0].count("\n")
