// NIfTI files whose voxels take the place of others: this is faster than making an image of NiiVue anew.

/** Put the voxels of a NIfTI file into an image of the same grid and type; false if it is another. */
export const takeVoxels = (image, buffer) => {
  const view = new DataView(buffer);
  const order = image.hdr.littleEndian;
  if (view.getInt32(0, order) !== 348) return false;
  const sizes = [1, 2, 3, 4].map((at) => Math.max(1, view.getInt16(40 + 2 * at, order)));
  const isSame =
    sizes.every((each, at) => each === Math.max(1, image.hdr.dims[at + 1] ?? 1)) &&
    view.getInt16(70, order) === image.hdr.datatypeCode &&
    view.getFloat32(112, order) === image.hdr.scl_slope &&
    view.getFloat32(116, order) === image.hdr.scl_inter;
  const start = view.getFloat32(108, order);
  const Kind = image.img.constructor;
  const length = image.img.length;
  if (!isSame || start % Kind.BYTES_PER_ELEMENT || buffer.byteLength < start + length * Kind.BYTES_PER_ELEMENT)
    return false;
  image.img = new Kind(buffer, start, length);
  return true;
};
