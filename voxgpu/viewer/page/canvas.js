// The canvas: NiiVue with the visible layers of the shown case.
import { takeVoxels } from "./nifti.js";
import { centerOf } from "./center.js";
import { ofRegion } from "./workspace.js";
import { Textures } from "./textures.js";
import { bytes, encoded, textOf } from "./requests.js";
import { find, make, shown } from "./elements.js";

/** Images of layers that stay in memory while they are not visible. */
const MOST_HIDDEN = 8;

/** Width of the cross-hair, in percent of the field of view. */
const CROSS_HAIR = 0.5;

const ADVICE = "Click or press arrow keys to move the cross-hair, scroll through slices, drag to turn the 3-D view.";

/** The slices and views that can be chosen. */
const views = ({ SHOW_RENDER, SLICE_TYPE }) => ({
  planes: [SLICE_TYPE.MULTIPLANAR, SHOW_RENDER.NEVER],
  "planes and 3-D": [SLICE_TYPE.MULTIPLANAR, SHOW_RENDER.ALWAYS],
  axial: [SLICE_TYPE.AXIAL, SHOW_RENDER.NEVER],
  coronal: [SLICE_TYPE.CORONAL, SHOW_RENDER.NEVER],
  sagittal: [SLICE_TYPE.SAGITTAL, SHOW_RENDER.NEVER],
  "3-D": [SLICE_TYPE.RENDER, SHOW_RENDER.NEVER],
});

/** Whether an image has zeros and ones in 8 bits. */
const isMask = (image) => image.hdr.datatypeCode === 2 && image.global_min >= 0 && image.global_max === 1;

/** Steps of the cross-hair in voxels, by key: right, anterior, superior. */
const STEPS = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowDown: [0, -1, 0],
  ArrowUp: [0, 1, 0],
  PageDown: [0, 0, -1],
  PageUp: [0, 0, 1],
};

export class Canvas {
  constructor(workspace) {
    this.workspace = workspace;
    this.onReplaced = () => {};
    this.isDue = false;
    this.updating = null;
    this.isStale = false;
    this.recent = [];
  }

