"""The summary of a cohort in the Python interface."""

from __future__ import annotations

from html import escape
from typing import Any

from voxgpu.cohorts.summary import Summary
from voxgpu.cohorts.summary_text import summary_json, summary_text


class CohortSummary:
    """Statistics of each label, the best combinations, and failures by message.

    As text it is what ``voxgpu cohort --summary`` prints. ``data`` has the same as plain data:
    ``labels`` and ``by_combination`` with ``count``, ``nan``, ``infinite``, ``missing``,
    ``failed``, ``mean``, ``sd`` (divisor n - 1), ``min``, ``q1``, ``median``, ``q3`` (linear
    interpolation) and ``max`` each, ``texts``, ``best``, ``failures``, and numbers of rows.
    """

    def __init__(self, summary: Summary) -> None:
        self.data: dict[str, Any] = summary_json(summary)
        self._text = summary_text(summary)

    @property
    def labels(self) -> dict[str, dict[str, Any]]:
        """The statistics over all rows, by label."""
        return {each["label"]: each for each in self.data["labels"]}

    @property
    def best(self) -> list[dict[str, Any]]:
        """For each label that was to be maximized or minimized: ``combinations``, ``mean`` …"""
        found: list[dict[str, Any]] = self.data["best"]
        return found

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self._text)}</pre>"
