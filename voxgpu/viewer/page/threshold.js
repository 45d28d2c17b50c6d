// A slider for the number at the cursor: thresholds are found by trying.
import { find } from "./elements.js";

/** Least and most value, and the step, of a slider for a number. */
const rangeOf = (value, text) => {
  if (value <= 1 && /[.eE]/.test(text)) return { min: 0, max: 1, step: 0.01 };
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  const isWhole = !/[.eE]/.test(text);
  const most = value > 0 ? Math.ceil((2 * value) / size) * size : 10;
  return { min: 0, max: most, step: isWhole ? Math.max(1, size / 100) : size / 100 };
};

/** A number as it is written in a program, with a point if it had one. */
const written = (value, step, hasPoint) => {
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  return value.toFixed(hasPoint ? Math.max(1, digits) : digits);
};

export class NumberSlider {
  constructor() {
    this.box = find("number-box");
    this.slider = find("number-slider");
    this.output = find("number");
    this.place = null;
    this.slider.addEventListener("input", () => this.write());
  }

  /** Follow the cursor; the number that is being moved stays. */
  follow(editor) {
    this.editor = editor;
    if (this.isWriting) return;
    const token = editor.tokenAt(editor.cursor);
    const isNumber = token?.kind === "number";
    this.box.hidden = !isNumber;
    if (!isNumber) {
      this.place = null;
      return;
    }
    const isSame = this.place?.from === token.from && this.place.text === token.text;
    if (!isSame) {
      const value = Number(token.text);
      const range = rangeOf(value, token.text);
      Object.assign(this.slider, { ...range, value });
      this.place = {
        from: token.from,
        to: token.to,
        text: token.text,
        step: range.step,
        hasPoint: token.text.includes("."),
      };
      this.output.textContent = `${token.text} in line ${token.line}`;
    }
  }

  write() {
    const place = this.place;
    if (!place) return;
    const text = written(Number(this.slider.value), place.step, place.hasPoint);
    this.isWriting = true;
    this.editor.replace(place.from, place.to, text, "input.slider");
    this.isWriting = false;
    this.place = { ...place, text, to: place.from + text.length };
    this.output.textContent = `${text} in line ${this.editor.lineOf(place.from)}`;
  }
}