  /** Begin. Raises an error where the browser has no WebGL 2. */
  async start() {
    const { Niivue } = window.niivue;
    this.viewer = new Niivue({
      backColor: [0, 0, 0, 1],
      show3Dcrosshair: true,
      isRadiologicalConvention: true,
      logLevel: "error",
      crosshairWidth: CROSS_HAIR,
      crosshairWidthUnit: "percent",
      dragAndDropEnabled: false,
      isOrientCube: false,
      sagittalNoseLeft: true,
      loadingText: "",
    });
    const canvas = find("canvas");
    await this.viewer.attachToCanvas(canvas);
    this.textures = new Textures(this.viewer);
    this.viewer.onLocationChange = (where) => this.tellPlace(where);
    canvas.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || !this.viewer.volumes.length) return;
      event.preventDefault();
      this.viewer.moveCrosshairInVox(...step);
    });
    this.addControls();
    this.workspace.on("layers", () => this.update());
    this.workspace.on("settings", () => this.redraw());
    window.voxgpuViewer = this.viewer;
    find("place").textContent = ADVICE;
  }

  addControls() {
    const choices = views(window.niivue);
    const view = find("view");
    for (const name of Object.keys(choices)) view.append(make("option", { value: name }, name));
    const choose = () => {
      const [slices, render] = choices[view.value];
      this.viewer.opts.multiplanarShowRender = render;
      this.viewer.opts.sliceType = slices;
      this.textures.fillForView();
      this.viewer.setSliceType(slices);
    };
    view.addEventListener("input", choose);
    choose();
    const cross = find("cross-hair");
    cross.addEventListener("change", () => this.viewer.setCrosshairWidth(cross.checked ? CROSS_HAIR : 0));
  }

  tellPlace(where) {
    const at = Array.from(where.mm)
      .slice(0, 3)
      .map((each) => each.toFixed(1))
      .join(", ");
    const values = where.values.map((each) => `${each.name}: ${shown(each.value)}`);
    find("place").textContent = [`(${at}) mm`, ...values].join("; ");
  }

  /** Load what is visible, and show it; of calls during an update one more update follows. */
  update() {
    this.isStale = true;
    this.updating ??= this.updateAll().finally(() => {
      this.updating = null;
    });
    return this.updating;
  }

  async updateAll() {
    while (this.isStale) {
      this.isStale = false;
      const owner = this.workspace.shown;
      const wanted = (owner?.layers ?? []).filter((each) => each.isVisible && (each.url || each.file));
      const replaced = await Promise.all(wanted.map((each) => this.load(owner, each)));
      if (owner !== this.workspace.shown) continue;
      const shownLayers = wanted.filter((each) => each.image && each.isVisible);
      // Images are below regions.
      const ordered = [...shownLayers.filter((each) => !each.isMask), ...shownLayers.filter((each) => each.isMask)];
      const images = ordered.map((each) => each.image);
      const before = this.viewer.volumes;
      const isSame = images.length === before.length && images.every((each, at) => each === before[at]);
      if (isSame && replaced.includes("voxels")) {
        this.refresh(wanted.filter((_, at) => replaced[at] === "voxels").map((each) => each.image));
      } else if (!isSame || replaced.includes("image")) {
        this.arrange(images);
      }
      this.forget(shownLayers);
      this.workspace.tell("loaded");
      if (wanted.some((each, at) => replaced[at] && each.source === "value")) this.onReplaced();
    }
  }

  /** Make images the volumes of the viewer: the first determines the grid. */
  arrange(images) {
    const { viewer } = this;
    const before = viewer.volumes[0];
    // As addVolume() does, without making textures for each image.
    viewer.volumes = images;
    viewer.back = images[0] ?? null;
    viewer.overlays = images.slice(1);
    if (images.length && String(before?.hdr.affine) !== String(images[0].hdr.affine)) {
      viewer.scene.crosshairPos = [0.5, 0.5, 0.5];
    }
    this.fill(images[0] !== before);
  }

  /** Draw with new textures of the images above, and if so of the one below. */
  fill(isBelow) {
    if (this.viewer.volumes.length) {
      if (isBelow) this.textures.fillBelow();
      this.textures.fillAbove();
    }
    this.viewer.drawScene();
  }

  /** Draw with new textures of images that changed. */
  refresh(changed) {
    const shownImages = this.viewer.volumes;
    if (changed.some((each) => shownImages.includes(each))) this.fill(changed.includes(shownImages[0]));
  }

  /** Move the cross-hair to where a layer is largest. */
  goTo(layer) {
    const center = layer.image && centerOf(layer.image, layer.low);
    if (!center) {
      find("place").textContent = `${layer.label} is empty`;
      return;
    }
    this.viewer.scene.crosshairPos = center;
    this.viewer.createOnLocationChange();
    this.viewer.drawScene();
  }

  /** Load a layer; returns `image` or `voxels` if something new came, or an empty text. */
  async load(owner, layer) {
    const url = layer.url ?? `api/volume/${encoded(layer.file)}`;
    if (layer.image && layer.loaded === url) return "";
    try {
      const buffer = await bytes(url);
      const image = layer.image;
      layer.note = "";
      if (image && takeVoxels(image, buffer)) {
        layer.loaded = url;
        return "voxels";
      }
      const isSet = layer.low !== null && layer.high !== null;
      const [low, high] = isSet ? [layer.low, layer.high] : [NaN, NaN];
      const made = await window.niivue.NVImage.new(
        buffer,
        `${layer.label}.nii`,
        layer.map,
        layer.opacity,
        null,
        low,
        high,
        true,
      );
      made.name = layer.label;
      if (!isSet && isMask(made)) Object.assign(layer, { isMask: true, ...ofRegion(0) });
      if (!isSet) {
        const ends = layer.isMask
          ? { low: 0.5, high: Math.max(1, made.global_max) }
          : { low: made.cal_min, high: made.cal_max };
        Object.assign(layer, ends);
      }
      Object.assign(layer, { minimum: made.global_min, maximum: made.global_max, image: made, loaded: url });
      this.setColors(layer);
      return "image";
    } catch (error) {
      layer.note = `cannot be shown: ${textOf(error)}`;
      layer.isVisible = false;
      return "";
    }
  }

  /** Give an image the colors of its layer; returns whether it had others. */
  setColors(layer) {
    const image = layer.image;
    const before = [image.cal_min, image.cal_max, image.colormap, image.opacity].join();
    image.cal_min = layer.low;
    image.cal_max = Math.max(layer.high, layer.low);
    if (image.colormap !== layer.map) image.setColormap(layer.map);
    image.opacity = layer.opacity;
    return before !== [image.cal_min, image.cal_max, image.colormap, image.opacity].join();
  }

  /** Draw with the colors that layers have now, once for all changes of an event. */
  redraw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      const changed = (this.workspace.shown?.layers ?? []).filter((each) => each.image && this.setColors(each));
      this.refresh(changed.map((each) => each.image));
    });
  }

  /** Drop images that were not visible for longest. */
  forget(shownLayers) {
    this.recent = [...this.recent.filter((each) => !shownLayers.includes(each)), ...shownLayers];
    const most = shownLayers.length + MOST_HIDDEN;
    for (const layer of this.recent.splice(0, Math.max(0, this.recent.length - most))) {
      Object.assign(layer, { image: null, loaded: null });
    }
  }
}
