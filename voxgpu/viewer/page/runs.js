// Running the program over the open cases: progress, prints, layers, messages, cancel.
import { post, remove, textOf } from "./requests.js";
import { button, find, make, message, shown } from "./elements.js";

const KINDS = ["started", "progress", "print", "layer", "warning", "failure", "finished"];

/** Rows of prints that are shown; the report has all. */
const MOST_ROWS = 1000;

/** What is known of a run. */
const newRun = (id, cases) => ({
  id,
  status: "running",
  seconds: null,
  cases: new Set(cases),
  progress: new Map(),
  prints: [],
  messages: [],
  layers: [],
});

export class Runs {
  /** subject: returns what every request has; checker: shows diagnostics of a refused program. */
  constructor(workspace, checker, subject) {
    Object.assign(this, { workspace, checker, subject, run: null, source: null });
    find("run").addEventListener("click", () => this.start());
    find("cancel").addEventListener("click", () => this.cancel());
    workspace.on("cases", () => this.draw());
  }

  get isRunning() {
    return this.run?.status === "running";
  }

  /** Run the program for all open cases. */
  async start() {
    const cases = [...this.workspace.cases.keys()];
    if (this.isRunning) return;
    find("run-problem").replaceChildren();
    if (!cases.length) {
      find("run-problem").replaceChildren(message("warning", "no case is open", "open one in the list of cases"));
      return;
    }
    find("run").disabled = true;
    try {
      const { case: _, ...subject } = this.subject();
      const answer = await post("api/runs", { ...subject, cases });
      this.follow(answer.run, cases);
    } catch (error) {
      if (error.answer?.diagnostics) this.checker.show(error.answer.diagnostics);
      find("run-problem").replaceChildren(message("error", `The program was not run: ${textOf(error)}`));
    }
    find("run").disabled = this.isRunning;
  }

