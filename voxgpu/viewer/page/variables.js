// Values of the program variables that a program mentions, such as $THRESHOLD.
import { find, make } from "./elements.js";

const VARIABLE = /\$(?:\{([\p{L}_][\p{L}\p{M}\p{N}_]*)\}|([\p{L}_][\p{L}\p{M}\p{N}_]*))/gu;

/** Variables that every case gets. */
const GIVEN = new Set(["CASE", "NAME"]);

export class Variables {
  constructor(given, changed) {
    this.values = new Map(Object.entries(given ?? {}));
    this.changed = changed;
    this.names = [];
  }

  /** What requests have: the variables with a value. */
  get definitions() {
    return Object.fromEntries([...this.values].filter(([, value]) => value !== ""));
  }

  /** Show a control for each variable of a program. */
  programChanged(text) {
    const plain = text.replace(/\/\/.*/g, "");
    const names = [...new Set([...plain.matchAll(VARIABLE)].map((each) => each[1] ?? each[2]))].filter(
      (each) => !GIVEN.has(each),
    );
    if (names.join() === this.names.join()) return;
    this.names = names;
    const controls = names.map((name) => {
      const input = make("input", {
        type: "text",
        value: this.values.get(name) ?? "",
        size: 8,
        aria: { label: `variable ${name}` },
      });
      input.addEventListener("input", () => {
        this.values.set(name, input.value);
        this.changed();
      });
      return make("label", {}, make("code", {}, `$${name}`), input);
    });
    find("variables").replaceChildren(...controls);
    find("variables").hidden = !names.length;
  }
}
