"""The compiler front end: all stages from program text to plan, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import partial
from pathlib import Path

from voxgpu.diagnostics import Diagnostic, Diagnostics, ImgqlError, Source
from voxgpu.files.access import AllowedRoots
from voxgpu.files.digest import Digests
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header
from voxgpu.files.in_memory import in_memory_header, type_of
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.refusals import SaveRefusals
from voxgpu.frozen import frozen
from voxgpu.garbage import held_back
from voxgpu.image import TOLERANCE, Image
from voxgpu.language.ast import Command, Dialect, Expression, Let, Load, Print, Save, Value
from voxgpu.language.imports import Programs, not_text, operators_of
from voxgpu.language.ir import Program
from voxgpu.language.names import Names
from voxgpu.language.parse import declared_dialect
from voxgpu.language.resolve import resolve
from voxgpu.language.scope import suggestion
from voxgpu.language.syntax_errors import END
from voxgpu.plan.lowering import Ask, lower
from voxgpu.plan.node import Plan, without_dead_nodes
from voxgpu.plan.program_files import HeaderMemory, ProgramFiles
from voxgpu.plan.saves import refuse_inputs, warn_of_overwriting, with_files
from voxgpu.primitives.catalogue import Catalogue, catalogue, standard_primitives
from voxgpu.primitives.extension import BrokenExtension, clash, from_file, from_packages
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.simpleitk import SimpleITKNamespace
from voxgpu.unicode_paths import on_disk


@frozen
class Options:
    """Everything besides its text that affects the meaning of a program.

    define   program variables and their text
    output   the folder for relative output paths; None: nothing is written
    dialect  the dialect; None: the one declared on the program's first line, else voxgpu's
    adopt    treat images of equal shape as lying on one grid (``--same-grid adopt``); None: only
             if the dialect does
    roots    the folders that the program may read and write
    primitives  Python files that define additional primitives
    read     how headers of image files are read
    tolerance  maximum distance between voxel centers of agreeing grids, in smallest spacings
    images   in-memory images that replace files in ``load``, by name
    writes   whether the program will be run; otherwise write-protected folders are no error
    overwrite_inputs  whether the program may overwrite files that it loads
    """

    define: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = Path()
    dialect: Dialect | None = None
    adopt: bool | None = None
    roots: AllowedRoots = field(default_factory=AllowedRoots)
    primitives: tuple[Path, ...] = ()
    read: ReadOptions = AS_USUAL
    tolerance: float = TOLERANCE
    images: Mapping[str, Image] = field(default_factory=dict)
    writes: bool = True
    overwrite_inputs: bool = False


@frozen
class Prelude:
    """Commands that were built without a text and come before a program.

    given       headers of in-memory images that their ``load`` takes instead of files, by name
    primitives  primitives that are in no file
    bound       what the program's ``load`` takes instead of files, over what the commands bind
    """

    commands: tuple[Command, ...] = ()
    given: Mapping[str, Header] = field(default_factory=dict)
    primitives: tuple[Primitive, ...] = ()
    bound: Mapping[str, Expression] = field(default_factory=dict)


@frozen
class Compiled:
    """A program after every stage; after errors, later stages are incomplete.

    commands  the syntax of the program and of everything it imports
    """

    source: Source
    commands: tuple[Command, ...]
    program: Program
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors, which prevent the program from running."""
        return tuple(each for each in self.diagnostics if each.is_error)


def unread(header: Header) -> str:
    """A placeholder digest, for checking a program without reading voxels."""
    return f"unread {header.path}"


def read_source(path: Path) -> Source:
    """Reads a program file. Raises ImgqlError if that fails."""
    try:
        return Source(str(path), _text(path))
    except UnicodeDecodeError as error:
        raise ImgqlError([not_text(str(path), error)]) from error
    except OSError as error:
        message = f"cannot read the program `{path}`: {error.strerror or error}"
        advice = "standard input is `/dev/stdin`" if str(path) == "-" else ""
        raise ImgqlError([Diagnostic("E109", message, help=advice)]) from error


def compile_program(
    source: Source,
    path: Path | None,
    options: Options,
    digest: Callable[[Header], str] | None = None,
    ask: Ask | None = None,
    seen: HeaderMemory | None = None,
    prelude: Prelude | None = None,
) -> Compiled:
    """Parses, resolves and lowers a program; reads only headers, no voxels.

    path    the program's file, if any
    digest  returns the content digest of a file; None: computed by reading it
    ask     runs a part of the program on whose value the rest depends; None: goals that need it are
            left out
    seen    cached headers of files
    prelude  commands that come before the program
    """
    with held_back():
        read = partial(Programs.read, source=source)
        return _compile([source], read, path, options, digest or Digests().of, ask, seen, prelude)


