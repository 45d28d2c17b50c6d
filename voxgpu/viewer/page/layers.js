// The panel of the layers of the shown case: visible or not, opacity, color map, window.
import { button, find, labeled, make, shown, slider } from "./elements.js";

/** Color maps of NiiVue that can be chosen, as in reports. */
const COLOR_MAPS = ["gray", "red", "green", "blue", "warm", "cool", "hot", "viridis", "plasma", "bone"];

const TITLES = { data: "Images of the case", run: "Results of the run", value: "Values of names" };

const colorMap = (layer, changed) => {
  const map = make("select", { aria: { label: `color map of ${layer.label}` } });
  for (const name of COLOR_MAPS) map.append(make("option", { value: name, selected: name === layer.map }, name));
  map.addEventListener("input", () => {
    layer.map = map.value;
    changed();
  });
  return map;
};

/** Sliders of the window: below `from` a layer above others is transparent. */
const windowOf = (layer, changed) => {
  const least = Math.min(layer.minimum, layer.low);
  const most = Math.max(layer.maximum, layer.high);
  const range = { min: least, max: most, step: (most - least || 1) / 256 };
  const low = make("output", {}, shown(layer.low));
  const high = make("output", {}, shown(layer.high));
  const set = (name, told) => (value) => {
    layer[name] = value;
    told.textContent = shown(value);
    changed();
  };
  return [
    make(
      "label",
      {},
      "from",
      slider(`threshold of ${layer.label}`, { ...range, value: layer.low }, set("low", low)),
      low,
    ),
    make(
      "label",
      {},
      "to",
      slider(`upper end of the window of ${layer.label}`, { ...range, value: layer.high }, set("high", high)),
      high,
    ),
  ];
};

const row = (workspace, layer, actions) => {
  const changed = () => workspace.tell("settings");
  const check = make("input", { type: "checkbox", checked: layer.isVisible, aria: { label: `show ${layer.label}` } });
  check.addEventListener("change", () => {
    layer.isVisible = check.checked;
    workspace.tell("layers");
  });
  const opacity = slider(`opacity of ${layer.label}`, { min: 0, max: 1, step: 0.01, value: layer.opacity }, (value) => {
    layer.opacity = value;
    changed();
  });
  const away = button("×", () => actions.drop(layer), { label: `Take ${layer.label} away`, className: "small" });
  const isReady = layer.isVisible && layer.image;
  const go = button("go to", () => actions.goTo(layer), { label: `Go to ${layer.label}`, className: "small" });
  return make(
    "li",
    { className: "layer-row", data: { key: layer.key } },
    make(
      "div",
      { className: "head" },
      make(
        "label",
        { className: "name" },
        check,
        layer.label,
        layer.type ? make("span", { className: "note" }, layer.type) : null,
      ),
      make(
        "span",
        { className: "buttons" },
        isReady && layer.isMask ? go : null,
        layer.source === "data" ? null : away,
      ),
    ),
    layer.note ? make("p", { className: "note layer-note" }, layer.note) : null,
    isReady
      ? make(
          "div",
          { className: "settings" },
          labeled("opacity", opacity),
          colorMap(layer, changed),
          ...windowOf(layer, changed),
        )
      : null,
  );
};

/** Keep the panel up to date; actions: `drop` takes a computed layer away, `goTo` shows where it is largest. */
export const showLayers = (workspace, actions) => {
  const panel = find("layers");
  const draw = () => {
    const layers = workspace.shown?.layers ?? [];
    const focused = document.activeElement?.getAttribute?.("aria-label");
    const groups = Object.entries(TITLES).flatMap(([source, title]) => {
      const own = layers.filter((each) => each.source === source);
      if (!own.length) return [];
      const list = make(
        "ul",
        { className: "layer-list", aria: { label: title } },
        ...own.map((each) => row(workspace, each, actions)),
      );
      return [make("h3", {}, title), list];
    });
    if (!groups.length) groups.push(make("p", { className: "note" }, "Open a case to see its images."));
    panel.replaceChildren(...groups);
    if (focused) panel.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  };
  workspace.on("layers loaded notes", draw);
  draw();
};
