"""Sources wrapped in generated text, with diagnostics located in the text the user typed."""

from __future__ import annotations

from voxgpu.diagnostics import Source


class WrappedSource(Source):
    """A typed text wrapped in a generated expression, such as ``length(…)``, that is never shown.

    before, after  the text put around it
    """

    def __init__(self, typed: Source, before: str, after: str) -> None:
        # The suffix starts on a new line, so that a comment at the end of the text does not hide
        # it.
        super().__init__(typed.name, f"{before}{typed.text}\n{after}")
        self._hidden = len(before)
        self._typed = typed

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Returns line and column in the typed text, both from 1."""
        inside = min(max(0, offset - self._hidden), len(self._typed.text))
        return self._typed.line_and_column(inside)

    def line(self, number: int) -> str:
        """Returns line ``number``, from 1, of the typed text."""
        return self._typed.line(number)
