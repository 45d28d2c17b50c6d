"""The error that a request is answered with."""

from __future__ import annotations


class Problem(Exception):
    """A request that is not served.

    status  the status of HTTP
    reason  what is wrong, in one sentence
    advice  what to try; empty where nothing helps
    """

    def __init__(self, status: int, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.advice = status, reason, advice


def not_found(name: str, reason: str = "is not among the opened files") -> Problem:
    """The answer to a name that leads nowhere, or out of the roots: nobody learns which."""
    return Problem(404, f"`{name}` {reason}", "open its folder: voxgpu view FOLDER")
