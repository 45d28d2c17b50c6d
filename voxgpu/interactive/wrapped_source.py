"""How is an expression looked at more closely, so that mistakes still stand in what was typed?"""

from __future__ import annotations

from voxgpu.diagnostics import Source


class WrappedSource(Source):
    """A text that was typed, inside of an expression that nobody typed and nobody is shown.

    before, after  what is put around the text
    """

    def __init__(self, typed: Source, before: str, after: str) -> None:
        # On a line of its own, so that a comment at the end of the text does not hide it.
        super().__init__(typed.name, f"{before}{typed.text}\n{after}")
        self._hidden = len(before)
        self._typed = typed

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Both from 1, in what was typed."""
        inside = min(max(0, offset - self._hidden), len(self._typed.text))
        return self._typed.line_and_column(inside)

    def line(self, number: int) -> str:
        """Line ``number``, from 1, as it was typed."""
        return self._typed.line(number)
