// Values of names of the program: computed when they are asked for, and again when the program changes.
import { post, textOf } from "./requests.js";
import { button, debounced, find, make, message, shown } from "./elements.js";

/** Milliseconds without a change after which values are computed again. */
const PAUSE = 80;

const keyOf = (watched) => `value ${watched.label}`;

export class Values {
  /** subject: returns what every request has; `changedAt`: when the program changed last. */
  constructor(workspace, editor, subject) {
    Object.assign(this, { workspace, editor, subject, watched: [], asked: new Map(), changedAt: null });
    this.later = debounced(PAUSE, () => this.askForAll());
    workspace.on("cases", () => this.askForAll());
  }

  /** Show the value of a name where it is written, from now on. */
  watch({ name, pos }) {
    let watched = this.watched.find(
      (each) => each.name === name && this.editor.lineOf(each.pos) === this.editor.lineOf(pos),
    );
    if (!watched) {
      const others = this.watched.filter((each) => each.name === name).length;
      watched = {
        name,
        pos,
        label: others ? `${name} (line ${this.editor.lineOf(pos)})` : name,
        told: null,
        texts: new Map(),
      };
      this.watched.push(watched);
      this.editor.follow(this.watched);
    }
    const owner = this.workspace.shown;
    const layer = owner?.layers.find((each) => each.key === keyOf(watched));
    if (layer) layer.isVisible = true;
    this.changedAt = performance.now();
    return this.ask(watched);
  }

  /** Forget all values, as for another program. */
  clear() {
    for (const watched of this.watched)
      for (const id of this.workspace.cases.keys()) this.workspace.drop(id, keyOf(watched));
    this.watched = [];
    this.editor.follow([]);
    this.draw();
  }

  /** Forget the value of a layer or of a number. */
  drop(key) {
    for (const id of this.workspace.cases.keys()) this.workspace.drop(id, key);
    this.watched = this.watched.filter((each) => keyOf(each) !== key);
    this.editor.follow(this.watched);
    this.draw();
  }

  /** The program changed: ask again soon. */
  programChanged() {
    this.changedAt = performance.now();
    if (this.watched.length) this.later();
  }

  askForAll() {
    for (const watched of this.watched) {
      const layer = this.workspace.shown?.layers.find((each) => each.key === keyOf(watched));
      if (!layer || layer.isVisible) this.ask(watched);
    }
    this.draw();
  }

  async ask(watched) {
    const owner = this.workspace.shown;
    this.asked.get(watched)?.abort();
    if (!owner) {
      watched.problem = "open a case first";
      this.draw();
      return;
    }
    const asked = new AbortController();
    this.asked.set(watched, asked);
    watched.isAsked = true;
    this.draw();
    try {
      const place = { name: watched.name, line: this.editor.lineOf(watched.pos) };
      const answer = await post("api/values", { ...this.subject(), case: owner.id, ...place }, asked.signal);
      if (!this.watched.includes(watched)) return;
      watched.problem = "";
      if (answer.kind === "image") {
        const isMask = Boolean(answer.mask);
        const values = { source: "value", label: watched.label, url: answer.url, type: answer.type, isMask, note: "" };
        this.workspace.put(owner.id, keyOf(watched), values);
        watched.texts.delete(owner.id);
      } else {
        this.workspace.drop(owner.id, keyOf(watched));
        watched.texts.set(owner.id, shown(answer.value));
        this.onTold?.(performance.now() - this.changedAt);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      watched.problem = textOf(error);
    }
    watched.isAsked = false;
    this.draw();
  }

  /** The values that are no images, and what could not be computed. */
  draw() {
    const id = this.workspace.shownId;
    const items = this.watched.flatMap((watched) => {
      const text = watched.texts.get(id);
      const isLayer = this.workspace.shown?.layers.some((each) => each.key === keyOf(watched));
      if (text === undefined && !watched.problem && !(watched.isAsked && !isLayer)) return [];
      const away = button("×", () => this.drop(keyOf(watched)), {
        label: `Forget the value of ${watched.label}`,
        className: "small",
      });
      const value = text === undefined ? (watched.isAsked ? "computing…" : "") : text;
      const head = make(
        "div",
        { className: "value" },
        make("code", {}, watched.label),
        value ? ` = ${value}` : "",
        away,
      );
      return [make("li", {}, head, watched.problem ? message("warning", watched.problem) : null)];
    });
    find("values").replaceChildren(...items);
  }
}
