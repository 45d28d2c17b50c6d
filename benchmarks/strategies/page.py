"""The page about strategies: its blocks of figures, written from the data file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.strategies.sentences import SENTENCES
from benchmarks.strategies.table_text import megabytes, ratio, seconds, table

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "execution-strategies.md"

#: The data, by section.
Data = dict[str, Any]

_BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def write(data: Data) -> None:
    """Writes the figures on the page anew, and the plots if matplotlib is installed."""
    from benchmarks import plots as drawing
    from benchmarks.strategies import plots

    PAGE.write_text(rendered(PAGE.read_text("utf-8"), data), "utf-8")
    if drawing.can_draw():
        plots.draw(data, ROOT / "docs" / "images")


def rendered(text: str, data: Data) -> str:
    """Returns the page with the figures of the data between its marks."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}{BLOCKS[found[2]](data)}\n{found[4]}"

    return _BLOCK.sub(block, text)


def _data(data: Data, section: str) -> Any:
    return data[section]["data"]


def machine(data: Data) -> str:
    """The computer, the data and the versions."""
    about = data["programs"]["machine"]
    minutes = sum(section["seconds"] for section in data.values()) / 60
    return (
        f"Measured on {about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, "
        f"{about['system']}, Python {about['python']}, {about['threads']} threads, on "
        f"`{about['data']}`; all sections took {minutes:.0f} minutes. Cores are shared: trust "
        "ratios within a table."
    )


def summary(data: Data) -> str:
    """One row for each strategy."""
    chain = _data(data, "coordination")["chain"]
    programs, faults = _data(data, "programs"), _data(data, "faults")
    lines = _data(data, "lines")["prototypes"]
    rows = []
    for name, tumor in programs["tumor"].items():
        sweep = programs["sweep"].get(name, {})
        points = chain[name]["points"]
        rows.append(
            [
                name,
                f"{points[-1][1] / points[-1][0] * 1e6:.0f} (of {points[-1][0]:,})"
                if points
                else "",
                _times(tumor),
                seconds(tumor.get("first")),
                _times(sweep),
                _own(sweep),
                megabytes(sweep.get("moved")),
                seconds(faults[name]["interrupt"].get("until idle")),
                str(lines[name]),
            ]
        )
    head = ["strategy", "µs a task, longest chain", "tumor, s / CPU", "its first result, s",
            "sweep, s / CPU",
            "sweep, peak MB", "sweep, MB between processes", "s of work after Ctrl-C",
            "lines"]  # fmt: skip
    return table(head, rows)


def _times(answer: Data) -> str:
    """Seconds of wall and of CPU time."""
    return f"{seconds(answer['wall'])} / {seconds(answer['cpu'])}" if "wall" in answer else ""


def _own(answer: Data) -> str:
    """Megabytes at the peak beyond those before the run."""
    return megabytes(answer["peak"] - answer["before"]) if "peak" in answer else ""


def coordination(shape: str) -> Callable[[Data], str]:
    """Microseconds of wall and of CPU time per task, by the length of a program without work."""

    def block(data: Data) -> str:
        found = _data(data, "coordination")[shape]
        longest = max((row["points"] for row in found.values()), key=len)
        rows = []
        for name, row in found.items():
            times = [
                " / ".join(f"{each / tasks * 1e6:.0f}" for each in times)
                for tasks, *times in row["points"]
            ]
            times += [""] * (len(longest) - len(times))
            rows.append([name, *times, row["stopped"]])
        return table(["strategy", *(f"{each[0]:,}" for each in longest), "stopped"], rows)

    return block


def fusion(data: Data) -> str:
    """The sweep with fusion and without, on real and on tiny images."""
    programs, tiny = _data(data, "programs"), _data(data, "coordination")["sweep"]
    rows = []
    for name, apart in programs["sweep, not fused"].items():
        whole = programs["sweep"][name]
        small = [tiny.get(f"{name} {each}", {}) for each in ("fused", "single")]
        rows.append(
            [
                name,
                f"{_count(whole)} / {_count(apart)}",
                f"{seconds(whole.get('wall'))} / {seconds(apart.get('wall'))}",
                f"{seconds(whole.get('cpu'))} / {seconds(apart.get('cpu'))}",
                f"{seconds(whole.get('first'))} / {seconds(apart.get('first'))}",
                f"{_own(whole)} / {_own(apart)}",
                " / ".join(seconds(each.get("wall")) for each in small),
            ]
        )
    head = ["strategy: fused / not", "tasks", "s", "s of CPU time", "first result, s", "peak MB",
            "tiny images, s"]  # fmt: skip
    return table(head, rows)


def _count(found: Data) -> str:
    """The number of tasks; empty if it is not known."""
    return f"{found['tasks']:.0f}" if "tasks" in found else ""


