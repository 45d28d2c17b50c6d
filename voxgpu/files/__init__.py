"""How images get in and out: headers, voxels, digests of files, and where a program may look."""
