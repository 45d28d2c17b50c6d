"""Something to try voxgpu on without patient data: a synthetic head and a program for it."""