def programs(data: Data) -> str:
    """The tumor program."""
    found = _data(data, "programs")["tumor"]
    apart = _data(data, "programs")["tumor, not fused"]
    rows = []
    for name, each in found.items():
        if "given up" in each:
            rows.append([name, each["given up"], *[""] * 8])
            continue
        rows.append(
            [
                name,
                _times(each),
                _times(apart.get(name, {})),
                seconds(each["cold"]),
                seconds(each["ready"]),
                seconds(each["first"]),
                f"{each['overlapped']:.0%}" if each["overlapped"] is not None else "",
                _own(each),
                megabytes(each["moved"]),
                megabytes(each["handed"]),
            ]
        )
    head = ["strategy", "s / CPU", "not fused, s / CPU", "first run, s", "to be ready, s",
            "first result, s", "files beside computing", "peak MB", "MB between processes",
            "MB through the store"]  # fmt: skip
    return table(head, rows)


def sharing(data: Data) -> str:
    """Two programs that share sub-plans."""
    rows = [
        [name, str(each["computed"]), str(each["twice"])]
        for name, each in _data(data, "sharing").items()
    ]
    return table(["two programs with", "nodes computed", "of these a second time"], rows)


def faults(data: Data) -> str:
    """Failures, interrupts and kills."""
    rows = []
    for name, each in _data(data, "faults").items():
        failure, interrupt = each["failure"], each["interrupt"]
        rows.append(
            [
                name,
                failure.get("given up")
                or f"{failure['delivered']} delivered, {failure['failed']} lost",
                interrupt.get("given up")
                or f"{seconds(interrupt['until stopped'])} / {seconds(interrupt['until idle'])}",
                "" if "given up" in interrupt else str(interrupt["begun later"]),
                "; with its store ".join(
                    _killed(each[kind]) for kind in ("kill", "kill with a store") if kind in each
                ),
            ]
        )
    head = ["strategy", "half of 154 values fail", "Ctrl-C: s until it returns / until idle",
            "tasks begun after it", "kill -9 in the middle"]  # fmt: skip
    return table(head, rows)


def _killed(kill: Data) -> str:
    if "given up" in kill:
        return str(kill["given up"])
    if "performed again" in kill:
        return f"again: {kill['performed again']} of {kill['tasks']} tasks"
    taken = f"{kill['wall']:.1f} s instead of {kill['usual']:.1f} s"
    return f"goes on: {kill['delivered']} of {kill['goals']} goals, {taken}"


def profile(data: Data) -> str:
    """The functions of the session that take the time."""
    found = _data(data, "profile")
    session = found["chain, session, as in VoxLogicA-2"]
    engine = found["chain, engine, threads"]
    rows = [
        [f"`{each['function']}`", f"{each['share']:.0%}", f"{each['calls']:,}"]
        for each in session["functions"]
    ]
    told = (
        f"A chain of {session['tasks']:,} tasks without work takes the session "
        f"{session['wall']:.1f} s and the engine {engine['wall']:.2f} s "
        f"({ratio(session['wall'], engine['wall'])}). Where the session's time goes, in the thread "
        "that coordinates (with the profiler, by a function's own time):"
    )
    return f"{told}\n\n{table(['function', 'share', 'calls'], rows)}"


def lines(data: Data) -> str:
    """Lines of code."""
    found = _data(data, "lines")
    rows = [[name, str(count)] for name, count in found["prototypes"].items()]
    rows.append(["voxgpu's engine itself: spilling, early saves, GPUs, both executors",
                 str(found["engine"])])  # fmt: skip
    return table(["strategy", "lines of code"], rows)


def engines(data: Data) -> str:
    """Other engines."""
    rows: Iterable[list[str]] = [
        [f"{name} {each.get('version', '')}", each["missing"], *[""] * 3]
        if "missing" in each
        else [
            f"{name} {each['version']}",
            seconds(each["ready"]),
            seconds(each["cold"]),
            seconds(each["tumor"]),
            f"{each['chain'] * 1e6:,.0f}",
        ]
        for name, each in _data(data, "engines").items()
    ]
    head = ["engine", "to be ready, s", "tumor, first, s", "tumor, s", "µs a task"]
    return table(head, rows)


BLOCKS: dict[str, Callable[[Data], str]] = {
    "machine": machine,
    "summary": summary,
    "chain": coordination("chain"),
    "wide": coordination("wide"),
    "diamonds": coordination("diamonds"),
    "fusion": fusion,
    "programs": programs,
    "sharing": sharing,
    "faults": faults,
    "profile": profile,
    "lines": lines,
    "engines": engines,
    **SENTENCES,
}
