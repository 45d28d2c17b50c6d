"""The error for files that cannot be read or written: one reason, in one line."""

from __future__ import annotations


class FileError(Exception):
    """A problem with one file that the user can understand and fix; never an internal error.

    path    the file, as the user named it
    reason  what is wrong, without the path
    help    what to do about it, or empty
    action  ``read`` or ``write``
    """

    def __init__(self, path: str, reason: str, help: str = "", action: str = "read") -> None:
        # All arguments go to `Exception`, so that the error survives pickling between processes.
        super().__init__(path, reason, help, action)
        self.path = path
        self.reason = reason
        self.help = help
        self.action = action

    def __str__(self) -> str:
        return f"cannot {self.action} `{self.path}`: {self.reason}"
