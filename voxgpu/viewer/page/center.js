// Where a region is largest: the slices that have most of it.

/** The voxel, in fractions of the size (right, anterior, superior), where the largest slices meet; null if it is empty. */
export const centerOf = (image, low) => {
  const sizes = image.dimsRAS.slice(1, 4);
  const counts = sizes.map((size) => new Uint32Array(size));
  const [right, anterior, superior] = image.img2RASstep;
  const start = image.img2RASstart.reduce((sum, each) => sum + each, 0);
  const { scl_slope: slope, scl_inter: intercept } = image.hdr;
  for (let z = 0; z < sizes[2]; z += 1) {
    for (let y = 0; y < sizes[1]; y += 1) {
      const row = start + z * superior + y * anterior;
      for (let x = 0; x < sizes[0]; x += 1) {
        if (image.img[row + x * right] * slope + intercept > low) {
          counts[0][x] += 1;
          counts[1][y] += 1;
          counts[2][z] += 1;
        }
      }
    }
  }
  const most = counts.map((each) => each.reduce((best, count, at) => (count > each[best] ? at : best), 0));
  return counts[0][most[0]] ? most.map((at, axis) => (at + 0.5) / sizes[axis]) : null;
};