def compile_more(
    sources: Sequence[Source],
    options: Options,
    digest: Callable[[Header], str],
    ask: Ask | None = None,
    folders: Mapping[Source, Path] | None = None,
    path: Path | None = None,
    seen: HeaderMemory | None = None,
) -> Compiled:
    """Compiles consecutive texts; the goals are those of the last one.

    The last text may be an expression, which gives one goal, ``find``. Warnings about the other
    texts are omitted, since they were reported when those were last.

    folders  where relative imports of a text from a file are looked for first
    path     the file that ``$file`` and related variables refer to, if any
    """
    with held_back():
        read = partial(_read_all, sources, folders or {})
        return _compile(sources, read, path, options, digest, ask, seen)


def compile_commands(
    prelude: Prelude,
    source: Source,
    options: Options,
    digest: Callable[[Header], str],
    ask: Ask | None = None,
    seen: HeaderMemory | None = None,
) -> Compiled:
    """Compiles commands that were built without a text.

    source  where their spans are, for the order of diagnostics
    """
    with held_back():
        return _compile([source], _nothing, None, options, digest, ask, seen, prelude)


def loaded_names(source: Source, path: Path | None, options: Options) -> list[str]:
    """Returns the names that a program loads, in order; only its syntax is examined."""
    dialect = options.dialect or declared_dialect(source.text) or Dialect.IMGQL
    names = catalogue(known_primitives(options.primitives, Diagnostics()), dialect.value)
    reader = reader_of(names, dialect, options, Diagnostics())
    return _loads(reader.read(source, path.parent if path else Path()))


def unfinished(
    sources: Sequence[Source], options: Options, folders: Mapping[Source, Path] | None = None
) -> bool:
    """Returns whether the last text is merely incomplete; only its syntax is examined."""
    diagnostics = Diagnostics()
    dialect = options.dialect or declared_dialect(sources[0].text) or Dialect.IMGQL
    names = catalogue(known_primitives(options.primitives, Diagnostics()), dialect.value)
    reader = reader_of(names, dialect, options, diagnostics)
    _read_all(sources, folders or {}, reader, Path())
    errors = [each for each in diagnostics.all if each.is_error]
    return bool(errors) and all(END in each.message for each in errors)


def reader_of(
    names: Catalogue, dialect: Dialect, options: Options, diagnostics: Diagnostics
) -> Programs:
    """Creates the reader of texts and their imports, with the primitives' operators."""
    signs = operators_of(
        {name: frozenset(len(p.parameters) for p in each) for name, each in names.items()}
    )
    every = options.dialect is not None
    read_text = _guarded(options.roots)
    return Programs(signs, dialect, every, read_text, diagnostics, (FileError,))


def _read_all(
    sources: Sequence[Source], folders: Mapping[Source, Path], reader: Programs, folder: Path
) -> list[Command]:
    """Returns the commands of all texts, with the goals of the last one only.

    ``folder`` is that of the file that ``$file`` refers to, which is not necessarily a text's own.
    """
    standard = reader.standard()
    read = [reader.read_more(source, folders.get(source, Path())) for source in sources]
    before = [each for commands in read[:-1] for each in commands]
    kept = [each for each in before if not isinstance(each, Save | Print | Value)]
    return [*standard, *kept, *read[-1]]


def _compile(
    sources: Sequence[Source],
    read: Callable[..., list[Command]],
    path: Path | None,
    options: Options,
    digest: Callable[[Header], str],
    ask: Ask | None,
    seen: HeaderMemory | None,
    prelude: Prelude | None = None,
) -> Compiled:
    source, prelude = sources[-1], prelude or Prelude()
    diagnostics = Diagnostics()
    dialect = options.dialect or declared_dialect(sources[0].text) or Dialect.IMGQL
    known_here = [*known_primitives(options.primitives, diagnostics), *prelude.primitives]
    names = catalogue(known_here, dialect.value)
    reader = reader_of(names, dialect, options, diagnostics)
    folder = path.parent if path else Path()
    before = [*reader.standard(), *reader.expanded(prelude.commands, folder)]
    commands = read(reader, folder=folder)
    _refuse_unknown([*options.images, *prelude.bound], commands, diagnostics)
    commands = [*before, *(_with_bound(each, prelude.bound) for each in commands)]
    variables = {**_standard_variables(path), **options.define}
    used: set[str] = set()
    known = Names(names, {"simpleitk": SimpleITKNamespace()}, reader.namespaces)
    zeros = dialect is Dialect.IMGQL1
    beside = path.parent if path else None
    files = ProgramFiles(options.roots, replace(options.read, zeros=zeros), seen, beside)
    headers = {name: in_memory_header(name, image) for name, image in options.images.items()}
    images = {
        name: (type_of(header.in_memory.image), header)
        for name, header in {**headers, **prelude.given}.items()
        if header.in_memory is not None
    }
    program = resolve(commands, known, variables, files.describe, diagnostics, images, used)
    if len(sources) == 1:
        _warn_of_unused(options.define, variables, used, diagnostics)
    adopt = options.adopt if options.adopt is not None else dialect is Dialect.IMGQL1
    refuse = SaveRefusals(options.output, options.roots, options.writes).reason
    may_ask = None if any(each.is_error for each in diagnostics.all) else ask
    plan = lower(program, digest, refuse, diagnostics, files, adopt, may_ask, options.tolerance)
    if options.output is not None:
        plan = with_files(plan, options.output)
        refuse_inputs(plan, diagnostics, options.overwrite_inputs)
    warn_of_overwriting(plan, diagnostics)
    new_diagnostics = [each for each in diagnostics.all if not _is_old(each, sources)]
    ordered = sorted(new_diagnostics, key=lambda each: _sort_key(each, source))
    return Compiled(source, tuple(commands), program, without_dead_nodes(plan), tuple(ordered))


