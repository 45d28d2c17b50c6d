"""Python processes that compute for this one: how they are started, and what they send back."""

from __future__ import annotations

import json
import os
import pickle
import sys


def python_command(module: str, call: str, *arguments: str) -> list[str]:
    """The command that starts this Python with this process's module path and makes one call.

    module     of which the function that ``call`` names is imported
    call       Python's text, such as ``serve(int(sys.argv[2]))``
    arguments  ``sys.argv[2]`` and what follows
    """
    function = call.partition("(")[0]
    script = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
        f"from {module} import {function}; {call}"
    )
    path = [os.path.abspath(each) for each in sys.path]  # noqa: PTH100 - "" is this folder
    return [sys.executable, "-P", "-c", script, json.dumps(path), *arguments]


def sendable(error: Exception, otherwise: str) -> Exception:
    """The error itself; where it cannot be pickled, a RuntimeError with the text ``otherwise``."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(otherwise)
    return error.with_traceback(None)
