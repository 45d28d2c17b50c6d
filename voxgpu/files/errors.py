"""What does a user hear about a file that cannot be read or written? One reason, in one line."""

from __future__ import annotations


class FileError(Exception):
    """One thing about one file that the user can understand and mend; never our own mistake.

    path    the file as it was asked for
    reason  what is wrong, without the path
    help    what to do about it, or empty
    action  ``read`` or ``write``
    """

    def __init__(self, path: str, reason: str, help: str = "", action: str = "read") -> None:
        # All of them go to `Exception`, so that the problem survives pickling between processes.
        super().__init__(path, reason, help, action)
        self.path = path
        self.reason = reason
        self.help = help
        self.action = action

    def __str__(self) -> str:
        return f"cannot {self.action} `{self.path}`: {self.reason}"
