"""Provenance: how saved images came about, kept in a file beside each."""
