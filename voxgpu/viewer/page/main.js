// The page of `voxgpu view`: what each part does, and what tells which.
import { get, textOf } from "./requests.js";
import { find } from "./elements.js";
import { Workspace } from "./workspace.js";
import { Canvas } from "./canvas.js";
import { showLayers } from "./layers.js";
import { showDataset, showOpenCases } from "./dataset.js";
import { Editor } from "./editor.js";
import { Checker } from "./diagnostics.js";
import { NumberSlider } from "./threshold.js";
import { Values } from "./values.js";
import { Variables } from "./variables.js";
import { Programs, example } from "./programs.js";
import { Runs } from "./runs.js";
import { History } from "./history.js";

const tell = (text) => {
  find("status").textContent = text;
};

/** Resolves when what is due is on the screen. */
const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

const start = async () => {
  const [dataset, catalogue] = await Promise.all([get("api/dataset"), get("api/catalogue")]);
  const workspace = new Workspace();
  const number = new NumberSlider();
  let parts = null;

  const programChanged = () => {
    if (!parts) return;
    parts.variables.programChanged(editor.text);
    parts.programs.programChanged();
    parts.checker.later();
    parts.values.programChanged();
  };
  const cursorMoved = () => {
    number.follow(editor);
    const name = editor.nameAt(editor.cursor);
    find("show-value").disabled = !name;
    find("show-value").textContent = name ? `Show ${name.text}` : "Show value";
  };
  const editor = new Editor(find("editor"), catalogue, {
    changed: programChanged,
    moved: () => editor && cursorMoved(),
    valueOf: (token) => parts.values.watch(token),
    run: () => parts.runs.start(),
    save: () => parts.programs.save(),
  });
  const subject = () => ({
    text: editor.text,
    file: parts.programs.file,
    case: workspace.shownId,
    definitions: parts.variables.definitions,
  });
  const checker = new Checker(editor, subject);
  const values = new Values(workspace, editor, subject);
  const variables = new Variables(dataset.definitions, () => {
    checker.later();
    values.programChanged();
  });
  const programs = new Programs(editor, dataset, () => values.clear());
  const runs = new Runs(workspace, checker, subject);
  parts = { checker, values, variables, programs, runs };

  const byId = showDataset(dataset, workspace);
  const openCases = (ids) => {
    for (const id of ids) if (byId.has(id)) workspace.open(byId.get(id));
    if (ids.length && byId.has(ids[0])) workspace.show(ids[0]);
  };
  const history = new History(runs, openCases);
  runs.finished = () => history.load();
  showOpenCases(workspace);
  const canvas = new Canvas(workspace);
  showLayers(workspace, {
    drop: (layer) => (layer.source === "value" ? values.drop(layer.key) : workspace.drop(workspace.shownId, layer.key)),
    goTo: (layer) => canvas.goTo(layer),
  });
  workspace.on("cases", () => checker.later());
  find("show-value").addEventListener("click", () => editor.askForValue());

  try {
    await canvas.start();
  } catch (error) {
    find("place").textContent = `Images cannot be shown: ${textOf(error)}. The browser needs WebGL 2.`;
  }
  // How long it took from the last change of the program until its value is on the screen.
  const measure = async () => {
    const since = values.changedAt;
    if (since === null) return;
    await drawn();
    if (since !== values.changedAt) return;
    const seconds = (performance.now() - since) / 1000;
    values.changedAt = null;
    document.documentElement.dataset.seconds = seconds.toFixed(3);
    tell(`new value on screen after ${seconds.toFixed(2)} s`);
  };
  canvas.onReplaced = measure;
  values.onTold = measure;

  openCases(dataset.open.length ? dataset.open : dataset.cases.slice(0, 1).map((each) => each.id));
  await programs.open(dataset.programs[0] ?? "", example(workspace.shown ? byId.get(workspace.shownId) : null));
  await history.load();
  tell(
    `${dataset.cases.length} case${dataset.cases.length === 1 ? "" : "s"} in ${dataset.roots.map((each) => each.label).join(", ")}`,
  );
  window.voxgpuEditor = editor;
  document.documentElement.dataset.ready = "true";
};

start().catch((error) => tell(`The page cannot be shown: ${textOf(error)}`));
