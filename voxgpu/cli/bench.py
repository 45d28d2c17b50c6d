"""``voxgpu bench``: times of a program on several devices, and of single operators."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import (
    UserPath,
    check_writable,
    options_of,
    options_without_output,
    source_of,
)
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.terminal import Progress, print_stderr, progress
from voxgpu.cli.written_files import check_suffix, check_written_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from voxgpu.bench.job import Job
    from voxgpu.bench.operators import Row
    from voxgpu.bench.tables import Table
    from voxgpu.compile import Options

_MODES = ("cold", "cold-store", "warm", "warm-store")


def _words(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """The words between commas, of all times that an option is given."""
    words = [word.strip() for text in texts for word in text.split(",")]
    return tuple(dict.fromkeys(filter(None, words)))


def _thread_counts(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[int, ...]:
    words = _words(context, parameter, texts)
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word)):
            raise click.BadParameter(f"{word!r} is no number of threads, such as 1,2")
    return tuple(map(int, words))


@click.command()
@click.argument("program", type=UserPath(path_type=Path), required=False)
@options_without_output
@click.option(
    "--device",
    multiple=True,
    default=("cpu,reference",),
    callback=_words,
    metavar="NAME,…",
    help="Devices to compare, such as cpu,cuda:0,reference (default: cpu,reference); two GPUs "
    "together are cuda:0+cuda:1.",
)
@click.option(
    "--threads",
    multiple=True,
    callback=_thread_counts,
    metavar="N,…",
    help="Numbers of threads to compare, such as 1,2 (default: one per core).",
)
@click.option(
    "--mode",
    multiple=True,
    callback=_words,
    metavar="|".join(_MODES),
    help="Runs to time, separated by commas (default: all).",
)
@click.option(
    "--repeat", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each."
)
@click.option(
    "--memory", type=SIZE, metavar="SIZE", help="Memory limit of each process, such as 4G."
)
@click.option(
    "--against",
    multiple=True,
    callback=_words,
    metavar="PEER,…",
    help="Libraries, such as SimpleITK,scipy, beside which the last operator of each goal is "
    "timed on the CPU; with --operators: the only ones.",
)
@click.option("--operators", is_flag=True, help="Time single operators instead of a program.")
@click.option(
    "--only",
    multiple=True,
    callback=_words,
    metavar="NAME,…",
    help="With --operators: only those with one of these in their names.",
)
@click.option(
    "--image",
    type=UserPath(path_type=Path),
    metavar="FILE",
    help="With --operators: the image (default: a synthetic head of 240×240×155 voxels).",
)
@click.option(
    "--json",
    "as_json",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE.json",
    help="Write what was measured, with facts about this computer.",
)
@click.option(
    "--plot",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE.png",
    help="Draw it; needs matplotlib.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(**arguments: Any) -> int:
    """Time PROGRAM on several devices, after checking that all have the same results.

    What the program saves goes to a temporary folder, and so do caches and stores: nothing is left.

    Exit status: 0 all was measured, 1 results differ or a run failed, 2 wrong usage.
    """
    _check_usage(arguments)
    _check_libraries(arguments)
    _check_files(arguments)
    return _time_operators(arguments) if arguments["operators"] else _time_program(arguments)


def _check_usage(arguments: dict[str, Any]) -> None:
    """Raise UsageError for options that do not fit together."""
    if arguments["operators"]:
        if arguments["program"] is not None:
            raise click.UsageError("--operators takes no PROGRAM: --image names an image")
        if len(arguments["threads"]) > 1:
            raise click.UsageError("--operators takes one number of --threads")
        return
    if not arguments["device"]:
        raise click.UsageError("--device names no device; write --device cpu,reference")
    if arguments["program"] is None:
        raise click.UsageError("name a PROGRAM, or single operators with --operators")
    for name in ("only", "image"):
        if arguments[name]:
            raise click.UsageError(f"--{name} needs --operators")
    for mode in arguments["mode"]:
        if mode not in _MODES:
            raise click.UsageError(f"there is no --mode {mode}; there are {', '.join(_MODES)}")


def _check_files(arguments: dict[str, Any]) -> None:
    """Raise BadParameter or ImgqlError for files that cannot, or should not, be written."""
    files = {"--json": arguments["as_json"], "--plot": arguments["plot"]}
    named = (arguments["program"], arguments["image"])
    needed = [each for each in named if each is not None] + [*arguments["primitives"]]
    check_written_files(files, needed, ["--plot"])
    check_suffix(files["--json"], (".json",), "what is measured", "--json")
    check_suffix(files["--plot"], (".png", ".svg", ".pdf"), "a plot", "--plot")
    for option, path in files.items():
        if path is not None:
            check_writable(path, option)
    if arguments["plot"] is not None and not arguments["operators"] and arguments["plot"].exists():
        check_written_files(files, _loaded(arguments), ["--plot"])


def _loaded(arguments: dict[str, Any]) -> list[Path]:
    """The files that a program loads, as far as headers tell."""
    from voxgpu.compile import compile_program, unread

    compiled = compile_program(
        source_of(arguments), arguments["program"], _options(arguments), unread
    )
    return [Path(file) for each in compiled.plan.files.values() for file in each.files]


def _options(arguments: dict[str, Any]) -> Options:
    """The options of the program: what it saves goes nowhere."""
    nowhere = {"output": Path(), "write_root": (), "overwrite_inputs": True}
    return options_of({**arguments, **nowhere}, writes=False)


def _check_libraries(arguments: dict[str, Any]) -> None:
    """Raise UsageError for an unknown peer, and ImgqlError for a missing library."""
    if arguments["plot"] is not None:
        from voxgpu.cohorts.plots import check_matplotlib

        check_matplotlib()
    if not arguments["against"]:
        return
    from voxgpu.bench.peers import INSTALL, LIBRARIES, available

    for name in arguments["against"]:
        if name not in LIBRARIES:
            known = ", ".join(LIBRARIES)
            raise click.UsageError(f"there is no peer {name!r} for --against; there are {known}")
        if not available(name):
            message = f"--against {name} needs {LIBRARIES[name]}, which is not installed"
            raise click.ClickException(f"{message}: {INSTALL}")


def _time_program(arguments: dict[str, Any]) -> int:
    from voxgpu.bench.job import Job, columns_of

    try:
        columns = columns_of(arguments["device"], arguments["threads"])
    except ValueError as error:
        raise click.UsageError(f"--device: {error}") from None
    program = arguments["program"]
    job = Job(source_of(arguments), program.absolute(), _options(arguments), arguments["memory"])
    if arguments["against"]:
        return _time_goals(job, arguments)
    from voxgpu.bench.comparison import compare
    from voxgpu.bench.tables import comparison_as_json, comparison_table

    modes = arguments["mode"] or _MODES
    with _measuring(arguments) as bar:
        found = compare(job, columns, modes, arguments["repeat"], bar.show)
    for name, reason in found.absent.items():
        print_stderr(f"{name} is left out: {reason}")
    _print(comparison_table(found))
    data = {"program": str(program), "repeat": arguments["repeat"], **comparison_as_json(found)}

    def draw() -> Figure:
        from voxgpu.bench.plots import comparison_figure

        return comparison_figure(found)

    _write(arguments, program.name, data, draw)
    return 0


def _time_goals(job: Job, arguments: dict[str, Any]) -> int:
    from voxgpu.bench.single_goals import time_goals

    threads = arguments["threads"][0] if arguments["threads"] else None
    with _measuring(arguments):
        found = time_goals(job, arguments["against"], arguments["repeat"], threads)
    for label, name in found.without.items():
        print_stderr(f"`{label}` ends with `{name}`, which none of these libraries has")
    if not found.rows:
        message = f"no goal of `{job.path.name}` ends with an operator of these libraries"
        hint = "print or save the result of one operator, such as near(m)"
        raise click.ClickException(f"{message}: {hint}")
    _tell_operators(arguments, job.path.name, found.rows)
    return 0


def _time_operators(arguments: dict[str, Any]) -> int:
    from voxgpu.backends.reference import ReferenceBackend
    from voxgpu.bench.on_image import operations_on
    from voxgpu.bench.operators import OPERATIONS, time_operations
    from voxgpu.bench.peers import INSTALL, missing
    from voxgpu.session import backend_of
    from voxgpu.temporary_files import temporary_folder

    only, against = arguments["only"], arguments["against"]
    names = [
        each.name
        for each in OPERATIONS
        if not only or any(text.lower() in each.name.lower() for text in only)
    ]
    if not names:
        known = ", ".join(each.name for each in OPERATIONS)
        raise click.UsageError(
            f"no operator has {' or '.join(only)} in its name; there are {known}"
        )
    absent = missing()
    if absent and not against:
        print_stderr(f"left out, since they are not installed: {', '.join(absent)}")
        print_stderr(f"  help: {INSTALL}")
    threads = arguments["threads"][0] if arguments["threads"] else None
    backend = backend_of("cpu", threads)
    try:
        with temporary_folder("bench") as folder, _measuring(arguments) as bar:
            image = arguments["image"] or _synthetic_head(folder)
            operations = operations_on(image, backend)
            done = iter(range(len(names)))

            def tell(row: Row) -> None:
                bar.show(row.operation, next(done) + 1, len(names))

            rows = time_operations(
                operations,
                arguments["repeat"],
                names.__contains__,
                ReferenceBackend(),
                tell,
                against or None,
            )
    except (AssertionError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        backend.close()
    _tell_operators(arguments, str(arguments["image"] or "a synthetic head"), rows)
    return 0


def _synthetic_head(folder: Path) -> Path:
    from voxgpu.demo.phantom import make_phantom
    from voxgpu.files.write import write_image

    phantom = make_phantom((155, 240, 240), 0, 1.0)
    write_image(folder / "head.nii", phantom.flair)
    return folder / "head.nii"


def _tell_operators(arguments: dict[str, Any], data: str, rows: Sequence[Row]) -> None:
    from dataclasses import asdict

    from voxgpu.bench.tables import operators_table

    _print(operators_table(rows))

    def draw() -> Figure:
        from voxgpu.bench.plots import operators_figure

        return operators_figure(rows)

    _write(arguments, data, {"operators": [asdict(row) for row in rows]}, draw)


@contextmanager
def _measuring(arguments: dict[str, Any]) -> Iterator[Progress]:
    """Show the progress of the block; tell of processes that failed as of other errors."""
    from voxgpu.bench.worker_process import WorkerFailed

    try:
        with progress(not arguments["quiet"]) as bar:
            yield bar
    except WorkerFailed as error:
        raise click.ClickException(str(error)) from None


def _print(table: Table) -> None:
    if not sys.stdout.isatty():
        click.echo(str(table))
        return
    from rich.console import Console
    from rich.table import Table as RichTable

    shown = RichTable(title=table.title, title_justify="left")
    for number, name in enumerate(table.head):
        shown.add_column(name, justify="left" if number < table.names else "right")
    for row in table.rows:
        shown.add_row(*row)
    Console().print(shown)


def _write(
    arguments: dict[str, Any], data: str, found: dict[str, Any], draw: Callable[[], Figure]
) -> None:
    """Write the files that options ask for, each as a whole."""
    from voxgpu.backends.thread_pool import usable_cores
    from voxgpu.bench.machine import description
    from voxgpu.files.whole_file import whole_file, write_whole

    if arguments["as_json"] is not None:
        machine = description(data, max(arguments["threads"], default=usable_cores()))
        text = json.dumps({"machine": machine, **found}, indent=1, ensure_ascii=False)
        write_whole(arguments["as_json"], f"{text}\n".encode())
    if arguments["plot"] is not None:
        suffix = arguments["plot"].suffix.removeprefix(".").lower()
        with whole_file(arguments["plot"]) as path:
            draw().savefig(path, format=suffix, dpi=150)
