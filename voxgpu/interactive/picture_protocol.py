"""How a terminal shows pictures: by its environment variables, else by asking it."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from time import monotonic

#: The environment variable that chooses the protocol, and its values.
VARIABLE = "VOXGPU_PICTURES"
PROTOCOLS = ("kitty", "iterm", "sixel", "blocks", "blocks256", "none")

#: Seconds to wait for the answer of a terminal. All answer the last question, most within
#: milliseconds; over slow networks it takes as long as an echo.
PATIENCE = 1.0

#: A picture of one pixel that is only tried (kitty), the name of the terminal, and its abilities.
_QUESTIONS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>q\x1b[c"

_ABILITIES = re.compile(rb"\x1b\[\?([\d;]*)c")
_KITTY = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)\x1b\\")

#: The ability to show sixels.
_SIXEL = b"4"


def protocol(environment: Mapping[str, str]) -> str:
    """Returns the protocol that environment variables tell of.

    ``kitty``, ``iterm``, ``blocks`` (24-bit color), ``blocks256`` (256 colors), or an empty string
    if they tell of none. VOXGPU_PICTURES decides by itself.
    """
    asked = environment.get(VARIABLE, "")
    if asked in PROTOCOLS:
        return "" if asked == "none" else asked
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if term in ("", "dumb") or environment.get("NO_COLOR"):
        return ""
    # Terminal multiplexers pass on the terminal's environment variables, but not pictures.
    is_whole = not environment.get("TMUX") and not term.startswith(("screen", "tmux"))
    named = environment.get("KITTY_WINDOW_ID") or "kitty" in term or program == "ghostty"
    if is_whole and named:
        return "kitty"
    if is_whole and program in ("iTerm.app", "WezTerm"):
        return "iterm"
    if environment.get("COLORTERM", "") in ("truecolor", "24bit"):
        return "blocks"
    return "blocks256" if "256color" in term else ""


@cache
def terminal_protocol() -> str:
    """Returns the best protocol of the terminal of this process; empty if there is none.

    A terminal whose variables tell only of colors is asked, once, if stdin and stdout are on it.
    """
    if not sys.stdout.isatty():
        return ""
    told = protocol(os.environ)
    if told not in ("blocks", "blocks256") or os.environ.get(VARIABLE, "") in PROTOCOLS:
        return told
    try:
        asked = answered(ask(sys.stdin.fileno(), sys.stdout.fileno(), PATIENCE))
    except (OSError, ValueError):  # there is no stdin
        asked = ""
    return asked or told


def answered(answer: bytes) -> str:
    """Returns the protocol that the answer of a terminal tells of; empty if of none."""
    if _KITTY.search(answer):
        return "kitty"
    name = _NAME.search(answer)
    if name is not None and name[1].startswith((b"iTerm2", b"WezTerm")):
        return "iterm"
    abilities = _ABILITIES.search(answer)
    return "sixel" if abilities is not None and _SIXEL in abilities[1].split(b";")[1:] else ""


def ask(stdin: int, stdout: int, patience: float) -> bytes:
    """Asks the terminal what it can show; returns its answer, empty if it cannot be asked.

    stdin, stdout  file descriptors
    patience       seconds to wait

    Nothing is asked if one of them is no terminal, if this process is in the background, or if
    something has been typed already, which would be mistaken for the answer. What is typed
    meanwhile is lost.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return b""
    if not (os.isatty(stdin) and os.isatty(stdout)) or select.select([stdin], [], [], 0)[0]:
        return b""
    try:
        if os.tcgetpgrp(stdin) != os.getpgrp():
            return b""
        before = termios.tcgetattr(stdin)
    except (OSError, termios.error):
        return b""
    answer = b""
    try:
        tty.setcbreak(stdin, termios.TCSANOW)  # and without an echo
        sys.stdout.flush()
        os.write(stdout, _QUESTIONS)
        end = monotonic() + patience
        while not _ABILITIES.search(answer) and len(answer) < 4096:
            left = end - monotonic()
            if left <= 0 or not select.select([stdin], [], [], left)[0]:
                break
            part = os.read(stdin, 1024)
            if not part:
                break
            answer += part
    finally:
        with suppress(termios.error):
            termios.tcsetattr(stdin, termios.TCSANOW, before)
    return answer
