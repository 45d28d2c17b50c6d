// The browser of the dataset: a row for each case, a column for each layer.
import { debounced, find, make } from "./elements.js";

/** Rows that are in the page at once; the filter finds the others. */
const MOST_ROWS = 200;

export const showDataset = (dataset, workspace) => {
  const filter = find("filter");
  const table = find("matrix");
  const byId = new Map(dataset.cases.map((each) => [each.id, each]));

  const fitting = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    return dataset.cases.filter((each) => {
      const text = `${each.name} ${Object.keys(each.layers).join(" ")}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  };

  const cell = (source, label) => {
    if (!source.layers[label])
      return make("td", { className: "missing" }, make("span", { className: "hidden-text" }, "not there"));
    const layer = workspace.cases.get(source.id)?.layers.find((each) => each.key === `data ${label}`);
    const isVisible = Boolean(layer?.isVisible) && workspace.shownId === source.id;
    const toggle = make(
      "button",
      { type: "button", className: "cell", aria: { label: `${label} of ${source.name}`, pressed: isVisible } },
      isVisible ? "●" : "○",
    );
    toggle.addEventListener("click", () => {
      const wasOpen = workspace.isOpen(source.id);
      workspace.open(source);
      workspace.show(source.id);
      const opened = workspace.shown.layers.find((each) => each.key === `data ${label}`);
      if (wasOpen || !opened.isVisible) workspace.toggle(source.id, label);
    });
    return make("td", {}, toggle);
  };

  const row = (source) => {
    const check = make("input", { type: "checkbox", checked: workspace.isOpen(source.id) });
    check.addEventListener("change", () => (check.checked ? workspace.open(source) : workspace.close(source.id)));
    const head = make(
      "th",
      { scope: "row" },
      make("label", {}, check, make("span", { className: "case-name" }, source.name)),
    );
    return make(
      "tr",
      { className: workspace.shownId === source.id ? "shown" : "", data: { case: source.id } },
      head,
      ...dataset.layers.map((label) => cell(source, label)),
    );
  };

  const draw = () => {
    const focused = document.activeElement;
    const place = table.contains(focused) && {
      id: focused.closest("tr")?.dataset.case,
      at: [...(focused.closest("tr")?.querySelectorAll("input, button") ?? [])].indexOf(focused),
    };
    const found = fitting();
    const heads = make(
      "tr",
      {},
      make("th", { scope: "col" }, "case"),
      ...dataset.layers.map((label) => make("th", { scope: "col" }, label)),
    );
    table.replaceChildren(make("thead", {}, heads), make("tbody", {}, ...found.slice(0, MOST_ROWS).map(row)));
    const more = found.length > MOST_ROWS ? `; the first ${MOST_ROWS} are here` : "";
    find("case-count").textContent = `${found.length} of ${dataset.cases.length} cases${more}`;
    if (place?.id)
      table
        .querySelector(`tr[data-case="${CSS.escape(place.id)}"]`)
        ?.querySelectorAll("input, button")
        [place.at]?.focus();
  };

  filter.addEventListener("input", debounced(80, draw));
  workspace.on("cases layers", draw);
  draw();
  return byId;
};

/** The open cases, of which one is shown. */
export const showOpenCases = (workspace) => {
  const box = find("open-cases");
  const draw = () => {
    const hadFocus = box.contains(document.activeElement);
    const items = [...workspace.cases.values()].map((each) => {
      const radio = make("input", {
        type: "radio",
        name: "shown-case",
        value: each.id,
        checked: each.id === workspace.shownId,
      });
      radio.addEventListener("change", () => workspace.show(each.id));
      const close = make("button", { type: "button", className: "small", aria: { label: `Close ${each.name}` } }, "×");
      close.addEventListener("click", () => workspace.close(each.id));
      return make("span", { className: "open-case" }, make("label", {}, radio, each.name), close);
    });
    box.replaceChildren(...items);
    if (hadFocus) box.querySelector("input:checked")?.focus();
  };
  workspace.on("cases", draw);
  draw();
};
