"""Pictures of what primitives do: an example program for each, run on images that are made."""
