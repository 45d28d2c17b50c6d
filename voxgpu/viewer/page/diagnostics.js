// Messages about the program while it is written: at their places, and in a list.
import { post, textOf } from "./requests.js";
import { button, debounced, find, make, message } from "./elements.js";

/** Milliseconds without a change after which a program is checked. */
const PAUSE = 250;

/** Check the program when it changes; `subject` returns what is sent. */
export class Checker {
  constructor(editor, subject) {
    this.editor = editor;
    this.subject = subject;
    this.asked = null;
    this.later = debounced(PAUSE, () => this.check());
  }

  async check() {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    find("diagnostics").dataset.state = "checking";
    try {
      const answer = await post("api/check", this.subject(), asked.signal);
      if (!asked.signal.aborted) this.show(answer.diagnostics);
    } catch (error) {
      if (error.name !== "AbortError") find("diagnostics").replaceChildren(message("error", textOf(error)));
    }
  }

  /** Show diagnostics of the text that is in the editor. */
  show(diagnostics) {
    this.editor.showDiagnostics(diagnostics);
    const list = find("diagnostics");
    list.dataset.state = "checked";
    const items = diagnostics.map((each) => {
      const place = `${each.line}:${each.column}`;
      const go = button("", () => this.editor.moveTo(each.line, each.column), {
        className: `message ${each.severity}`,
      });
      go.append(
        make("span", { className: "place" }, place),
        " ",
        make("span", {}, `${each.severity} ${each.code ?? ""}`.trim()),
        ": ",
        each.message,
      );
      if (each.help) go.append(make("span", { className: "note help" }, each.help));
      return make("li", {}, go);
    });
    list.replaceChildren(...items);
    const errors = diagnostics.filter((each) => each.severity === "error").length;
    const others = diagnostics.length - errors;
    const count = (number, noun) => (number ? [`${number} ${noun}${number > 1 ? "s" : ""}`] : []);
    find("verdict").textContent = [...count(errors, "error"), ...count(others, "warning")].join(", ") || "no problems";
  }
}
