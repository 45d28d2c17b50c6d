"""The commands, exit codes, and the reporting of errors. Imports nothing heavy."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any

import click

from voxgpu import __version__
from voxgpu.caches.notices import pending_notices
from voxgpu.cli.shutdown import ended_early, listen
from voxgpu.cli.streams import open_streams, output_problem
from voxgpu.cli.terminal import condense_readings, print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.files.errors import FileError

#: Exit codes: all goals delivered; a goal or the program failed; wrong usage. `ended_early` returns
#: others.
OK, FAILED, USAGE = 0, 1, 2

#: Module and short help of each command, here so that listing them imports nothing.
COMMANDS = {
    "run": ("voxgpu.cli.run", "Run a program, with its print and save commands."),
    "cohort": ("voxgpu.cli.cohort.command", "Run a program over many cases, and write a table."),
    "bids": ("voxgpu.cli.bids", "Run a program over a BIDS dataset, as a BIDS App."),
    "check": ("voxgpu.cli.check", "Report the errors in a program, without running it."),
    "fmt": ("voxgpu.cli.fmt", "Lay out programs in one form, without changing their meaning."),
    "lsp": ("voxgpu.cli.lsp", "Tell an editor about programs: a language server."),
    "show": ("voxgpu.cli.show", "Show a program after any stage, from its syntax to its kernels."),
    "view": ("voxgpu.cli.view", "Look at images and run programs on them, in a browser."),
    "explain": ("voxgpu.cli.explain", "Tell how a saved image came about."),
    "picture": ("voxgpu.cli.picture", "Draw slices of an image, with masks on them."),
    "reproduce": ("voxgpu.cli.reproduce", "Compute a saved image again, and compare it."),
    "bench": ("voxgpu.cli.bench", "Time a program on several devices, or single operators."),
    "repl": ("voxgpu.cli.repl", "Enter a program line by line and see its values."),
    "primitives": (
        "voxgpu.cli.primitives",
        "List the names that programs can use, or explain one of them.",
    ),
    "store": ("voxgpu.cli.store", "Maintain the results that are kept between runs."),
    "runs": ("voxgpu.cli.runs", "List the runs so far, show one, or end one that goes on."),
    "kernels": ("voxgpu.cli.kernels", "Compile kernels ahead of time."),
    "doctor": ("voxgpu.cli.doctor", "Describe this computer, and test its devices."),
    "demo": ("voxgpu.cli.demo", "Find the tumor in a synthetic head and draw it."),
    "phantom": ("voxgpu.cli.phantom", "Write a synthetic head with a tumor."),
}


class _Commands(click.Group):
    """Imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        # Imports make no garbage; searching for it took a twentieth of the time of a short program.
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        finally:
            if was_enabled:
                gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(_no_command(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted from error


class _Interrupted(BaseException):
    """A command was interrupted; not click's exception, for which click writes an empty line."""


def _no_command(name: str) -> str:
    """The message for an unknown command, which may be a program."""
    if name.endswith(".imgql") or os.path.isfile(name):  # noqa: PTH113
        return f"no command before `{name}`: to run the program, write voxgpu run {name}"
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean `{close[0]}`?" if close else "voxgpu --help lists the commands"
    return f"there is no command `{name}`: {hint}"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="voxgpu", message="%(prog)s %(version)s")
def voxgpu() -> None:
    """Find structures in 3-D images, described by a few lines of ImgQL.

    Results and compiled kernels are kept in the platform's cache folder. VOXGPU_CACHE names another
    folder, or several; VOXGPU_STORE names the folder of results alone, or none.
    """
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        # Many functions below need the current folder.
        reason = "the current folder is not there any more: change to another one"
        raise click.ClickException(reason) from None


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    open_streams()
    if arguments is None:
        listen()
    status = _status(arguments)
    problem = output_problem()
    if problem is not None:
        status = status or FAILED
        if not isinstance(problem, BrokenPipeError):
            print_stderr(f"error: what was printed cannot be written: {problem.strerror}")
    sys.exit(status)


def _status(arguments: list[str] | None) -> int:
    try:
        result: Any = voxgpu.main(arguments, prog_name="voxgpu", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return FAILED
    except (_Interrupted, click.Abort, KeyboardInterrupt):
        return ended_early()
    except ImgqlError as error:
        print_diagnostics(condense_readings(error.diagnostics))
        return FAILED
    except FileError as problem:
        print_stderr(f"error: {problem}")
        if problem.help:
            print_stderr(f"  help: {problem.help}")
        return FAILED
    except OSError as error:
        # Errors of stdout are reported at the end; the reader of the output may have exited.
        if output_problem() is None and not isinstance(error, BrokenPipeError):
            print_stderr(f"error: {_os_error_text(error)}")
        return FAILED
    # Notices about caches from commands that run no program.
    print_diagnostics(Diagnostic("W402", text, help=help) for text, help in pending_notices())
    return result if isinstance(result, int) else OK


def _os_error_text(error: OSError) -> str:
    """The error of the operating system, in one line."""
    name = f"`{error.filename}`: " if error.filename is not None else ""
    return name + (error.strerror or str(error)).lower()
