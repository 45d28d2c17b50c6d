// The history: runs of this viewer and of its store, newest first.
import { get, textOf } from "./requests.js";
import { button, find, make, message, shown } from "./elements.js";

/** The runs of this viewer, newest first, each with its results. */
export class History {
  constructor(runs, openCases) {
    Object.assign(this, { runs, openCases });
  }

  async load() {
    try {
      this.draw(await get("api/runs"));
    } catch (error) {
      find("history").replaceChildren(make("li", {}, message("error", textOf(error))));
    }
  }

  draw(list) {
    const items = list.map((each) => {
      const kind = { done: "good", failed: "bad", running: "" }[each.status] ?? "warn";
      const started = new Date(typeof each.started === "number" ? each.started * 1000 : each.started);
      const when = Number.isNaN(started.valueOf()) ? String(each.started ?? "") : started.toLocaleString();
      const cases = each.cases ?? [];
      const nameOf = (id) => (id && cases.length > 1 ? `${id.split("/").at(-1)}: ` : "");
      const prints = (each.prints ?? []).map((print) => `${nameOf(print.case)}${print.label} = ${shown(print.value)}`);
      const facts = [
        when,
        each.seconds ? `${shown(Number(each.seconds.toPrecision(3)))} s` : "",
        cases.map((id) => id.split("/").at(-1)).join(", "),
      ];
      const show = async () => {
        await this.openCases(cases);
        this.runs.follow(each.run, cases);
      };
      const name = (each.program ?? "").split("/").at(-1) || "unsaved program";
      return make(
        "li",
        {},
        make(
          "div",
          { className: "head" },
          make("span", { className: `badge ${kind}` }, each.status),
          make("span", { className: "name" }, name),
        ),
        make("p", { className: "note" }, facts.filter(Boolean).join(" · ")),
        prints.length
          ? make("p", { className: "note" }, `${prints.slice(0, 4).join("; ")}${prints.length > 4 ? " …" : ""}`)
          : null,
        cases.length
          ? button("Show", show, { label: `Show the results of ${name}, ${when}`, className: "small" })
          : null,
      );
    });
    if (!items.length) items.push(make("li", { className: "note" }, "Nothing was run yet."));
    find("history").replaceChildren(...items);
  }
}
