// What is open: cases with their layers, and which case is shown. Parts of the page listen to its events.

/** Color maps of regions, one after the other. */
const OF_REGIONS = ["warm", "cool", "green", "red", "blue"];

/** Names of images that are regions. */
const REGION = /(^|[^a-z])(seg|segmentation|mask|label|labels|roi|lesion|dseg)([^a-z]|$)/i;

/** Color map and opacity of one of several regions. */
export const ofRegion = (number) => ({ map: OF_REGIONS[number % OF_REGIONS.length], opacity: 0.5 });

/**
 * A layer of a case: an image that the canvas can show.
 *
 * key     what a later version of it has, too: `data flair`, `run gtv.nii.gz`, `value pflair`
 * source  `data`, `run` or `value`
 * url     where its voxels are; null while they are computed
 * low     the value where the color map begins; null: chosen when it is loaded. `high` likewise
 * image   what NiiVue shows, once it is loaded, and `loaded`, the address that it is from
 */
const newLayer = (values) => ({
  url: null,
  type: "",
  isMask: false,
  isVisible: true,
  opacity: 1,
  map: "gray",
  low: null,
  high: null,
  minimum: 0,
  maximum: 1,
  image: null,
  loaded: null,
  note: "",
  ...values,
});

/**
 * The open cases. Events: `cases` (opened, closed, another one is shown), `layers` (the layers of the
 * shown case are others, or newly visible), `settings` (colors of a layer changed), `loaded`.
 */
export class Workspace extends EventTarget {
  constructor() {
    super();
    this.cases = new Map();
    this.shownId = null;
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  on(names, action) {
    for (const name of names.split(" ")) this.addEventListener(name, action);
  }

  /** The case whose layers are on the canvas, if any. */
  get shown() {
    return this.cases.get(this.shownId) ?? null;
  }

  isOpen(id) {
    return this.cases.has(id);
  }

  /** Open a case of the dataset with its files as layers, of which the first is visible. */
  open(source) {
    if (this.cases.has(source.id)) return this.cases.get(source.id);
    const layers = Object.entries(source.layers).map(([label, file], number) => {
      const isMask = REGION.test(label);
      const colors = isMask ? ofRegion(0) : {};
      return newLayer({
        key: `data ${label}`,
        source: "data",
        label,
        file,
        isMask,
        isVisible: number === 0,
        ...colors,
      });
    });
    const opened = { id: source.id, name: source.name, files: source.layers, layers };
    this.cases.set(source.id, opened);
    if (!this.shown) this.shownId = source.id;
    this.tell("cases");
    this.tell("layers");
    return opened;
  }

  close(id) {
    this.cases.delete(id);
    if (this.shownId === id) this.shownId = [...this.cases.keys()].at(-1) ?? null;
    this.tell("cases");
    this.tell("layers");
  }

  show(id) {
    if (id === this.shownId || !this.cases.has(id)) return;
    this.shownId = id;
    this.tell("cases");
    this.tell("layers");
  }

  /** Show or hide a layer of the dataset. */
  toggle(id, label) {
    const layer = this.cases.get(id).layers.find((each) => each.key === `data ${label}`);
    layer.isVisible = !layer.isVisible;
    this.tell("layers");
  }

  /** A layer that was computed: a new one, or a new version of one, which keeps its settings. */
  put(id, key, values) {
    const owner = this.cases.get(id);
    if (!owner) return null;
    let layer = owner.layers.find((each) => each.key === key);
    if (layer) {
      Object.assign(layer, values);
    } else {
      const regions = owner.layers.filter((each) => each.isMask).length;
      const colors = values.isMask ? ofRegion(regions) : { opacity: 0.7, map: "viridis" };
      layer = newLayer({ key, ...colors, ...values });
      owner.layers.push(layer);
    }
    if (id === this.shownId) this.tell("layers");
    return layer;
  }

  /** Take a computed layer away. */
  drop(id, key) {
    const owner = this.cases.get(id);
    if (!owner) return;
    owner.layers = owner.layers.filter((each) => each.key !== key);
    if (id === this.shownId) this.tell("layers");
  }
}
