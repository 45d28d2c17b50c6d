"""SimpleITK: calling it, and converting images from and to it."""
