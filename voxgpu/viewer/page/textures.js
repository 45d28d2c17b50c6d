// The textures of NiiVue, filled here. NiiVue fills them by drawing each slice of each layer, which takes seconds
// where the browser computes WebGL on the CPU: on remote desktops, in virtual machines. What a voxel looks like is
// the same: the shaders of NiiVue say how (`fragOrientShader`).
import { blend, colorsOf, isPlain, paint } from "./colors.js";

/** Whether two images have voxel on voxel. */
const isOnGrid = (image, other) =>
  String(image.hdr.affine) === String(other.hdr.affine) && String(image.dimsRAS) === String(other.dimsRAS);

/** Run an action while WebGL draws nothing: NiiVue then makes its textures, and leaves them empty. */
const withoutDrawing = (gl, action) => {
  gl.drawArrays = () => {};
  try {
    action();
  } finally {
    delete gl.drawArrays;
  }
};

export class Textures {
  constructor(viewer) {
    Object.assign(this, { viewer, hasGradients: false, below: null, above: 0, pixels: new Uint32Array(0) });
  }

  /** Whether the view has a rendering, which needs gradients of the image below. */
  get isRendered() {
    const { SHOW_RENDER, SLICE_TYPE } = window.niivue;
    const { sliceType, multiplanarShowRender } = this.viewer.opts;
    const both = sliceType === SLICE_TYPE.MULTIPLANAR && multiplanarShowRender === SHOW_RENDER.ALWAYS;
    return sliceType === SLICE_TYPE.RENDER || both;
  }

  /** The image below the others, which determines the grid. */
  fillBelow() {
    const { viewer } = this;
    const { gl } = viewer;
    const image = viewer.volumes[0];
    if (this.isRendered || !isPlain(image)) {
      viewer.refreshLayers(image, 0);
      this.hasGradients = true;
    } else {
      // Its size, its place and the shaders change with the image, its colors alone without.
      if (this.below !== image) withoutDrawing(gl, () => viewer.refreshLayers(image, 0));
      const pixels = this.room(image);
      paint(pixels, image, colorsOf(viewer, image, false));
      this.upload(gl.TEXTURE0, viewer.volumeTexture, image, pixels);
      this.hasGradients = false;
    }
    viewer.furthestVertexFromOrigin = viewer.volumeObject3D?.furthestVertexFromOrigin ?? 0;
    if (this.below !== image) this.above = 0;
    this.below = image;
  }

  /** The images above it, blended one after the other. */
  fillAbove() {
    const { viewer } = this;
    const { gl } = viewer;
    const [below, ...images] = viewer.volumes;
    if (!images.length && !this.above) return;
    if (images.some((each) => !isPlain(each) || !isOnGrid(each, below))) {
      images.forEach((each, at) => viewer.refreshLayers(each, at + 1));
      this.above = 0;
      return;
    }
    // The texture is made anew for another grid or number of images, which the shaders know.
    if (images.length && this.above !== images.length) withoutDrawing(gl, () => viewer.refreshLayers(images[0], 1));
    const pixels = this.room(below);
    images.forEach((each, at) => (at ? blend : paint)(pixels, each, colorsOf(viewer, each, true)));
    if (!images.length) pixels.fill(0);
    this.upload(gl.TEXTURE2, viewer.overlayTexture, below, pixels);
    this.above = Math.max(images.length, this.above && 1);
  }

  /** Fill what a rendering needs besides, when the view has one. */
  fillForView() {
    if (this.isRendered && !this.hasGradients && this.below && this.viewer.volumes[0] === this.below) this.fillBelow();
  }

  /** Pixels for all voxels of an image. */
  room({ dimsRAS }) {
    const length = dimsRAS[1] * dimsRAS[2] * dimsRAS[3];
    if (this.pixels.length !== length) this.pixels = new Uint32Array(length);
    return this.pixels;
  }

  upload(unit, texture, { dimsRAS }, pixels) {
    const { gl } = this.viewer;
    gl.activeTexture(unit);
    gl.bindTexture(gl.TEXTURE_3D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const bytes = new Uint8Array(pixels.buffer);
    const sizes = dimsRAS.slice(1, 4);
    gl.texSubImage3D(gl.TEXTURE_3D, 0, 0, 0, 0, ...sizes, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  }
}
