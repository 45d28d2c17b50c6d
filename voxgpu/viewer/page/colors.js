// Colors of voxels: windows, color maps and opacities of images, and the blending of images.

/** NIfTI codes of images with colors in them. */
const COLORED = new Set([128, 2304]);

/** Whether the voxels of an image are numbers that its color map makes colors of. */
export const isPlain = (image) =>
  Boolean(image.img && image.img2RASstep) &&
  !COLORED.has(image.hdr.datatypeCode) &&
  !image.colormapLabel &&
  image.colormapType === 0 &&
  !image.colormapNegative;

/**
 * The colors of an image: a function of its stored numbers, with 4 bytes in each color, red first.
 *
 * isAbove  the image is above another one: what is not above the window is transparent, the rest is not
 */
export const colorsOf = (viewer, image, isAbove) => {
  const map = viewer.colormap(image.colormap);
  const bytes = new Uint8ClampedArray(1024);
  for (let at = 0; at < 1024; at += 4) {
    bytes.set([map[at], map[at + 1], map[at + 2]], at);
    bytes[at + 3] = (isAbove && map[at + 3] ? 255 : map[at + 3]) * image.opacity;
  }
  const colors = new Uint32Array(bytes.buffer);
  const { scl_slope: slope, scl_inter: intercept } = image.hdr;
  const low = Math.min(image.cal_min, image.cal_max);
  const share = 256 / Math.max(0.00001, Math.abs(image.cal_max - image.cal_min));
  const colorOf = (stored) => {
    const value = slope * stored + intercept;
    if (!(value > low)) return colors[0];
    // What is above the window has a color, however little it is above.
    return colors[Math.min(255, Math.max(2, Math.floor((value - low) * share)))];
  };
  const size = image.img.BYTES_PER_ELEMENT;
  if (size > 2 || image.img instanceof Float32Array) return colorOf;
  // Of small numbers, all colors once.
  const least = image.img instanceof Int8Array ? -128 : image.img instanceof Int16Array ? -32768 : 0;
  const table = Uint32Array.from({ length: size === 1 ? 256 : 65536 }, (_, at) => colorOf(at + least));
  return (stored) => table[stored - least];
};

/** Call `put(at, color)` for each voxel in the order of textures: right, anterior, superior. */
const forEach = (image, colorOf, put) => {
  const [, width, height, depth] = image.dimsRAS;
  const [right, anterior, superior] = image.img2RASstep;
  const voxels = image.img;
  const frame = (image.frame4D ?? 0) * width * height * depth;
  const start = frame + image.img2RASstart.reduce((sum, each) => sum + each, 0);
  let at = 0;
  for (let z = 0; z < depth; z += 1) {
    for (let y = 0; y < height; y += 1) {
      let from = start + z * superior + y * anterior;
      for (let x = 0; x < width; x += 1) {
        put(at, colorOf(voxels[from]));
        from += right;
        at += 1;
      }
    }
  }
};

/** Fill pixels with the colors of an image. */
export const paint = (pixels, image, colorOf) =>
  forEach(image, colorOf, (at, color) => {
    pixels[at] = color;
  });

/** Blend the colors of an image onto pixels. */
export const blend = (pixels, image, colorOf) => {
  const bytes = new Uint8ClampedArray(pixels.buffer);
  const above = new Uint32Array(1);
  const color = new Uint8Array(above.buffer);
  forEach(image, colorOf, (at, found) => {
    above[0] = found;
    const place = 4 * at;
    if (!color[3]) {
      // Interpolation between voxels sees the color of transparent ones.
      if (!bytes[place + 3]) pixels[at] = found;
      return;
    }
    const opacity = color[3] / 255;
    const below = (bytes[place + 3] / 255) * (1 - opacity);
    const both = opacity + below;
    for (let part = 0; part < 3; part += 1) {
      bytes[place + part] = (color[part] * opacity + bytes[place + part] * below) / both;
    }
    bytes[place + 3] = 255 * both;
  });
};
