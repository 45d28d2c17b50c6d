"""Input and output of images: headers, voxels, file digests, and allowed folders."""
