"""Python subprocesses that compute for this process: command lines and pickled errors."""

from __future__ import annotations

import json
import os
import pickle
import sys


def python_command(module: str, call: str, *arguments: str) -> list[str]:
    """Returns the command that runs one call in this Python, with this process's module path.

    module     the module from which the called function is imported
    call       Python code, such as ``serve(int(sys.argv[2]))``
    arguments  ``sys.argv[2:]`` of the command
    """
    function = call.partition("(")[0]
    script = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
        f"from {module} import {function}; {call}"
    )
    path = [os.path.abspath(each) for each in sys.path]  # noqa: PTH100 - "" is this folder
    return [sys.executable, "-P", "-c", script, json.dumps(path), *arguments]


def sendable(error: Exception, otherwise: str) -> Exception:
    """Returns the error, or a RuntimeError with text ``otherwise`` if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(otherwise)
    return error.with_traceback(None)