  /** Follow the events of a run from its start: one that was begun now, or one of the history. */
  follow(id, cases) {
    this.source?.close();
    const run = newRun(id, cases);
    this.run = run;
    const source = new EventSource(`api/runs/${encodeURIComponent(id)}/events`);
    this.source = source;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (this.run !== run) return;
        this.take(run, kind, JSON.parse(event.data));
        if (run.status !== "running") source.close();
        this.drawSoon();
      });
    }
    source.onerror = () => {
      // It connects again by itself, unless the server refused.
      if (source.readyState === EventSource.CLOSED && run.status === "running") {
        run.status = "lost";
        run.messages.push({ kind: "error", text: "the server does not tell of this run any more" });
        this.draw();
      }
    };
    this.draw();
  }

  take(run, kind, data) {
    if (data.case) run.cases.add(data.case);
    if (kind === "progress") run.progress.set(data.case, data);
    if (kind === "print") run.prints.push(data);
    if (kind === "layer") this.takeLayer(run, data);
    if (kind === "warning" || kind === "failure") {
      const told = data.diagnostics ?? [data];
      for (const each of told) {
        const text = each.message ?? each.error ?? each.text ?? "";
        run.messages.push({
          kind: kind === "failure" ? "error" : "warning",
          case: data.case,
          text,
          line: each.line,
          column: each.column,
          help: each.help ?? each.try,
        });
      }
    }
    if (kind === "finished" && (data.case === undefined || data.case === null)) this.finish(run, data);
  }

  takeLayer(run, { case: id, label, url, type, mask }) {
    const before = this.workspace.cases.get(id)?.layers.find((each) => each.key === `run ${label}`);
    const isVisible = before?.isVisible ?? false;
    const layer = this.workspace.put(id, `run ${label}`, {
      source: "run",
      label,
      url,
      type,
      isMask: Boolean(mask),
      isVisible,
      note: "",
    });
    if (layer) run.layers.push({ id, layer });
  }

  /** Of results that nobody chose from, the last one is shown. */
  finish(run, { status, seconds }) {
    Object.assign(run, { status, seconds });
    for (const id of run.cases) {
      const own = run.layers.filter((each) => each.id === id).map((each) => each.layer);
      if (own.length && !own.some((each) => each.isVisible)) own.at(-1).isVisible = true;
    }
    this.workspace.tell("layers");
    this.finished?.();
  }

  async cancel() {
    if (!this.isRunning) return;
    find("cancel").disabled = true;
    try {
      await remove(`api/runs/${encodeURIComponent(this.run.id)}`);
    } catch (error) {
      find("run-problem").replaceChildren(message("error", textOf(error)));
    }
  }

  nameOf(id) {
    return this.workspace.cases.get(id)?.name ?? id?.split("/").at(-1) ?? "";
  }

  /** Draw once for all events that come before the next frame: a program may print thousands of values. */
  drawSoon() {
    if (this.isDue) return;
    this.isDue = true;
    setTimeout(() => {
      this.isDue = false;
      this.draw();
    }, 30);
  }

  draw() {
    const run = this.run;
    find("run").disabled = this.isRunning;
    find("cancel").hidden = !this.isRunning;
    if (!this.isRunning) find("cancel").disabled = false;
    const open = this.workspace.cases.size;
    find("run").textContent = open > 1 ? `Run for ${open} cases` : "Run";
    if (!run) return;
    const parts = [...run.progress.values()];
    const progress = find("progress");
    progress.hidden = !this.isRunning;
    const share = parts.reduce((sum, each) => sum + (each.total ? each.done / each.total : 0), 0);
    progress.value = share / Math.max(1, run.cases.size);
    const seconds = run.seconds === null ? "" : ` in ${shown(Number(run.seconds.toPrecision(3)))} s`;
    find("run-status").textContent =
      run.status === "running" ? `running: ${Math.round(progress.value * 100)} %` : `${run.status}${seconds}`;
    find("run-status").dataset.status = run.status;
    find("export").replaceChildren(...(this.isRunning ? [] : this.reports(run)));
    find("prints").replaceChildren(...(run.prints.length ? [this.table(run)] : []));
    const told = run.messages.map((each) => this.messageOf(each));
    find("run-messages").replaceChildren(...told);
  }

  /** Links that save the report of each case. */
  reports(run) {
    const cases = [...run.cases];
    return cases.flatMap((id) => {
      const name = this.nameOf(id);
      const text = cases.length > 1 ? `report of ${name}` : "report";
      const href = `api/runs/${encodeURIComponent(run.id)}/report?case=${encodeURIComponent(id)}`;
      return [make("a", { href, download: `${name}.html` }, text), " "];
    });
  }

  messageOf({ kind, case: id, text, line, column, help }) {
    const name = id && this.run.cases.size > 1 ? `${this.nameOf(id)}: ` : "";
    const box = message(kind, name + text, help);
    if (line)
      box.append(button(`line ${line}`, () => this.checker.editor.moveTo(line, column ?? 1), { className: "small" }));
    return box;
  }

  /** What was printed: a row for each label, a column for each case. */
  table(run) {
    const cases = [...run.cases];
    const all = [];
    const rowsOf = new Map();
    for (const each of run.prints) {
      // A label may be printed several times.
      const own = rowsOf.get(each.label) ?? { rows: [], used: new Map() };
      rowsOf.set(each.label, own);
      const used = own.used.get(each.case) ?? 0;
      own.used.set(each.case, used + 1);
      if (used === own.rows.length) {
        own.rows.push({ label: each.label, values: new Map() });
        all.push(own.rows[used]);
      }
      own.rows[used].values.set(each.case, each.value);
    }
    const rows = all.slice(0, MOST_ROWS);
    const heads =
      cases.length > 1
        ? [
            make(
              "thead",
              {},
              make(
                "tr",
                {},
                make("th", {}, "printed"),
                ...cases.map((id) => make("th", { scope: "col" }, this.nameOf(id))),
              ),
            ),
          ]
        : [];
    const cell = (row, id) => {
      const value = row.values.get(id);
      const text = value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : shown(value);
      return make("td", { className: typeof value === "number" ? "number" : "" }, text);
    };
    const body = rows.map((row) =>
      make("tr", {}, make("th", { scope: "row" }, row.label), ...cases.map((id) => cell(row, id))),
    );
    if (rows.length < all.length) {
      const more = `and ${all.length - rows.length} more, which the report has`;
      body.push(make("tr", {}, make("td", { colSpan: cases.length + 1 }, more)));
    }
    return make(
      "table",
      { className: "values", aria: { label: "printed values" } },
      ...heads,
      make("tbody", {}, ...body),
    );
  }
}
