"""Lowering of checked programs to a graph of content-addressed nodes."""
