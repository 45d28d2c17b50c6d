"""``voxgpu view``: images, programs and their results in a browser."""

from __future__ import annotations

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from voxgpu.cli.options import (
    device_memory_option,
    device_option,
    options_of,
    options_without_output,
)
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.shutdown import graceful
from voxgpu.cli.store_options import folder_of, store_options_of, with_store
from voxgpu.cli.terminal import print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.unicode_paths import from_home

#: Packages without which there is no server.
_NEEDED = ("starlette", "uvicorn")

#: Seconds that computations have to end after the first Ctrl-C.
_GRACE = 5.0


@click.command()
@click.argument("what", nargs=-1, metavar="[FILES… | FOLDER | RUN]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port on this computer (default: one that is free).",
)
@click.option(
    "--browser/--no-browser", default=True, help="Open a browser with the page (default)."
)
@options_without_output
@device_option("Device to use; auto: the faster one for each program.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Number of threads (default: one per core)."
)
@click.option("--memory", type=SIZE, metavar="SIZE", help="Memory limit of the process.")
@device_memory_option
@with_store
def command(what: tuple[str, ...], port: int, browser: bool, **arguments: Any) -> int:
    """Look at images and programs in a browser, and run programs on them.

    Opens images, programs, folders with cases below them (default: the current folder), or what a
    run has saved (see voxgpu runs). The page is served to this computer alone, at an address with a
    secret that is printed; it reads only what was named. Programs in it write no files. Ctrl-C ends
    the server.
    """
    missing = [each for each in _NEEDED if find_spec(each) is None]
    if missing:
        message = f"the viewer needs {' and '.join(missing)}, which voxgpu does not bring"
        raise ImgqlError([Diagnostic("E402", message, help="pip install 'voxgpu[view]'")])
    from voxgpu.session_settings import SessionSettings
    from voxgpu.temporary_files import temporary_folder
    from voxgpu.viewer.opened import opened
    from voxgpu.viewer.server import PortInUse, Server, listen
    from voxgpu.viewer.viewer import Viewer

    nowhere = {"output": None, "write_root": (), "overwrite_inputs": False}
    options = options_of({**arguments, **nowhere}, writes=False)
    store = store_options_of(arguments)
    settings = SessionSettings(
        device=arguments["device"],
        threads=arguments["threads"],
        memory=arguments["memory"],
        device_memory=arguments["device_memory"],
        store=store,
    )
    names = [from_home(each) for each in what]
    folder = folder_of(arguments["store"])
    dataset = opened(names, folder, arguments["read_root"], options.define)
    try:
        listening = listen(port)
    except PortInUse as error:
        message = f"port {port} cannot be used ({error}): choose another, or leave --port out"
        raise click.ClickException(message.replace("  ", " ")) from None
    with temporary_folder("view") as temporary:
        viewer = Viewer(dataset, options, settings, Path(temporary))
        server = Server(viewer, listening)
        with graceful(server.stop, _GRACE, lambda: "the viewer has ended"):
            server.start()
            click.echo(listening.url)
            print_stderr("Ctrl-C ends the viewer")
            if browser:
                _open(listening.url_for_once)
            server.wait()
        viewer.close()
    # The server ends only when a signal asks it to.
    raise KeyboardInterrupt


def _open(url: str) -> None:
    """Open a browser with a window; one in the terminal would take that over."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return
    if type(found) is not webbrowser.GenericBrowser:
        found.open(url)
