"use strict";
// The 3-D viewer of a page: NiiVue, which runs when the viewer is opened, and controls of its layers.
(() => {
  const opener = document.getElementById("open-viewer");
  if (!opener) return;
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const place = document.getElementById("place");
  const list = document.getElementById("layers");

  const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const unpacked = async (bytes) => {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  };

  const waiting = new Map();
  window.voxgpuVolume = (number, text) => waiting.get(number)(text);
  const textOf = (number) => {
    const here = document.getElementById(`volume-${number}`);
    if (here) return Promise.resolve(here.textContent);
    return new Promise((resolve, reject) => {
      waiting.set(number, resolve);
      const script = document.createElement("script");
      script.src = data.volumes[number].file;
      script.onerror = () => reject(new Error(`${script.src} is not there`));
      document.body.append(script);
    });
  };

  const make = (name, values, ...content) => {
    const made = Object.assign(document.createElement(name), values);
    made.append(...content);
    return made;
  };
  const labeled = (text, input) => make("label", {}, text, input);

  // What each layer is set to, and its image once it is loaded.
  const layers = data.volumes.map((volume) => ({
    ...volume,
    opacity: volume.region ? 0.5 : 1,
    threshold: volume.region ? 0.5 : volume.low,
    image: null,
  }));
  let viewer = null;
  let isDue = false;

  const load = async (number) => {
    const layer = layers[number];
    const buffer = await unpacked(bytesOf(await textOf(number)));
    const image = await window.niivue.NVImage.new(
      buffer, `${layer.name}.nii`, layer.map, layer.opacity, null, layer.threshold, layer.high, true
    );
    image.name = layer.name;
    layer.image = image;
    // Images are below regions.
    const under = layers.filter(
      (each, at) => each.image && at !== number && (each.region === layer.region ? at < number : layer.region)
    ).length;
    // As addVolume() does, without making textures for each image.
    viewer.volumes = viewer.volumes.toSpliced(under, 0, image);
    viewer.back = viewer.volumes[0];
    viewer.overlays = viewer.volumes.slice(1);
  };

  const apply = (layer) => {
    if (!layer.image) return;
    layer.image.cal_min = layer.threshold;
    layer.image.cal_max = Math.max(layer.high, layer.threshold);
    if (layer.image.colormap !== layer.map) layer.image.setColormap(layer.map);
    layer.image.opacity = layer.visible ? layer.opacity : 0;
    // Once for all changes of an event: the 3-D textures are made anew.
    if (!isDue) {
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        viewer.updateGLVolume();
      });
    }
  };

  const slider = (min, max, step, value, set) => {
    const input = make("input", { type: "range", min, max, step, value });
    input.addEventListener("input", () => set(Number(input.value)));
    return input;
  };

  const controls = (layer, number) => {
    const shown = make("input", { type: "checkbox", checked: layer.visible });
    shown.addEventListener("change", async () => {
      layer.visible = shown.checked;
      if (layer.visible && !layer.image) await load(number);
      apply(layer);
    });
    const opacity = slider(0, 1, 0.01, layer.opacity, (value) => {
      layer.opacity = value;
      apply(layer);
    });
    const span = layer.high - layer.low || 1;
    const threshold = slider(layer.low, layer.high, span / 200, layer.threshold, (value) => {
      layer.threshold = value;
      apply(layer);
    });
    const map = make("select", {});
    for (const name of data.maps) map.append(make("option", { value: name, selected: name === layer.map }, name));
    map.addEventListener("input", () => {
      layer.map = map.value;
      apply(layer);
    });
    for (const [input, what] of [[opacity, "opacity"], [threshold, "threshold"], [map, "color map"]]) {
      input.setAttribute("aria-label", `${what} of ${layer.name}`);
    }
    const name = make("label", { className: "name" }, shown, layer.name);
    return make("div", { className: "layer-row" }, name, labeled("opacity", opacity), labeled("from", threshold), map);
  };

  const open = async () => {
    opener.disabled = true;
    document.getElementById("viewer").hidden = false;
    place.textContent = "loading…";
    const packed = document.getElementById("niivue").textContent;
    const text = new TextDecoder().decode(await unpacked(bytesOf(packed)));
    document.body.append(make("script", { textContent: text }));
    const { Niivue, SHOW_RENDER, SLICE_TYPE } = window.niivue;
    viewer = new Niivue({
      backColor: [0, 0, 0, 1], show3Dcrosshair: true, isRadiologicalConvention: true, logLevel: "error",
      crosshairWidth: 1, dragAndDropEnabled: false, isOrientCube: false, sagittalNoseLeft: true,
    });
    await viewer.attachToCanvas(document.getElementById("canvas"));
    viewer.onLocationChange = (where) => {
      const at = where.mm.slice(0, 3).map((each) => each.toFixed(1)).join(", ");
      const values = where.values.map((each) => `${each.name}: ${Number(each.value.toPrecision(5))}`);
      place.textContent = [`(${at}) mm`, ...values].join("; ");
    };
    viewer.opts.multiplanarShowRender = SHOW_RENDER.NEVER;
    viewer.setSliceType(SLICE_TYPE.MULTIPLANAR);

    // At first the last region and the image below it, or else the first image.
    const region = layers.findLastIndex((each) => each.region);
    const image = layers.findIndex((each) => !each.region);
    const first = [image, region].filter((each) => each >= 0);
    layers.forEach((layer, number) => {
      layer.visible = first.includes(number);
    });
    for (const number of first) await load(number);

    const ALL = -1; // NiiVue has no number for it
    const view = make("select", {});
    const views = [
      ["planes", SLICE_TYPE.MULTIPLANAR], ["planes and 3-D", ALL], ["axial", SLICE_TYPE.AXIAL], ["coronal", SLICE_TYPE.CORONAL],
      ["sagittal", SLICE_TYPE.SAGITTAL], ["3-D", SLICE_TYPE.RENDER],
    ];
    for (const [name, value] of views) view.append(make("option", { value }, name));
    view.addEventListener("input", () => {
      const value = Number(view.value);
      viewer.opts.multiplanarShowRender = value === ALL ? SHOW_RENDER.ALWAYS : SHOW_RENDER.NEVER;
      viewer.setSliceType(value === ALL ? SLICE_TYPE.MULTIPLANAR : value);
    });
    const cross = make("input", { type: "checkbox", checked: true });
    cross.addEventListener("change", () => viewer.setCrosshairWidth(cross.checked ? 1 : 0));
    list.append(make("div", { className: "layer-row" }, labeled("view", view), labeled(cross, "cross-hair")));
    layers.forEach((layer, number) => list.append(controls(layer, number)));
    for (const layer of layers) apply(layer);
    const center = layers[region]?.center;
    if (center) viewer.scene.crosshairPos = viewer.mm2frac(center);
    opener.hidden = true;
    place.textContent = "Click to move the cross-hair, scroll through slices, drag to turn the 3-D view.";
    window.voxgpuViewer = viewer;
    document.getElementById("viewer").dataset.ready = "true";
  };
  opener.addEventListener("click", () => {
    open().catch((error) => {
      place.textContent = `The viewer cannot be shown: ${error.message}`;
    });
  });
})();
