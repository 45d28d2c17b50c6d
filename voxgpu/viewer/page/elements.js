// Elements of the page. Texts are never read as markup.

/** An element with properties and content; `aria` has attributes of accessibility. */
export const make = (name, { aria = {}, data = {}, ...properties } = {}, ...content) => {
  const made = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(aria)) made.setAttribute(key === "role" ? key : `aria-${key}`, value);
  Object.assign(made.dataset, data);
  made.append(...content.filter((each) => each !== null && each !== undefined));
  return made;
};

/** A control with its label before it. */
export const labeled = (text, control) => make("label", {}, text, control);

/** A slider that calls `set` with its number, and its label. */
export const slider = (label, { min, max, step, value }, set) => {
  const input = make("input", { type: "range", min, max, step, value, aria: { label } });
  input.addEventListener("input", () => set(Number(input.value)));
  return input;
};

/** A button with an action; `label` says more than its text. */
export const button = (text, action, { label, ...properties } = {}) => {
  const made = make("button", { type: "button", ...properties, aria: label ? { label } : {} }, text);
  made.addEventListener("click", action);
  return made;
};

/** A message of an error or a warning, with what to try. */
export const message = (kind, text, advice = "") =>
  make(
    "div",
    { className: `message ${kind}` },
    make("p", {}, text),
    advice ? make("p", { className: "note" }, advice) : null,
  );

export const find = (id) => document.getElementById(id);

/** A function that is called once, some milliseconds after the last of many calls. */
export const debounced = (milliseconds, action) => {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
};

/** A number with as many digits as matter. */
export const shown = (value) => {
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
};
