"""Input of lines at the prompt, with history, completion and continuation lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu.interactive.commands import HELP
from voxgpu.manual import SPACE, namespace

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession


def completions(
    text: str, names: Iterable[str], known: Iterable[str], folder: Path
) -> Iterator[tuple[str, int]]:
    """Yields completions of ``text``, each with the (negative) offset at which it starts.

    names  the names bound so far
    known  names that every program can use: functions, commands, keywords

    Inside a string, file names are completed; after ``:`` at the start, prompt commands; after
    `simpleitk.`, names of SimpleITK; otherwise names.
    """
    stripped = text.lstrip()
    if stripped.startswith(":") and " " not in stripped:
        yield from _beginning(stripped, HELP)
    elif stripped.startswith((":load ", ":run ")):
        yield from _files(stripped.partition(" ")[2], folder)
    elif text.count('"') % 2:
        yield from _files(text.rpartition('"')[2], folder)
    else:
        word = _last_word(text)
        if word:
            every = {each for each in known if each[0].isalpha()} | {*names}
            if word.startswith(f"{SPACE}."):
                every |= {name for each in namespace() for name in each.names}
            yield from _beginning(word, sorted(every))


def _beginning(word: str, every: Iterable[str]) -> Iterator[tuple[str, int]]:
    return ((each, -len(word)) for each in every if each.startswith(word) and each != word)


def _files(begun: str, folder: Path) -> Iterator[tuple[str, int]]:
    head, slash, name = begun.rpartition("/")
    directory = folder / (head + slash) if head or slash else folder
    try:
        candidates = sorted(directory.iterdir())
    except OSError:
        return
    for each in candidates:
        if each.name.startswith(name) and (name or not each.name.startswith(".")):
            yield each.name + ("/" if each.is_dir() else ""), -len(name)


def _last_word(text: str) -> str:
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] in "_."):
        start -= 1
    return text[start:]


def prompt_session(
    names: Callable[[], Iterable[str]], known: Iterable[str], unfinished: Callable[[str], bool]
) -> PromptSession[str]:
    """Returns a prompt that reads texts; history is kept if it can be written."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.key_binding import KeyBindings

    every = list(known)

    class Names(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Iterator[Completion]:
            candidates = completions(document.text_before_cursor, names(), every, Path())
            return (Completion(text, start) for text, start in candidates)

    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: Any) -> None:
        buffer = event.current_buffer
        text: str = buffer.text
        is_last = not buffer.document.text_after_cursor.strip()
        goes_on = not text.startswith(":") and not text.endswith("\n") and unfinished(text)
        if is_last and not goes_on:
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return PromptSession(
        message="voxgpu> ",
        prompt_continuation="   ...> ",
        multiline=True,
        key_bindings=bindings,
        completer=Names(),
        complete_while_typing=False,
        history=_history(),
    )


def _history() -> Any:
    """Returns the input history, in the user's state folder or else in memory."""
    from platformdirs import user_state_path
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    class Lasting(FileHistory):
        def store_string(self, string: str) -> None:
            # A full disk must not end the session.
            with suppress(OSError):
                super().store_string(string)

    try:
        path = user_state_path("voxgpu", ensure_exists=True) / "history"
        path.touch(mode=0o600)
        path.read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return InMemoryHistory()
    return Lasting(str(path))