def _nothing(reader: Programs, folder: Path) -> list[Command]:
    return []


def _loads(commands: Iterable[Command]) -> list[str]:
    return list(dict.fromkeys(each.name for each in commands if isinstance(each, Load)))


def _with_bound(command: Command, bound: Mapping[str, Expression]) -> Command:
    """Returns the command that binds an expression instead of a file, if there is one."""
    if not isinstance(command, Load) or command.name not in bound:
        return command
    return Let(command.name, None, bound[command.name], command.declared, command.span)


def _refuse_unknown(
    images: Iterable[str], commands: Iterable[Command], diagnostics: Diagnostics
) -> None:
    """Reports E402 for each in-memory image whose name the program does not load."""
    loaded = _loads(commands)
    for name in images:
        if name not in loaded:
            known = f"it loads {', '.join(f'`{each}`' for each in loaded)}" if loaded else ""
            message = f"an image was given for `{name}`, which the program does not load"
            help = suggestion(name, loaded) or known or f'write: load {name} = "{name}.nii.gz"'
            diagnostics.add(Diagnostic("E402", message, help=help))


def _warn_of_unused(
    define: Mapping[str, str],
    variables: Mapping[str, str],
    used: Collection[str],
    diagnostics: Diagnostics,
) -> None:
    """Reports W104 for each given program variable that is not used."""
    if any(each.is_error and each.code in ("E100", "E104", "E109") for each in diagnostics.all):
        return
    for name in define:
        if name not in used:
            message = f"the program does not use the variable `{name}` that was given"
            known = ", ".join(f"`${each}`" for each in sorted(used))
            hint = f"it uses {known}" if known else f"where it is wanted, write ${name}"
            diagnostics.add(Diagnostic("W104", message, help=hint))


def _is_old(diagnostic: Diagnostic, sources: Sequence[Source]) -> bool:
    """Returns whether a warning was already reported for an earlier text.

    Errors are always new: a text with errors is not accepted. An error in an accepted text means
    that its functions are used differently, or that a file has changed.
    """
    places = [diagnostic.span, *(note.span for note in diagnostic.notes)]
    if diagnostic.is_error or any(each and each.source is sources[-1] for each in places):
        return False
    span = diagnostic.span
    return span is not None and any(span.source is each for each in sources[:-1])


def known_primitives(paths: Iterable[Path], diagnostics: Diagnostics) -> list[Primitive]:
    """Returns the primitives of voxgpu, of installed packages and of the given files."""
    known = list(standard_primitives())
    packaged, warnings = from_packages()
    for warning in warnings:
        diagnostics.add(warning)
    groups = [packaged]
    for path in paths:
        try:
            groups.append(from_file(path))
        except BrokenExtension as broken:
            diagnostics.add(broken.diagnostic)
    for added in groups:
        problem = clash(known, added)
        if problem:
            diagnostics.add(problem)
        else:
            known += added
    return known


def _sort_key(diagnostic: Diagnostic, source: Source) -> tuple[bool, int]:
    """A sort key: diagnostics in the program in text order, then all others."""
    span = diagnostic.span
    return (span is None or span.source is not source, span.start if span else 0)


def _text(path: Path) -> str:
    # Some editors write a byte order mark, which is not part of the text.
    return path.read_bytes().decode("utf-8-sig")


def _guarded(roots: AllowedRoots) -> Callable[[Path], str]:
    def read_text(path: Path) -> str:
        roots.check_read(path)
        return _text(on_disk(path))

    return read_text


def _standard_variables(path: Path | None) -> dict[str, str]:
    """Returns ``$cwd`` and, for a program file, ``$file $filename $stem $dir``."""
    current: dict[str, str] = {}
    # The current folder may have been deleted.
    with suppress(FileNotFoundError):
        current["cwd"] = str(Path.cwd())
    if path is None:
        return current
    whole = path.absolute()
    return {
        **current,
        "file": str(whole),
        "filename": whole.name,
        "stem": whole.stem,
        "dir": str(whole.parent),
    }
