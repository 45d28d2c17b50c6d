"""The report of a run, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voxgpu.primitives.sequence import shown
from voxgpu.profiling.shares import wall_shares
from voxgpu.profiling.table import Known, by_kernel, task_times
from voxgpu.report.charts import seconds_text, shares_bar
from voxgpu.report.figures import ImageFigure, figure_of
from voxgpu.report.listing import listing, message
from voxgpu.report.markup import Content, Markup, element, facts, table
from voxgpu.report.page import page, section, write_page
from voxgpu.report.plan_picture import plan_picture, seconds_by_node
from voxgpu.report.run_contents import RunContents
from voxgpu.report.saved_images import ImageReader, sources_of
from voxgpu.report.viewer import Volume, viewer, volume_of

#: Up to how many saved images a page shows; the others are named.
MOST_IMAGES = 60

#: Up to how many layers the viewer has.
MOST_LAYERS = 24

#: Up to how many kernels are listed with their times.
_MOST_KERNELS = 15


def write_run_report(path: Path, contents: RunContents, beside: bool = False) -> None:
    """Write the page of a run as a whole, after the files that belong to it, if there are any.

    beside  volumes of the viewer are files in a folder beside the page, ``NAME_files``

    Raises FileError where a file cannot be written.
    """
    write_page(path, run_page(path, contents, beside))


def run_page(path: Path, contents: RunContents, beside: bool) -> str:
    """The text of the page of a run."""
    result = contents.result
    name = Path(str(contents.about["program"]["path"])).name
    figures, volumes = _figures(contents)
    anchors = {each.place: each.anchor for each in figures}
    sizes = {each.place: each.size for each in figures if each.size}
    parts: list[tuple[str, str, Markup]] = []

    def add(id: str, title: str, *content: Content, is_open: bool | None = None) -> None:
        parts.append((id, title, section(id, title, *content, is_open=is_open)))

    placed = [
        each
        for each in contents.diagnostics
        if each.span is None or each.span.source is not contents.source
    ]
    if placed:
        add("messages", "Messages", [message(each) for each in placed])
    if result.prints:
        rows = [(each.label, element("strong", shown(each.value))) for each in result.prints]
        add("values", "Printed values", table(("label", "value"), rows, class_="values"))
    add("program", "Program", listing(contents, anchors, sizes))
    if figures:
        omitted = len(result.saved) - len(figures)
        note = element("p", f"{omitted} more images were saved.", class_="note")
        shown_figures = [each.html for each in figures]
        add("images", "Saved images", shown_figures, note if omitted else None)
    scripts: Sequence[str] = ()
    if volumes:
        view, scripts = viewer(volumes, path, beside)
        add("in-3-d", "Viewer", view)
    if contents.compiled is not None:
        times = task_times(contents.recorder.spans, Known.of(contents.recorder.plans))
        picture = plan_picture(contents.compiled.plan, seconds_by_node(times))
        add("plan", "Plan", picture, is_open=False)
        add("timings", "Timings", _timings(contents), is_open=False)
    add("provenance", "Provenance", _provenance(contents), is_open=False)
    return page(
        name,
        _summary(contents),
        [each for _, _, each in parts],
        links=[(id, title) for id, title, _ in parts],
        scripts=("page.js", "viewer.js"),
        extra_scripts=scripts,
        beside=beside and bool(volumes),
    )


def _figures(contents: RunContents) -> tuple[list[ImageFigure], list[Volume]]:
    """The figures of saved images, and volumes of them and of what they were made from."""
    figures: list[ImageFigure] = []
    volumes: dict[str, Volume | None] = {}
    if contents.compiled is None:
        return figures, []
    sources = sources_of(contents.compiled)
    labeled = {each.label for each in contents.compiled.plan.goals if each.labels}
    reader = ImageReader()
    for place, saved in enumerate(contents.result.saved[:MOST_IMAGES]):
        image = reader.read(saved, sources.get(saved.label), saved.label in labeled)
        figures.append(figure_of(image, place))
        if image.background is not None and image.source is not None:
            path = image.source.path
            if path not in volumes:
                volumes[path] = volume_of(Path(path).name, image.background, False)
        if image.image is not None and len(volumes) < MOST_LAYERS:
            volumes[f"saved {place}"] = volume_of(
                saved.label, image.region or image.image, image.is_region
            )
    return figures, [each for each in volumes.values() if each is not None]


def _summary(contents: RunContents) -> Content:
    result = contents.result
    failed = len(result.errors)
    state = "done"
    if contents.compiled is None:
        state = "the program has errors"
    elif failed:
        state = "1 error" if failed == 1 else f"{failed} errors"
    badge = element("span", state, class_=f"badge {'bad' if failed else 'good'}")
    said = [f"run on {contents.about['started'][:19].replace('T', ' ')} UTC"]
    if contents.device:
        said.append(f"on {contents.device}")
    said.append(f"in {seconds_text(contents.end - contents.start)}")
    defined = "".join(f" {k}={v}" for k, v in contents.about["definitions"].items())
    return badge, " ", " ".join(said), element("span", defined, class_="definitions")


def _timings(contents: RunContents) -> Content:
    seconds = contents.end - contents.start
    shares = wall_shares(contents.recorder.spans, contents.start, contents.end)
    known = Known.of(contents.recorder.plans)
    kernels = by_kernel(task_times(contents.recorder.spans, known))
    result = contents.result
    counts = (
        f"{result.computed} of {result.nodes} operations computed, {result.reused} from the store; "
        f"{seconds_text(seconds)} in all."
    )
    rows = [
        (
            each.name,
            seconds_text(each.seconds),
            seconds_text(each.cpu),
            f"{each.calls:g}",
            ", ".join(each.sources),
        )
        for each in kernels[:_MOST_KERNELS]
    ]
    head = ("kernel", "time", "CPU time", "calls", "from")
    return (
        element("p", counts),
        element("h3", "What the time went to"),
        shares_bar(shares, seconds),
        element("h3", "What took longest"),
        table(head, rows, class_="sortable"),
    )


def _provenance(contents: RunContents) -> Content:
    about = contents.about
    program: Mapping[str, Any] = about["program"]
    host: Mapping[str, str] = about["host"]
    pairs: list[tuple[str, Content]] = [
        ("program", _file(program["path"], program["sha256"])),
        *(("import", _file(each["path"], each["sha256"])) for each in program["imports"]),
        *(("primitives", _file(each["path"], each["sha256"])) for each in program["primitives"]),
        *((f"${name}", element("code", text)) for name, text in about["definitions"].items()),
        *(("input", _file(each["path"], each["sha256"])) for each in about["inputs"]),
        *(("result", _file(str(each.path), None)) for each in contents.result.saved),
        ("voxgpu", about["version"]),
        ("Python", host["python"]),
        ("computer", f"{host['name']}, {host['system']}"),
        ("device", contents.device or "none: nothing was computed"),
        ("started", about["started"]),
        ("finished", about["finished"]),
    ]
    if about["run"]:
        pairs.append(("run", element("code", f"voxgpu runs show {about['run']}")))
    return facts(pairs)


def _file(path: str, digest: str | None) -> Content:
    said = element("span", f"SHA-256 {digest}", class_="digest") if digest else None
    return element("code", path), said
