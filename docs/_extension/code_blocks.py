"""The languages of code blocks that name none: programs, commands, messages."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from docutils import nodes
from sphinx.transforms import SphinxTransform

#: Commands with which blocks for a shell begin.
_SHELL = re.compile(
    r"(?:voxgpu|pip|python3?|make|conda|export|sbatch|apptainer|docker|dask|bash|nsys)\b|\.ci/|\. "
)
_PROGRAM = re.compile(r"(?:load|let|import|print|save|>>>) |//|[a-z]\w* = ")


def language_of(text: str) -> str:
    """The language of a code block, as its lexer is called: ``console``, ``imgql``, …"""
    if re.search(r"^\$ ", text, re.MULTILINE):
        return "console"
    if _PROGRAM.match(text):
        return "imgql"
    if _SHELL.match(text) or text.startswith(".venv/"):
        return "bash"
    return "none"


class NameLanguages(SphinxTransform):
    """Names the languages of blocks that name none, so that all of them have colors."""

    default_priority: ClassVar = 400

    def apply(self, **_: Any) -> None:
        """Set the languages of the blocks of one page."""
        for block in self.document.findall(nodes.literal_block):
            named = block.get("language")
            if named in (None, "none", "default"):
                block["language"] = language_of(block.astext())
            # Excerpts are not always whole.
            block["force"] = True
