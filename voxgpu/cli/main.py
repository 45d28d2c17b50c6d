"""The commands, exit codes, and how mistakes are shown. Nothing heavy is imported here."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from voxgpu import __version__
from voxgpu.caches.notices import untold
from voxgpu.cli.shutdown import ended_early, listen
from voxgpu.cli.streams import open_streams, output_problem
from voxgpu.cli.terminal import condensed, print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.files.errors import FileError

#: Exit codes: all goals delivered; a goal or the program failed; wrong usage.
#: `ended_early` has others.
OK, FAILED, USAGE = 0, 1, 2

#: Each command, the module that has it, and its help for the list, so that the list is quick.
COMMANDS = {
    "run": ("voxgpu.cli.run", "Run a program: print and save what it asks for."),
    "cohort": ("voxgpu.cli.cohort", "Run a program over many cases, and write a table."),
    "check": ("voxgpu.cli.check", "Tell what is wrong with a program, without running it."),
    "show": ("voxgpu.cli.show", "Show a program after any stage, from its syntax to its kernels."),
    "repl": ("voxgpu.cli.repl", "Enter a program line by line and see what it comes to."),
    "primitives": ("voxgpu.cli.primitives", "List what programs can use, or explain one of it."),
    "store": ("voxgpu.cli.store", "Look after the results that are kept between runs."),
    "kernels": ("voxgpu.cli.kernels", "Compile kernels ahead of the runs that need them."),
    "doctor": ("voxgpu.cli.doctor", "Tell what this computer has, and try it out."),
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
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
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
            raise _Early from error


class _Early(BaseException):
    """Somebody ended a command early; click would write an empty line for it."""


def _no_command(name: str) -> str:
    """What is said of a word that is no command: it may be a program."""
    if name.endswith(".imgql") or os.path.isfile(name):  # noqa: PTH113
        return f"no command before `{name}`: to run the program, write voxgpu run {name}"
    close = get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean `{close[0]}`?" if close else "voxgpu --help lists the commands"
    return f"there is no command `{name}`: {hint}"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="voxgpu", message="%(prog)s %(version)s")
def voxgpu() -> None:
    """Say what to find in a 3-D image, in a few lines of ImgQL, and have it found.

    Results and compiled kernels are kept in the platform's cache folder; VOXGPU_CACHE names
    another one, or several, VOXGPU_STORE the folder of results alone, or none.
    """
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        # Half of what is below asks for it.
        reason = "the current folder is not there any more: change to another one"
        raise click.ClickException(reason) from None


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits."""
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
    except (_Early, click.Abort, KeyboardInterrupt):
        return ended_early()
    except ImgqlError as error:
        print_diagnostics(condensed(error.diagnostics))
        return FAILED
    except FileError as problem:
        print_stderr(f"error: {problem}")
        if problem.help:
            print_stderr(f"  help: {problem.help}")
        return FAILED
    except OSError as error:
        # What cannot be printed is told at the end; whoever read our output may have gone.
        if output_problem() is None and not isinstance(error, BrokenPipeError):
            print_stderr(f"error: {_told(error)}")
        return FAILED
    # What commands say of caches that run no program.
    print_diagnostics(Diagnostic("W402", text, help=help) for text, help in untold())
    return result if isinstance(result, int) else OK


def _told(error: OSError) -> str:
    """What the system refused, in one line."""
    name = f"`{error.filename}`: " if error.filename is not None else ""
    return name + (error.strerror or str(error)).lower()
